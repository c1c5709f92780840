"""FastMCP's `from_openapi` in its fastest documented form: stateless, JSON answers. Run in its own environment.

`python bench/fastmcp_server.py DOCUMENT PORT BASE_URL`
"""

import json
import sys
from pathlib import Path

import httpx2
from fastmcp import FastMCP

spec = json.loads(Path(sys.argv[1]).read_text())
client = httpx2.AsyncClient(base_url=sys.argv[3], limits=httpx2.Limits(max_connections=200))
server = FastMCP.from_openapi(openapi_spec=spec, client=client, name="bench")
server.run(
    transport="http",
    host="127.0.0.1",
    port=int(sys.argv[2]),
    stateless_http=True,
    json_response=True,
    show_banner=False,
    log_level="ERROR",
)
