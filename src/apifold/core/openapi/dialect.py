"""Which rules a document follows, told from what it says of itself; and what a file is that is no OpenAPI document."""

import re

from apifold.core.openapi.decode import DocumentRefused
from apifold.core.openapi.model import Dialect
from apifold.core.openapi.report import Report
from apifold.core.values import JSON, JSONObject

_VERSION = re.compile(r"\s*v?(\d+)(?:\.(\d+))?")
_MINORS = (Dialect.OPENAPI_3_0, Dialect.OPENAPI_3_1, Dialect.OPENAPI_3_2)
_SWAGGER_WORDS = ("definitions", "securityDefinitions", "host", "basePath", "schemes", "consumes", "produces")
_OPENAPI_WORDS = ("components", "servers", "webhooks")
_METHODS = frozenset(("get", "put", "post", "delete", "options", "head", "patch", "trace", "$ref"))

_OTHER_KINDS = (
    (("asyncapi",), "an AsyncAPI document"),
    (("overlay",), "an OpenAPI Overlay, which changes a document but is none"),
    (("arazzo",), "an Arazzo workflow description"),
    (("swaggerVersion",), "a Swagger 1.x document; convert it to Swagger 2.0 or OpenAPI 3"),
    (("__schema",), "a GraphQL schema"),
    (("_type", "__export_format"), "an Insomnia export"),
    (("apiVersion", "kind"), "a Kubernetes object"),
    (("discoveryVersion",), "a Google discovery document"),
    (("jsonrpc",), "a JSON-RPC message"),
    (("log",), "an HTTP archive (HAR)"),
    (("$schema",), "a JSON Schema"),
    (("mcpServers",), "an MCP client configuration"),
)
_EXPORT_ADVICE = "Give the file or URL of the API's OpenAPI or Swagger document."


def recognise(root: JSON, report: Report) -> Dialect:
    """The dialect of a root document. Raises `DocumentRefused` when it is not an OpenAPI document at all."""
    if not isinstance(root, dict):
        raise _refused(_scalar_kind(root))
    said = _said(root)
    if said is None:
        return _unversioned(root, report)
    keyword, text = said
    match = _VERSION.match(text)
    if match is None:
        dialect = _guess(root)
        report.warning(
            "document.version_unclear",
            f"/{keyword}",
            f"{keyword!r} is {text[:40]!r}; read as {dialect}",
            "Name the version, e.g. 3.1.0.",
        )
        return dialect
    return _known(int(match[1]), int(match[2] or 0), keyword, text, report)


def _said(root: JSONObject) -> tuple[str, str] | None:
    for keyword in ("openapi", "swagger"):
        value = root.get(keyword)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return keyword, str(value)
        if keyword in root:
            return keyword, ""
    return None


def _known(major: int, minor: int, keyword: str, text: str, report: Report) -> Dialect:
    if major == 2:
        return Dialect.SWAGGER_2_0
    if major == 3:
        if minor < len(_MINORS):
            return _MINORS[minor]
        report.warning(
            "document.version_unknown", f"/{keyword}", f"version {text[:40]!r} is newer than 3.2 and read as 3.2"
        )
        return Dialect.OPENAPI_3_2
    if major == 1:
        raise _refused("a Swagger 1.x document; convert it to Swagger 2.0 or OpenAPI 3")
    raise DocumentRefused(
        "document.unknown_version", f"{keyword} {text[:40]!r} is not a version that is known; 2.0 and 3.0 to 3.2 are"
    )


def _unversioned(root: JSONObject, report: Report) -> Dialect:
    if not _has_paths(root):
        raise _refused(_object_kind(root))
    dialect = _guess(root)
    report.warning(
        "document.version_missing",
        "",
        f"neither 'openapi' nor 'swagger' says the version; read as {dialect}",
        "Add openapi: 3.1.0, or what it is.",
    )
    return dialect


def _has_paths(root: JSONObject) -> bool:
    """Whether there is at least one thing that can only be a path with an operation."""
    paths = root.get("paths")
    if not isinstance(paths, dict):
        return False
    return any(
        key.startswith("/") and isinstance(item, dict) and not _METHODS.isdisjoint(item) for key, item in paths.items()
    )


def _guess(root: JSONObject) -> Dialect:
    swagger = sum(word in root for word in _SWAGGER_WORDS) - sum(word in root for word in _OPENAPI_WORDS)
    return Dialect.SWAGGER_2_0 if swagger > 0 else Dialect.OPENAPI_3_0


def _object_kind(root: JSONObject) -> str:
    info = root.get("info")
    if isinstance(info, dict) and ("_postman_id" in info or "postman" in str(info.get("schema", ""))[:200]):
        return "a Postman collection; export it as OpenAPI"
    for words, kind in _OTHER_KINDS:
        if all(word in root for word in words):
            return kind
    data = root.get("data")
    if isinstance(data, dict) and "__schema" in data:
        return "a GraphQL schema"
    if not root:
        return "an empty object"
    if "properties" in root or "$defs" in root:
        return "a JSON Schema"
    if {"error", "errors", "message", "detail"} & root.keys():
        return "an error answer of a server"
    keys = ", ".join(repr(key[:40]) for key in list(root)[:5])
    return f"an object with {keys}, but neither 'openapi' nor 'swagger'"


def _scalar_kind(root: JSON) -> str:
    if isinstance(root, list):
        return "a list"
    if isinstance(root, str):
        text = " ".join(root.split())[:60]
        return f"plain text beginning with {text!r}"
    return "an empty file" if root is None else "a single value"


def _refused(kind: str) -> DocumentRefused:
    message = f"this is not an OpenAPI document: it looks like {kind}"
    return DocumentRefused("document.not_openapi", message, hint=_EXPORT_ADVICE)
