"""The request that goes upstream and the answer that comes back, as plain values.

Those of which every call makes some are Structs: frozen like a dataclass, made in a tenth of its time.
"""

from enum import StrEnum

import msgspec


class BodyKind(StrEnum):
    NONE = "none"
    JSON = "json"
    FORM = "form"
    MULTIPART = "multipart"
    TEXT = "text"
    BYTES = "bytes"


class Origin(msgspec.Struct, frozen=True):
    """Where to connect (RFC 6454): scheme, host as in the URL without brackets, port."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The `Host` header: brackets around IPv6, the port left out when it is the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class UpstreamRequest(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request, byte-exact: nothing below re-encodes, reorders or adds to it but `Host` and framing."""

    method: str
    origin: Origin | None
    """`None` when the server URL is relative (only a dry run can show such a request)."""
    target: str
    """Path and query as they stand on the request line; ASCII, percent-encoded, starts with `/`."""
    headers: tuple[tuple[str, str], ...]
    """Without Host, Content-Length, Transfer-Encoding and Connection."""
    body: bytes
    body_kind: BodyKind
    idempotent: bool
    """May be sent again when no answer came (RFC 9110 9.2.2)."""

    @property
    def url(self) -> str:
        return self.target if self.origin is None else f"{self.origin}{self.target}"


class UpstreamResponse(msgspec.Struct, frozen=True, gc=False):
    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, values latin-1 decoded, in order, repeats kept."""
    body: bytes
    """Content coding removed, at most `CallLimits.response_bytes`."""
    truncated: bool
    """The body was longer than the cap and the rest was not read."""

    def header(self, name: str) -> str:
        """The first value of a header (lower-case name), or an empty string."""
        for key, value in self.headers:
            if key == name:
                return value
        return ""
