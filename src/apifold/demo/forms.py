"""Reading the two form encodings: `application/x-www-form-urlencoded` (WHATWG URL) and `multipart/form-data` (RFC 7578)."""

from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    data: bytes
    content_type: str
    filename: str | None


class BadForm(Exception):
    """The body is not the form that its Content-Type says."""


def urlencoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise BadForm("the form is not UTF-8") from error


def multipart(content_type: str, body: bytes) -> list[Part]:
    """The parts in order, byte for byte (RFC 2046 5.1.1)."""
    boundary = _headers(f"Content-Type: {content_type}").get_boundary()
    if not boundary:
        raise BadForm("the Content-Type has no boundary")
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(delimiter)[1:]
    if not pieces or not pieces[-1].startswith(b"--"):
        raise BadForm("the closing boundary is missing")
    return [_part(piece) for piece in pieces[:-1]]


def _part(piece: bytes) -> Part:
    head, divider, data = piece.partition(b"\r\n\r\n")
    headers = _headers(head.decode("utf-8", "replace").strip())
    name = headers.get_param("name", header="content-disposition")
    if not divider or not isinstance(name, str):
        raise BadForm("a part has no name")
    return Part(name, data, headers.get_content_type(), headers.get_filename())


def _headers(text: str) -> Message:
    return HeaderParser().parsestr(text)
