"""A request to the bytes of its head, for every adapter: what must not be sent is refused here, last of all."""

import re

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.requests.model import UpstreamRequest
from apifold.gateway.http1 import FieldEncoder, is_token

_RESERVED = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "trailer", "te", "expect"}
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})
"""RFC 9110 8.6: a length is sent even for an empty body where the method gives it a meaning."""
_TARGET = re.compile(r"/[\x21-\x7e]*")


_REMEMBERED = 16

Remembered = dict[tuple[tuple[str, str], ...], str]
"""Sets of fields that were sent to one origin, checked and written out. They hold secrets: keep it with the origin."""


class RequestEncoder:
    def __init__(self) -> None:
        self._fields = FieldEncoder(_RESERVED)

    def encode(self, request: UpstreamRequest, host_line: str, remembered: Remembered) -> bytes:
        """Request line, `Host`, the fields in their order and letter case, `Content-Length` where one is due, CRLF.

        Raises `AppError` `request.unsendable`; values are not in its message.
        """
        if (request.method not in _METHODS and not is_token(request.method)) or _TARGET.fullmatch(
            request.target
        ) is None:
            raise unsendable("The method or the target of the request has a character that HTTP forbids.")
        fields = remembered.get(request.headers)
        if fields is None:
            fields = self._write(request)
            if len(remembered) >= _REMEMBERED:
                remembered.clear()
            remembered[request.headers] = fields
        length = f"Content-Length: {len(request.body)}\r\n" if request.body or request.method in _WITH_LENGTH else ""
        return f"{request.method} {request.target} HTTP/1.1\r\n{host_line}{fields}{length}\r\n".encode("latin-1")

    def _write(self, request: UpstreamRequest) -> str:
        try:
            return self._fields.encode(request.headers)
        except ValueError as error:
            raise unsendable(f"The request cannot be sent: {error}.") from error


def unsendable(message: str) -> AppError:
    return AppError("request.unsendable", message, category=ErrorCategory.INVALID)
