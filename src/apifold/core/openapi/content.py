"""Media types, request bodies and responses as the document means them, whatever version wrote them."""

import re
from collections.abc import Sequence

import msgspec
import msgspec.structs

from apifold.core.openapi.model import Dialect, Encoding, MediaType, Node, RequestBody, Response, Style
from apifold.core.openapi.reading import (
    Reading,
    child,
    example_at,
    flag_of,
    kind_of,
    members,
    schema_at,
    sibling,
    text_of,
)
from apifold.core.openapi.report import Unusable, place
from apifold.core.openapi.upgrade import JSON_MEDIA, upgrade_schema

_STATUS = re.compile(r"[1-5](?:[0-9]{2}|XX)")
_MEDIA_NAME = re.compile(r"[\x21-\x7e][\x20-\x7e]*")
_POSITIONAL = ("prefixEncoding", "itemEncoding")


def read_body(reading: Reading, node: Node) -> RequestBody | None:
    """A Request Body Object. `None` when an optional one is unusable; raises `Unusable` when a required one is."""
    found = reading.follow(node)
    body = reading.memory.bodies.get(id(found.value)) or _body(reading, found)
    said_here = sibling(reading, node, "description")
    return msgspec.structs.replace(body, description=said_here) if body is not None and said_here else body


def _body(reading: Reading, found: Node) -> RequestBody | None:
    if not isinstance(found.value, dict):
        message = f"the request body should be an object and is {kind_of(found.value)}; it is left out"
        reading.report.warning("body.malformed", place(found), message)
        return None
    required = flag_of(found.value.get("required"))
    content = read_content(reading, child(found, "content"))
    if not content:
        said = found.value.get("content")
        if said and not (isinstance(said, dict) and all(name.startswith("x-") for name in said)):
            _give_up(reading, found, required=required)
            return None
        reading.report.warning(
            "body.no_content", place(found), f"the request body names no media type; {JSON_MEDIA} is taken"
        )
        content = (MediaType(JSON_MEDIA, None),)
    body = RequestBody(required, text_of(found.value.get("description")), content, found.pointer)
    reading.memory.bodies[id(found.value)] = body
    return body


def _give_up(reading: Reading, node: Node, *, required: bool) -> None:
    message = "no media type of the request body can be read"
    if required:
        raise Unusable("body.malformed", place(node), message)
    reading.report.warning("body.malformed", place(node), f"{message}; it is left out")


def body_of_schema(reading: Reading, node: Node, consumes: Sequence[str]) -> RequestBody:
    """The body that one `in: body` parameter of Swagger 2.0 describes."""
    parameter = members(node)
    schema = schema_at(reading, node)
    if "schema" not in parameter and "type" in parameter:
        schema = msgspec.structs.replace(node, value=upgrade_schema(parameter))
    example = example_at(reading, node)
    content = tuple(MediaType(media, schema, example=example) for media in consumes or (JSON_MEDIA,))
    required = flag_of(parameter.get("required"))
    return RequestBody(required, text_of(parameter.get("description")), content, node.pointer)


def read_content(reading: Reading, node: Node) -> tuple[MediaType, ...]:
    """A `content` map. Entries that cannot be used are left out with a diagnostic."""
    if node.value is None:
        return ()
    if not isinstance(node.value, dict):
        message = f"'content' should be an object of media types and is {kind_of(node.value)}; it is ignored"
        reading.report.warning("content.malformed", place(node), message)
        return ()
    found = (_media_type(reading, name, child(node, name)) for name in node.value if not name.startswith("x-"))
    return tuple(media for media in found if media is not None)


