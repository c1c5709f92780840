"""Files where only text may stand, and the media type that a file chooses."""

import pytest

from apifold.core.requests.arguments import InvalidArguments
from apifold.core.requests.build import build_request
from apifold.core.requests.model import UpstreamRequest
from apifold.core.requests.plan import compile_plan
from apifold.core.tools.compiler import compile_tools
from apifold.core.values import JSON, JSONObject
from support.documents import openapi, read

FILE: JSON = {"type": "string", "format": "binary"}
TEXT: JSON = {"type": "string"}
PNG: JSONObject = {"content": "iVBO", "filename": "a.png", "contentType": "image/png"}
SPELLINGS: list[JSON] = [PNG, "data:image/png;base64,iVBO", "iVBO"]


def obj(**properties: JSON) -> JSONObject:
    return {"type": "object", "properties": properties}


def sent(
    content: JSONObject, arguments: JSONObject, parameters: JSON = None, *, method: str = "post"
) -> UpstreamRequest:
    operation: JSONObject = {"responses": {}, "parameters": parameters or []}
    if content:
        operation["requestBody"] = {"content": content}
    document = read(openapi({"/x": {method: operation}}, servers=[{"url": "https://h"}]))
    catalogue = compile_tools(document)
    (tool,) = catalogue.tools
    return build_request(compile_plan(tool, catalogue.input(tool), document.resolver), arguments)


def content_type(request: UpstreamRequest) -> str:
    return dict(request.headers).get("Content-Type", "").partition(";")[0]


@pytest.mark.parametrize("file", SPELLINGS)
def test_file_inside_json_is_base64_however_it_is_spelled(file: JSON) -> None:
    schema = obj(
        photo=FILE,
        more={"type": "array", "items": FILE},
        by_name={"type": "object", "additionalProperties": obj(photo=FILE)},
        free={"type": "object"},
    )
    body: JSON = {"photo": file, "more": [file, file], "by_name": {"k": {"photo": file}}, "free": {"photo": PNG}}
    assert sent({"application/json": {"schema": schema}}, {"body": body}).body == (
        b'{"photo":"iVBO","more":["iVBO","iVBO"],"by_name":{"k":{"photo":"iVBO"}},'
        b'"free":{"photo":{"content":"iVBO","filename":"a.png","contentType":"image/png"}}}'
    )


@pytest.mark.parametrize("file", SPELLINGS)
def test_file_in_a_parameter_is_base64_however_it_is_spelled(file: JSON) -> None:
    parameters: JSON = [
        {"name": "q", "in": "query", "schema": FILE},
        {"name": "X-H", "in": "header", "schema": {"type": "array", "items": FILE}},
    ]
    request = sent({}, {"q": file, "X-H": [file, file]}, parameters, method="get")
    assert (request.target, dict(request.headers)["X-H"]) == ("/x?q=iVBO", "iVBO,iVBO")


@pytest.mark.parametrize("file", SPELLINGS)
def test_file_in_a_form_is_its_bytes_however_it_is_spelled(file: JSON) -> None:
    schema = obj(f=FILE, l={"type": "array", "items": FILE})
    request = sent({"application/x-www-form-urlencoded": {"schema": schema}}, {"body": {"f": file, "l": [file, file]}})
    assert request.body == b"f=%89PN&l=%89PN&l=%89PN"


def test_recursive_schema_with_files_is_looked_through_a_few_levels_deep() -> None:
    schemas: JSON = {"Node": obj(photo=FILE, below={"$ref": "#/components/schemas/Node"})}
    operation: JSONObject = {
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}},
        "responses": {},
    }
    document = read(openapi({"/x": {"post": operation}}, components={"schemas": schemas}))
    catalogue = compile_tools(document)
    (tool,) = catalogue.tools
    plan = compile_plan(tool, catalogue.input(tool), document.resolver)
    assert build_request(plan, {"body": {"photo": PNG, "below": {"photo": PNG}}}).body == (
        b'{"photo":"iVBO","below":{"photo":"iVBO"}}'
    )


def test_object_with_a_file_goes_in_the_multipart_type_that_takes_it() -> None:
    both: JSONObject = {
        "application/json": {"schema": obj(text=TEXT)},
        "multipart/form-data": {"schema": obj(text=TEXT, file=FILE, files={"type": "array", "items": FILE})},
    }
    assert content_type(sent(both, {"body": {"text": "x"}})) == "application/json"
    assert content_type(sent(both, {"body": {"text": "x", "file": PNG}})) == "multipart/form-data"
    assert content_type(sent(both, {"body": {"files": [PNG]}})) == "multipart/form-data"
    chosen: JSONObject = {"body": {"file": PNG}, "_contentType": "application/json"}
    assert content_type(sent(both, chosen)) == "application/json"


def test_object_that_is_a_file_goes_in_a_type_for_bytes_unless_content_is_a_property() -> None:
    octets: JSONObject = {"application/octet-stream": {}}
    upload: JSONObject = {**octets, "application/json": {"schema": obj(url=TEXT)}}
    nameless: JSON = {"content": "iVBO", "filename": "a.png"}
    assert sent(upload, {"body": nameless}).body == b"\x89PN"
    free: JSONObject = {**octets, "application/json": {"schema": obj()}}
    assert content_type(sent(free, {"body": nameless})) == "application/json"
    note: JSONObject = {**octets, "application/json": {"schema": obj(content=TEXT, filename=TEXT)}}
    assert content_type(sent(note, {"body": nameless})) == "application/json"


def test_object_is_no_xml() -> None:
    xml: JSONObject = {"application/xml": {"schema": obj(a=TEXT)}, "application/json": {"schema": obj(a=TEXT)}}
    with pytest.raises(InvalidArguments, match="/body: has to be a string that holds the XML"):
        sent(xml, {"body": {"a": "x"}, "_contentType": "application/xml"})
    assert sent(xml, {"body": "<a/>"}).body == b"<a/>"


MEMBERS = obj(
    file=FILE,
    files={"type": "array", "items": FILE},
    meta=obj(photo=FILE),
    rows={"type": "array", "items": obj(photo=FILE)},
)


@pytest.mark.parametrize("file", SPELLINGS)
def test_file_inside_a_json_part_is_base64_and_a_part_of_its_own_its_bytes(file: JSON) -> None:
    body: JSON = {"file": file, "files": [file], "meta": {"photo": file}, "rows": [{"photo": file}, {"photo": file}]}
    request = sent({"multipart/form-data": {"schema": MEMBERS}}, {"body": body})
    assert [part.rpartition(b"\r\n\r\n")[2].rstrip(b"\r\n") for part in request.body.split(b"--apifold-")[1:-1]] == [
        b"\x89PN",
        b"\x89PN",
        b'{"photo":"iVBO"}',
        b'{"photo":"iVBO"}',
        b'{"photo":"iVBO"}',
    ]


@pytest.mark.parametrize("file", SPELLINGS)
def test_file_inside_a_json_field_of_a_form_is_base64(file: JSON) -> None:
    body: JSON = {"file": file, "files": [file], "meta": {"photo": file}}
    request = sent({"application/x-www-form-urlencoded": {"schema": MEMBERS}}, {"body": body})
    assert request.body == b"file=%89PN&files=%89PN&meta=%7B%22photo%22%3A%22iVBO%22%7D"
