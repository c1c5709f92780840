"""The body of a request: which media type, and how a value is written in it."""

from typing import Final

from apifold.core.openapi.media import MediaKind, essence, find_media_type, media_kind, selectable_media_types
from apifold.core.openapi.model import MediaType, RequestBody
from apifold.core.openapi.references import Resolver
from apifold.core.openapi.shapes import Shape, json_type, property_shape, shape_of
from apifold.core.requests.binary import is_media_type, looks_binary, media_type_text
from apifold.core.requests.content import Payload, WriteBody, compile_body
from apifold.core.requests.serialize import Unwritable
from apifold.core.values import JSON, JSONObject

_MAX_WRITERS: Final = 64
_OCTETS: Final = "application/octet-stream"


class BodyPlan:
    """Writers are made when first used."""

    __slots__ = (
        "_body",
        "_byte_type",
        "_choices",
        "_resolver",
        "_shapes",
        "_shows_files",
        "_writers",
        "argument",
        "is_selectable",
    )

    def __init__(
        self,
        body: RequestBody,
        resolver: Resolver,
        *,
        argument: str,
        is_selectable: bool,
        byte_type: str,
        shows_files: bool,
    ) -> None:
        self.argument = argument
        self.is_selectable = is_selectable
        """Whether `_contentType` chooses a media type; not where a parameter has taken that name."""
        self._body = body
        self._resolver = resolver
        self._byte_type = byte_type
        self._shows_files = shows_files
        self._choices = selectable_media_types(body)
        self._writers: dict[str, WriteBody] = {}
        self._shapes: dict[str, Shape] = {}

    @property
    def may_hold_files(self) -> bool:
        """Whether a string in the schema may stand for a file on the wire: bodies that are not JSON or a form."""
        kinds = (MediaKind.MULTIPART, MediaKind.TEXT, MediaKind.BYTES)
        return any(media_kind(media) in kinds for media in self._body.content)

    def write(self, value: JSON, content_type: str = "") -> Payload:
        """The body for a value, in the media type asked for or else the one it fits. Raises `Unwritable`."""
        name = content_type or (self._fitting(value) if len(self._body.content) > 1 else "")
        return (self._writers.get(name) or self._compiled(name))(value)

    def admits(self, content_type: str) -> bool:
        """Whether the body can be sent in a media type: a declared one, or any where bytes of any kind are taken."""
        return self._media(content_type) is not None

    def _media(self, content_type: str) -> MediaType | None:
        found = find_media_type(self._body, content_type)
        if found is not None or not is_media_type(content_type):
            return found
        octets = (one for one in self._body.content if essence(one.content_type) == _OCTETS)
        return next(octets, None)

    def _compiled(self, name: str) -> WriteBody:
        media = self._media(name) if name else self._choices[0]
        if media is None:
            allowed = ", ".join(one.content_type for one in self._body.content)
            raise Unwritable(f"cannot be sent as {name[:80]!r}; possible are: {allowed}")
        asked = media_type_text(name) if name and name != media.content_type else ""
        writer = compile_body(
            media, self._resolver, content_type=asked, byte_type=self._byte_type, shows_files=self._shows_files
        )
        if len(self._writers) < _MAX_WRITERS:
            self._writers[name] = writer
        return writer

    def _fitting(self, value: JSON) -> str:
        """The media type for a value when the caller names none: of those that can write it, the first.

        A file goes in a type for bytes, the one it names if it does; an object that holds files in a multipart type.
        """
        if isinstance(value, dict):
            found = self._for_file(value) if looks_binary(value) else self._for_parts(value)
            if found is not None:
                return found.content_type
        fitting = (media for media in self._choices if self._takes(media, value))
        return next(fitting, self._choices[0]).content_type

    def _for_file(self, file: JSONObject) -> MediaType | None:
        name = file.get("contentType")
        named = find_media_type(self._body, name) if isinstance(name, str) else None
        if named is not None and media_kind(named) is MediaKind.BYTES:
            return named
        bytes_of_any_kind = (media for media in self._choices if essence(media.content_type) == _OCTETS)
        return None if any(map(self._may_be_no_file, self._choices)) else next(bytes_of_any_kind, None)

    def _may_be_no_file(self, media: MediaType) -> bool:
        """Whether `content` may be just the name of a property in values of a media type."""
        if media_kind(media) is MediaKind.BYTES:
            return False
        shape = self._shape(media)
        return shape.may_be("object") and ("content" in shape.properties or not shape.properties)

    def _for_parts(self, value: JSONObject) -> MediaType | None:
        files = [name for name, item in value.items() if _is_file(item[0] if isinstance(item, list) and item else item)]
        if not files:
            return None
        for media in self._choices:
            if media_kind(media) is MediaKind.MULTIPART:
                shapes = [property_shape(self._shape(media), name, self._resolver) for name in files]
                if all(shape.binary or not shape.may_be("object") for shape in shapes):
                    return media
        return None

    def _takes(self, media: MediaType, value: JSON) -> bool:
        kind = media_kind(media)
        if kind is MediaKind.BYTES:
            return isinstance(value, str) or looks_binary(value)
        if kind in (MediaKind.TEXT, MediaKind.XML):
            return not isinstance(value, dict | list)
        if kind is MediaKind.JSON_LINES and isinstance(value, str | list):
            return True
        return json_type(value) in self._shape(media).types

    def _shape(self, media: MediaType) -> Shape:
        known = self._shapes.get(media.content_type)
        if known is None:
            known = self._shapes[media.content_type] = shape_of(self._resolver, media.schema)
        return known


def _is_file(value: JSON) -> bool:
    """Not a data URI: that may be meant as the text it is."""
    return isinstance(value, dict) and looks_binary(value)
