"""Whatever stands where a schema should, a tool comes out whose schema is valid and which strict clients take."""

import jsonschema_rs
import msgspec
import pytest

from apifold.core.openapi.document import Document
from apifold.core.tools.compiler import CompileOptions, compile_tools
from apifold.core.tools.model import Profile
from apifold.core.values import JSON, JSONObject
from support.documents import openapi, read
from support.portable_rules import violations
from support.random_schemas import RandomSchemas

DOCUMENTS = 300
VERSIONS = ("3.0.3", "3.1.0")


def document(seed: int, version: str) -> Document:
    at_random = RandomSchemas(seed)
    a, b, body = at_random.schema(), at_random.schema(), at_random.schema()
    content: JSON = {
        "multipart/form-data": {"schema": body},
        "application/json": {"schema": {"$ref": "#/components/schemas/A"}},
    }
    operation: JSONObject = {
        "parameters": [{"in": "query", "name": "$q", "schema": b}, {"in": "query", "name": "q", "schema": a}],
        "requestBody": {"content": content},
        "responses": {},
    }
    heir: JSON = {"allOf": [{"$ref": "#/components/schemas/A"}, body]}
    components: JSONObject = {"schemas": {"A": a, "B": b, "C": heir}}
    return read(openapi({"/x": {"post": operation}}, version=version, components=components))


@pytest.mark.parametrize("version", VERSIONS)
def test_any_schema_gives_a_valid_portable_one_and_the_same_again(version: str) -> None:
    for seed in range(DOCUMENTS):
        loaded = document(seed, version)
        schemas = [one.input(tool).schema for one in [compile_tools(loaded)] for tool in one]
        for schema in schemas:
            assert (seed, violations(schema)) == (seed, [])
            jsonschema_rs.Draft202012Validator(schema, offline=True, pattern_options=jsonschema_rs.RegexOptions())
        again = [one.input(tool).schema for one in [compile_tools(loaded)] for tool in one]
        assert msgspec.json.encode(again) == msgspec.json.encode(schemas), seed


@pytest.mark.parametrize("version", VERSIONS)
def test_any_schema_gives_a_valid_faithful_one(version: str) -> None:
    for seed in range(DOCUMENTS):
        catalogue = compile_tools(document(seed, version), CompileOptions(profile=Profile.FAITHFUL))
        for tool in catalogue:
            schema = catalogue.input(tool).schema
            msgspec.json.encode(schema)
            jsonschema_rs.Draft202012Validator(schema, offline=True).is_valid({"body": {"a": [1]}, "q": "x"})