def _media_type(reading: Reading, name: str, node: Node) -> MediaType | None:
    if not _MEDIA_NAME.fullmatch(name):
        reading.report.warning("content.malformed", place(node), f"{name[:80]!r} is not a media type; it is left out")
        return None
    try:
        found = reading.follow(node)
    except Unusable as problem:
        reading.report.warning(
            problem.code, problem.place, f"{problem.message}; this media type is left out", problem.advice
        )
        return None
    if not isinstance(found.value, dict):
        if found.value is not None:
            message = f"the media type should be an object and is {kind_of(found.value)}; any value is taken"
            reading.report.warning("content.malformed", place(found), message)
        return MediaType(name, None)
    for word in _POSITIONAL:
        if word in found.value:
            message = f"{word!r} is not used: parts are written by their type"
            reading.report.note("encoding.positional", place(found), message)
    return MediaType(
        name,
        schema_at(reading, found),
        _encodings(reading, child(found, "encoding")) if "encoding" in found.value else {},
        schema_at(reading, found, "itemSchema"),
        example_at(reading, found),
    )


def _encodings(reading: Reading, node: Node) -> dict[str, Encoding]:
    if not isinstance(node.value, dict):
        if node.value is not None:
            reading.report.warning("encoding.malformed", place(node), "'encoding' should be an object; it is ignored")
        return {}
    return {name: _encoding(reading, child(node, name)) for name in node.value}


def _encoding(reading: Reading, node: Node) -> Encoding:
    said = members(node)
    style = text_of(said.get("style"))
    explode = said.get("explode")
    known = next((style_ for style_ in Style if style_.value == style), None)
    if style and known is None:
        reading.report.warning(
            "encoding.style_unknown", place(node), f"there is no style {style[:40]!r}; the default is used"
        )
    return Encoding(
        content_type=text_of(said.get("contentType")) or None,
        style=known,
        explode=explode if isinstance(explode, bool) else None,
        allow_reserved=flag_of(said.get("allowReserved")),
        headers=_part_headers(reading, child(node, "headers")),
    )


def _part_headers(reading: Reading, node: Node) -> dict[str, Node]:
    headers: dict[str, Node] = {}
    for name in members(node):
        try:
            headers[name] = reading.follow(child(node, name))
        except Unusable as problem:
            reading.report.warning(
                problem.code, problem.place, f"{problem.message}; the header is left out", problem.advice
            )
    return headers


def read_responses(reading: Reading, node: Node, produces: Sequence[str]) -> tuple[Response, ...]:
    """A Responses Object. An answer is an answer whatever is said of it, so nothing here is worth losing a tool for."""
    if not isinstance(node.value, dict):
        if node.value is not None:
            message = f"'responses' should be an object and is {kind_of(node.value)}; it is ignored"
            reading.report.warning("responses.malformed", place(node), message)
        return ()
    found: list[Response] = []
    for status in node.value:
        if status == "default" or _STATUS.fullmatch(status.upper()):
            response = _response(reading, status, child(node, status), produces)
            if response is not None:
                found.append(response)
        elif not status.startswith("x-"):
            reading.report.note(
                "responses.malformed", place(child(node, status)), f"{status[:40]!r} is not a status; it is ignored"
            )
    return tuple(found)


def _response(reading: Reading, status: str, node: Node, produces: Sequence[str]) -> Response | None:
    try:
        found = reading.follow(node)
    except Unusable as problem:
        reading.report.warning(
            problem.code, problem.place, f"{problem.message}; the response is left out", problem.advice
        )
        return None
    if not isinstance(found.value, dict):
        if found.value is not None:
            message = f"the response should be an object and is {kind_of(found.value)}; it is ignored"
            reading.report.warning("responses.malformed", place(found), message)
        return Response(status, "", ())
    if reading.dialect is Dialect.SWAGGER_2_0 and "content" not in found.value:
        schema = schema_at(reading, found)
        content = tuple(MediaType(media, schema) for media in produces or (JSON_MEDIA,)) if schema is not None else ()
        return Response(status, text_of(found.value.get("description")), content)
    return _shared_response(reading, status, found)


def _shared_response(reading: Reading, status: str, found: Node) -> Response:
    known = reading.memory.responses.get((id(found.value), status))
    if known is None:
        known = Response(
            status, text_of(members(found).get("description")), read_content(reading, child(found, "content"))
        )
        reading.memory.responses[id(found.value), status] = known
    return known
