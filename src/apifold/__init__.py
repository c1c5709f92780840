"""APIFold: any HTTP API that has an OpenAPI document becomes a live MCP server."""

__version__ = "0.1.0"
