"""Raw upstreams on loopback that do exactly what a test tells them, and remember every byte they were sent."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Peer:
    """One accepted connection, from the upstream's side."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: bytearray = field(default_factory=bytearray)
    server_name: str | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """The other side has closed, or reset, the connection."""

    async def request(self) -> bytes:
        """The next request, byte for byte: head, and body by its Content-Length. Empty at the end."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            body = await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed.set()
            return b""
        self.received += head + body
        return head + body

    async def write(self, data: bytes) -> bool:
        """False once the other side is gone."""
        with contextlib.suppress(ConnectionError):
            if not self.writer.is_closing():
                self.writer.write(data)
                await self.writer.drain()
                return True
        self.closed.set()
        return False

    async def until_closed(self) -> None:
        """Read, and remember, until the other side closes."""
        with contextlib.suppress(ConnectionError):
            while data := await self.reader.read(65536):
                self.received += data
        self.closed.set()

    def reset(self) -> None:
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class RawUpstream:
    """Listens while it is entered; every connection is played by the script."""

    def __init__(
        self, script: Script, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.peers: list[Peer] = []
        self.host = host
        self.port = port
        self._script = script
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._names: list[str | None] = []

    @property
    def received(self) -> bytes:
        return b"".join(bytes(peer.received) for peer in self.peers)

    async def __aenter__(self) -> Self:
        if self._tls is not None:
            self._tls.sni_callback = lambda _socket, name, _context: self._names.append(name)
        self._server = await asyncio.start_server(self._accept, self.host, self.port, ssl=self._tls, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for peer in self.peers:
            peer.writer.transport.abort()
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, server_name=self._names[-1] if self._names else None)
        self.peers.append(peer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._script(peer)
        except (asyncio.CancelledError, ConnectionError):
            return
        finally:
            self._tasks.discard(task)
            writer.close()


def answering(*answers: bytes) -> Script:
    """Each request gets the next answer, over all connections; the last one is repeated. Connections stay open."""
    left = list(answers)

    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.write(left.pop(0) if len(left) > 1 else left[0])

    return script


def once(answer: bytes) -> Script:
    """One request, one answer, and the connection is closed."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(answer)

    return script


async def canary(peer: Peer) -> None:
    """Remembers whatever comes."""
    await peer.until_closed()


@dataclass(frozen=True)
class Authority:
    """A certificate authority of our own."""

    folder: Path
    _key: ec.EllipticCurvePrivateKey
    _certificate: x509.Certificate

    def trusting(self) -> ssl.SSLContext:
        """A client's context that trusts this authority and nobody else."""
        pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def serving(self, name: str) -> ssl.SSLContext:
        """A server's context with a certificate for one DNS name or address."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            subject: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            subject = x509.DNSName(name)
        builder = _certificate(name, self._certificate.subject, key).add_extension(
            x509.SubjectAlternativeName([subject]), critical=False
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        file = self.folder / f"{name.replace(':', '_')}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def found_authority(folder: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
    builder = _certificate("Test authority", name, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return Authority(folder, key, builder.sign(key, hashes.SHA256()))


def _certificate(subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
    )
