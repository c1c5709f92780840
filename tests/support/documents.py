"""The repository's own OpenAPI documents, and small ones made in a test."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from apifold.core.openapi.document import Document
from apifold.core.openapi.model import Operation
from apifold.core.openapi.operations import read_document
from apifold.core.values import JSON, JSONObject

DOCUMENTS = Path(__file__).resolve().parents[1] / "documents"
"""`harbour-*` cover every feature of each version, `harbour/` is one document in several files, `harbour-broken.yaml` has
every kind of slip."""


def openapi(paths: JSON = None, *, version: JSON = "3.1.0", **members: JSON) -> JSONObject:
    return {
        "openapi": version,
        "info": {"title": "Test", "version": "1"},
        "paths": {} if paths is None else paths,
        **members,
    }


def swagger(paths: JSON = None, **members: JSON) -> JSONObject:
    return {"swagger": "2.0", "info": {"title": "Test", "version": "1"}, "paths": paths or {}, **members}


def read(document: JSON, files: Mapping[str, JSON] = MappingProxyType({})) -> Document:
    return read_document({**files, "": document})


def one_operation(document: JSON) -> Operation:
    """The only operation of a document."""
    (operation,) = read(document).operations
    return operation


def problems(document: Document) -> list[tuple[str, str, str]]:
    """Code, place and operation of every diagnostic."""
    return [(found.code, found.pointer, found.operation) for found in document.diagnostics]
