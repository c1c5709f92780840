"""The demo API on a free port of loopback, and a plain way to talk to it."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from apifold.demo.app import DemoAPI
from apifold.demo.wire import Handler, HTTPServer


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes

    @property
    def json(self) -> Any:  # decoded JSON is whatever it is
        return json.loads(self.body)


@contextmanager
def running(handler: Handler | None = None) -> Iterator[str]:
    """Serve from a thread of its own; yields `http://127.0.0.1:PORT`. Without a handler: a fresh demo API."""
    loop = asyncio.new_event_loop()
    server = HTTPServer(handler or DemoAPI())
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def send(
    method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None, timeout: float = 30
) -> Reply:
    """One request on a connection of its own; the target goes out exactly as it stands in `url`."""
    parts = urlsplit(url)
    target = url.partition(parts.netloc)[2] or "/"
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request(method, target, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def send_json(method: str, url: str, value: object, content_type: str = "application/json") -> Reply:
    return send(method, url, body=json.dumps(value).encode(), headers={"Content-Type": content_type})
