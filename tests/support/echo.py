"""A real HTTP server on loopback that keeps every byte it is sent: request line, header lines in order, body."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import BinaryIO

from apifold.core.requests.model import UpstreamRequest

_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'
_WAIT = 10.0


@dataclass(frozen=True)
class Received:
    """One request as it arrived; nothing is decoded."""

    line: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def method(self) -> str:
        return self.line.split(b" ")[0].decode("latin-1")

    @property
    def target(self) -> str:
        return self.line.split(b" ")[1].decode("latin-1")

    def header(self, name: str) -> str | None:
        """The first value of a header, or `None`."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == wanted), None)


class EchoServer:
    """Answers every request with `{"ok":true}` and records it. One thread per connection, keep-alive."""

    def __init__(self) -> None:
        self._received: SimpleQueue[Received] = SimpleQueue()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self) -> Received:
        """The next request received; waits for it up to ten seconds."""
        return self._received.get(timeout=_WAIT)

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection.makefile("rb") as stream:
            while line := stream.readline():
                headers = tuple(_header_lines(stream))
                body = _body(stream, headers)
                self._received.put(Received(line.rstrip(b"\r\n"), headers, body))
                connection.sendall(_ANSWER)


def _header_lines(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while (line := stream.readline()) not in (b"\r\n", b"\n", b""):
        name, _, value = line.rstrip(b"\r\n").partition(b":")
        yield name, value.strip(b" \t")


def _body(stream: BinaryIO, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    named = {name.lower(): value for name, value in headers}
    if named.get(b"transfer-encoding", b"").lower() == b"chunked":
        return b"".join(_chunks(stream))
    return stream.read(int(named.get(b"content-length", b"0")))


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while size := int(stream.readline().split(b";")[0], 16):
        yield stream.read(size)
        stream.readline()
    while stream.readline() not in (b"\r\n", b""):
        pass


@contextmanager
def echo_server() -> Iterator[EchoServer]:
    server = EchoServer()
    try:
        yield server
    finally:
        server.close()


def send_raw(request: UpstreamRequest) -> None:
    """Put a request on the wire with nothing added but Host and framing, and wait for the answer to begin."""
    assert request.origin is not None
    lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {request.origin.authority}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    lines += [f"Content-Length: {len(request.body)}", "Connection: close", "", ""]
    with socket.create_connection((request.origin.host, request.origin.port), timeout=_WAIT) as connection:
        connection.sendall("\r\n".join(lines).encode("ascii") + request.body)
        assert connection.recv(64).startswith(b"HTTP/1.1 200")
