"""Swagger 2.0 to the OpenAPI 3 shape, part by part when a part is read. The document itself is never rewritten, so
`#/definitions/…` and every other pointer stays true.
"""

from collections.abc import Mapping, Sequence

from apifold.core.openapi.model import Encoding, MediaType, Node, RequestBody, Server, Style
from apifold.core.openapi.reading import flag_of, members, text_of
from apifold.core.values import JSON, JSONObject

FORM_MEDIA = "application/x-www-form-urlencoded"
MULTIPART_MEDIA = "multipart/form-data"
JSON_MEDIA = "application/json"

_PARAMETER_WORDS = frozenset(
    ("name", "in", "required", "description", "collectionFormat", "allowEmptyValue", "schema", "$ref")
)
_STYLES = {
    "csv": (Style.FORM, False),
    "ssv": (Style.SPACE_DELIMITED, False),
    "tsv": (Style.TAB_DELIMITED, False),
    "pipes": (Style.PIPE_DELIMITED, False),
    "multi": (Style.FORM, True),
}
_FLOWS = {"accessCode": "authorizationCode", "application": "clientCredentials"}


def upgrade_parameter(parameter: JSONObject) -> JSONObject:
    """A non-body parameter: its type becomes a schema, its `collectionFormat` a style."""
    upgraded: JSONObject = {
        key: value for key, value in parameter.items() if key in _PARAMETER_WORDS or key.startswith("x-")
    }
    if "type" in parameter or "schema" not in parameter:
        upgraded["schema"] = upgrade_schema(parameter)
    style, explode = collection_style(parameter)
    in_list = style is Style.FORM and parameter.get("in") in ("path", "header")
    upgraded["style"] = "simple" if in_list else style.value
    # `multi` is for query and form only (Parameter Object, collectionFormat); elsewhere it can only mean csv.
    upgraded["explode"] = explode and not in_list
    return upgraded


def upgrade_schema(parameter: JSONObject) -> JSONObject:
    """The schema that a parameter, header or `items` of 2.0 spells out inline."""
    schema: JSONObject = {
        key: value
        for key, value in parameter.items()
        if key not in _PARAMETER_WORDS and (not key.startswith("x-") or key == "x-nullable")
    }
    if schema.get("type") == "file":
        schema |= {"type": "string", "format": "binary"}
    nested = schema.get("items")
    if isinstance(nested, dict) and nested.get("type") == "file":
        schema["items"] = {**nested, "type": "string", "format": "binary"}
    return schema


def collection_style(parameter: JSONObject) -> tuple[Style, bool]:
    """Style and explode of a `collectionFormat`; csv when it is absent or unknown."""
    return _STYLES.get(text_of(parameter.get("collectionFormat")), _STYLES["csv"])


def form_body(fields: Mapping[str, Node], consumes: Sequence[str]) -> RequestBody:
    """The body that `in: formData` parameters make together."""
    properties: JSONObject = {}
    required: list[JSON] = []
    encoding: dict[str, Encoding] = {}
    has_file = False
    for name, node in fields.items():
        field = members(node)
        value = upgrade_schema(field) if "type" in field or "schema" not in field else members(Node(field["schema"]))
        description = field.get("description")
        properties[name] = {**value, "description": description} if isinstance(description, str) else value
        if flag_of(field.get("required")):
            required.append(name)
        has_file = has_file or _is_file(field)
        if field.get("type") == "array" and not _is_file(field):
            style, explode = collection_style(field)
            encoding[name] = Encoding(style=style, explode=explode)
    schema: JSONObject = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    first = next(iter(fields.values()))
    node = Node(schema, first.base, first.pointer)
    content = tuple(MediaType(media, node, encoding) for media in _form_media(consumes, has_file=has_file))
    return RequestBody(bool(required), "", content, first.pointer)


def _form_media(consumes: Sequence[str], *, has_file: bool) -> list[str]:
    forms = [
        media for media in consumes if media.startswith("multipart/") or (media.startswith(FORM_MEDIA) and not has_file)
    ]
    return forms or [MULTIPART_MEDIA if has_file else FORM_MEDIA]


def _is_file(field: JSONObject) -> bool:
    nested = field.get("items")
    return field.get("type") == "file" or (isinstance(nested, dict) and nested.get("type") == "file")


def host_servers(root: JSONObject, schemes: Sequence[str]) -> tuple[Server, ...]:
    """`host`, `basePath` and `schemes` as servers, https first. Without a host they are relative to the document."""
    host = text_of(root.get("host")).strip().rstrip("/")
    path = text_of(root.get("basePath")).strip()
    if path and not path.startswith("/"):
        path = f"/{path}"
    if not host:
        return (Server(path or "/"),)
    if "://" in host:  # not allowed, and clear nevertheless
        return (Server(host + path),)
    usable = [scheme for scheme in schemes if scheme in ("https", "http")] or ["https"]
    return tuple(Server(f"{scheme}://{host}{path}") for scheme in sorted(dict.fromkeys(usable), reverse=True))


def upgrade_security_scheme(scheme: JSONObject) -> JSONObject:
    """`basic` becomes http basic, the one flow of `oauth2` becomes a flows object."""
    kind = scheme.get("type")
    if kind == "basic":
        return {**scheme, "type": "http", "scheme": "basic"}
    if kind != "oauth2" or "flows" in scheme:
        return scheme
    flow: JSONObject = {key: scheme[key] for key in ("authorizationUrl", "tokenUrl", "scopes") if key in scheme}
    name = text_of(scheme.get("flow"))
    return {**scheme, "flows": {_FLOWS.get(name, name or "implicit"): flow}}
