"""Which versions are read as which, and what a file is called that is no OpenAPI document."""

import pytest

from apifold.core.openapi.decode import DocumentRefused
from apifold.core.openapi.dialect import recognise
from apifold.core.openapi.model import Dialect
from apifold.core.openapi.report import Report
from apifold.core.values import JSON


def recognised(document: JSON) -> tuple[Dialect, list[str]]:
    report = Report(limit=10)
    return recognise(document, report), [found.code for found in report.diagnostics()]


@pytest.mark.parametrize(
    ("version", "dialect"),
    [
        ("3.0.0", Dialect.OPENAPI_3_0),
        ("3.0.4", Dialect.OPENAPI_3_0),
        ("3", Dialect.OPENAPI_3_0),
        (3, Dialect.OPENAPI_3_0),
        (3.0, Dialect.OPENAPI_3_0),
        ("3.1", Dialect.OPENAPI_3_1),
        (3.1, Dialect.OPENAPI_3_1),
        ("3.1.0", Dialect.OPENAPI_3_1),
        ("v3.1.1", Dialect.OPENAPI_3_1),
        ("3.1.0-rc0", Dialect.OPENAPI_3_1),
        (" 3.1.0 ", Dialect.OPENAPI_3_1),
        ("3.2.0", Dialect.OPENAPI_3_2),
        ("2.0", Dialect.SWAGGER_2_0),
    ],
)
def test_version_is_understood_as_text_and_as_number(version: JSON, dialect: Dialect) -> None:
    assert recognised({"openapi": version, "paths": {}}) == (dialect, [])


@pytest.mark.parametrize("version", ["2.0", 2.0, 2, "2", "2.0.0"])
def test_swagger_is_understood_as_text_and_as_number(version: JSON) -> None:
    assert recognised({"swagger": version}) == (Dialect.SWAGGER_2_0, [])


def test_newer_minor_version_is_read_as_the_nearest_and_named() -> None:
    assert recognised({"openapi": "3.7.1"}) == (Dialect.OPENAPI_3_2, ["document.version_unknown"])


@pytest.mark.parametrize("version", ["next", "", None, [], True])
def test_version_that_is_none_is_guessed_from_the_shape(version: JSON) -> None:
    assert recognised({"openapi": version, "components": {}}) == (Dialect.OPENAPI_3_0, ["document.version_unclear"])
    assert recognised({"swagger": version, "definitions": {}}) == (Dialect.SWAGGER_2_0, ["document.version_unclear"])


def test_document_without_a_version_is_read_when_it_has_paths() -> None:
    paths: JSON = {"/x": {"get": {}}}
    assert recognised({"paths": paths}) == (Dialect.OPENAPI_3_0, ["document.version_missing"])
    assert recognised({"paths": paths, "host": "a"}) == (Dialect.SWAGGER_2_0, ["document.version_missing"])


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({}, "an empty object"),
        (None, "an empty file"),
        ([], "a list"),
        ("Not found", "plain text beginning with 'Not found'"),
        (5, "a single value"),
        ({"info": {"_postman_id": "x"}, "item": []}, "a Postman collection"),
        ({"info": {"schema": "https://schema.getpostman.com/json/collection/v2.1.0"}}, "a Postman collection"),
        ({"asyncapi": "3.0.0"}, "an AsyncAPI document"),
        ({"overlay": "1.0.0", "actions": []}, "an OpenAPI Overlay"),
        ({"arazzo": "1.0.0"}, "an Arazzo"),
        ({"swaggerVersion": "1.2"}, "a Swagger 1.x document"),
        ({"swagger": "1.2"}, "a Swagger 1.x document"),
        ({"data": {"__schema": {}}}, "a GraphQL schema"),
        ({"_type": "export", "__export_format": 4}, "an Insomnia export"),
        ({"apiVersion": "v1", "kind": "Service"}, "a Kubernetes object"),
        ({"kind": "discovery#restDescription", "discoveryVersion": "v1"}, "a Google discovery document"),
        ({"log": {"entries": []}}, "an HTTP archive"),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema"}, "a JSON Schema"),
        ({"type": "object", "properties": {}}, "a JSON Schema"),
        ({"message": "Not Found"}, "an error answer of a server"),
        ({"name": "left-pad", "dependencies": {}}, "an object with 'name', 'dependencies'"),
        ({"paths": {"/x": {}}}, "an object with 'paths'"),
    ],
)
def test_what_is_no_openapi_document_is_refused_by_what_it_looks_like(document: JSON, kind: str) -> None:
    with pytest.raises(DocumentRefused) as caught:
        recognised(document)
    assert caught.value.code == "document.not_openapi"
    assert kind in caught.value.message
    assert caught.value.hint


def test_unknown_major_version_is_refused() -> None:
    with pytest.raises(DocumentRefused) as caught:
        recognised({"openapi": "4.0.0", "paths": {}})
    assert caught.value.code == "document.unknown_version"
