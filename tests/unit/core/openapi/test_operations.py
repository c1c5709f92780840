"""Which operations a document has, what each keeps, and that one broken thing costs only itself."""

import pytest
from msgspec.structs import replace

from apifold.core.diagnostics import Diagnostic, Severity
from apifold.core.limits import DOCUMENT
from apifold.core.openapi.decode import DocumentRefused
from apifold.core.openapi.model import Dialect, DocumentInfo, Operation, Server
from apifold.core.openapi.operations import read_document
from apifold.core.values import JSON
from support.documents import one_operation, openapi, problems, read, swagger


def keys(document: JSON) -> list[str]:
    return [operation.key for operation in read(document).operations]


def test_everything_an_operation_says_is_kept() -> None:
    entry: JSON = {
        "operationId": "x",
        "summary": "S",
        "description": "D",
        "tags": ["a", "b"],
        "deprecated": True,
        "responses": {},
    }
    assert one_operation(openapi({"/x": {"get": entry}}, servers=[{"url": "/v1"}])) == Operation(
        key="GET /x",
        method="GET",
        path="/x",
        operation_id="x",
        summary="S",
        description="D",
        tags=("a", "b"),
        deprecated=True,
        parameters=(),
        body=None,
        responses=(),
        security=(),
        servers=(Server("/v1"),),
        pointer="/paths/~1x/get",
        base="",
    )


def test_every_method_is_an_operation_in_document_order() -> None:
    methods = ["trace", "get", "put", "post", "delete", "options", "head", "patch", "query"]
    assert keys(openapi({"/x": {method: {} for method in methods}})) == [f"{method.upper()} /x" for method in methods]


def test_methods_in_capitals_are_methods() -> None:
    assert keys(openapi({"/x": {"GET": {}, "Post": {}}})) == ["GET /x", "POST /x"]


def test_additional_operations_of_3_2_keep_their_case() -> None:
    item: JSON = {"get": {}, "additionalOperations": {"LINK": {}, "copy": {}, "GET": {}}}
    document = read(openapi({"/x": item}, version="3.2.0"))
    assert [(operation.key, operation.method) for operation in document.operations] == [
        ("GET /x", "GET"),
        ("LINK /x", "LINK"),
        ("copy /x", "copy"),
    ]
    assert problems(document) == [("operation.duplicate", "/paths/~1x/additionalOperations/GET", "GET /x")]


@pytest.mark.parametrize("method", ["BAD METHOD", "A\r\nB", "", "É"])
def test_additional_method_that_is_no_token_is_left_out(method: str) -> None:
    document = read(openapi({"/x": {"additionalOperations": {method: {}}}}, version="3.2.0"))
    assert (document.operations, document.declared_operations) == ((), 1)
    assert problems(document)[0][0] == "operation.malformed"


def test_extensions_and_unknown_words_are_no_operations() -> None:
    document = read(openapi({"x-a": {"get": {}}, "/x": {"x-b": {}, "summary": "s", "list": {}, "get": {}}}))
    assert [operation.key for operation in document.operations] == ["GET /x"]
    assert problems(document) == [("path.unknown_word", "/paths/~1x/list", "")]


def test_summary_and_description_of_the_path_stand_in() -> None:
    item: JSON = {"summary": "S", "description": "D", "get": {}, "put": {"summary": "own"}}
    assert [(each.summary, each.description) for each in read(openapi({"/x": item})).operations] == [
        ("S", "D"),
        ("own", "D"),
    ]


def test_path_item_behind_references_is_found_and_its_own_members_win() -> None:
    document = openapi(
        {
            "/a": {"$ref": "#/components/pathItems/A"},
            "/b": {"$ref": "#/paths/~1a", "put": {"summary": "own"}},
        },
        components={"pathItems": {"A": {"get": {}, "put": {"summary": "shared"}}}},
    )
    assert [(each.key, each.summary, each.pointer) for each in read(document).operations] == [
        ("GET /a", "", "/components/pathItems/A/get"),
        ("PUT /a", "shared", "/components/pathItems/A/put"),
        ("GET /b", "", "/components/pathItems/A/get"),
        ("PUT /b", "own", "/components/pathItems/A/put"),
    ]


def test_operation_behind_a_reference_is_found() -> None:
    document = read(
        openapi({"/a": {"get": {"$ref": "ops.yaml#/get", "summary": "own"}}, "/b": {"get": {"$ref": "#/none"}}}),
        {"ops.yaml": {"get": {"operationId": "there", "summary": "there"}}},
    )
    (operation,) = document.operations
    assert (operation.key, operation.operation_id, operation.summary) == ("GET /a", "there", "own")
    assert (operation.base, operation.pointer) == ("ops.yaml", "/get")
    assert problems(document) == [("reference.unresolved", "/paths/~1b/get", "GET /b")]
    assert document.declared_operations == 2


def test_paths_object_behind_a_reference_is_found() -> None:
    document = read(openapi({"$ref": "paths.yaml"}), {"paths.yaml": {"/x": {"get": {}}}})
    assert [(operation.key, operation.base) for operation in document.operations] == [("GET /x", "paths.yaml")]


@pytest.mark.parametrize("broken", [5, "text", [], True])
def test_broken_operation_is_named_and_costs_only_itself(broken: JSON) -> None:
    document = read(openapi({"/x": {"get": broken, "put": {}}}))
    assert [operation.key for operation in document.operations] == ["PUT /x"]
    assert problems(document) == [("operation.malformed", "/paths/~1x/get", "GET /x")]
    assert document.diagnostics[0].severity is Severity.ERROR


def test_operation_without_a_body_of_words_can_be_called() -> None:
    assert keys({"openapi": "3.0.0", "paths": {"/x": {"get": None}}}) == ["GET /x"]


@pytest.mark.parametrize("broken", [5, "text", []])
def test_broken_path_is_named_and_costs_only_itself(broken: JSON) -> None:
    document = read(openapi({"/x": broken, "/y": {"get": {}}, "/z": None}))
    assert [operation.key for operation in document.operations] == ["GET /y"]
    assert problems(document) == [("path.malformed", "/paths/~1x", "")]


def test_broken_path_level_parameter_costs_the_operations_of_the_path() -> None:
    item: JSON = {"parameters": [{"$ref": "#/none"}], "get": {}, "put": {}}
    document = read(openapi({"/x": item, "/y": {"get": {}}}))
    assert [operation.key for operation in document.operations] == ["GET /y"]
    assert problems(document) == [
        ("reference.unresolved", "/paths/~1x/parameters/0", "GET /x"),
        ("reference.unresolved", "/paths/~1x/parameters/0", "PUT /x"),
    ]


@pytest.mark.parametrize("paths", [5, "text", [{"get": {}}], {"$ref": "#/none"}, {"$ref": "#/paths"}])
def test_broken_paths_leave_a_document_without_operations(paths: JSON) -> None:
    document = read(openapi(paths))
    assert document.operations == ()
    assert [code for code, _, _ in problems(document)][-1] == "document.no_operations"


def test_callbacks_and_webhooks_are_noted_and_are_no_tools() -> None:
    callbacks: JSON = {"onEvent": {"{$request.body#/url}": {"post": {}}}}
    document = read(openapi({"/x": {"post": {"callbacks": callbacks}}}, webhooks={"arrived": {"post": {}}}))
    assert [operation.key for operation in document.operations] == ["POST /x"]
    assert problems(document) == [
        ("callback.ignored", "/paths/~1x/post", "POST /x"),
        ("webhook.ignored", "/webhooks", ""),
    ]


@pytest.mark.parametrize("document", [openapi(), {"openapi": "3.1.0"}, swagger(), {"openapi": "3.1.0", "webhooks": {}}])
def test_document_without_operations_loads_and_says_so(document: JSON) -> None:
    found = read(document)
    assert (found.operations, found.declared_operations) == ((), 0)
    assert "document.no_operations" in [code for code, _, _ in problems(found)]


def test_query_and_fragment_of_a_path_tell_operations_apart() -> None:
    document = openapi({"/x": {"get": {}}, "/x?a=1": {"get": {}}, "/x#two": {"get": {}}, "x": {"get": {}}})
    assert keys(document) == ["GET /x", "GET /x?a=1", "GET /x#two", "GET x"]


def test_what_the_document_says_of_itself_is_kept_as_text() -> None:
    document = read(
        {
            "openapi": "3.1",
            "info": {"title": "T", "version": 1.5, "description": "D", "summary": "S"},
            "tags": [{"name": "a", "description": "A"}, {"name": "b"}, "c", {"description": "nameless"}, 5],
            "paths": {"/x": {"get": {}}},
        }
    )
    assert document.dialect is Dialect.OPENAPI_3_1
    assert document.info == DocumentInfo("T", "1.5", "D", "S")
    assert document.tags == {"a": "A", "b": "", "c": "", "5": ""}
    assert problems(document) == [("tag.malformed", "/tags/3", "")]


@pytest.mark.parametrize("info", [None, "text", [], 5])
def test_missing_or_broken_info_costs_nothing(info: JSON) -> None:
    document = read({"openapi": "3.0.0", "info": info, "paths": {"/x": {"get": {}}}})
    assert (document.info, len(document.operations)) == (DocumentInfo("", "", ""), 1)


def test_odd_values_in_an_operation_cost_nothing() -> None:
    entry: JSON = {"operationId": 7, "summary": [], "tags": "one", "deprecated": "yes", "callbacks": 5, "security": 5}
    operation = one_operation(openapi({"/x": {"get": entry}}))
    assert (operation.operation_id, operation.summary, operation.tags, operation.deprecated) == (
        "7",
        "",
        ("one",),
        False,
    )


def test_operations_over_the_bound_are_counted_and_left_out() -> None:
    document = openapi({f"/{i}": {"get": {}} for i in range(5)})
    found = read_document({"": document}, limits=replace(DOCUMENT, operations=3))
    assert (len(found.operations), found.declared_operations) == (3, 5)
    assert found.diagnostics == (
        Diagnostic(
            "document.too_many_operations",
            Severity.ERROR,
            "/paths",
            "5 operations, more than the 3 allowed; the rest is left out",
        ),
    )


def test_warnings_over_the_bound_are_counted_and_errors_all_kept() -> None:
    paths: JSON = {f"/{i}": {"get": {"parameters": [5]}, "put": 5} for i in range(5)}
    found = read_document({"": openapi(paths)}, limits=replace(DOCUMENT, diagnostics=2))
    assert [each.severity.value for each in found.diagnostics].count("error") == 5
    assert [each.code for each in found.diagnostics].count("parameter.malformed") == 2
    assert found.diagnostics[-1].message == "3 more warnings and notes are not listed"


def test_reading_twice_gives_the_same() -> None:
    document = openapi({"/x/{id}": {"get": {"parameters": [5, {"name": "a", "in": "query"}]}}})
    first, second = read(document), read(document)
    assert (first.operations, first.diagnostics) == (second.operations, second.diagnostics)


def test_reading_changes_nothing_in_the_document() -> None:
    document = swagger(
        {"/x/{a}": {"parameters": [{"name": "b", "in": "formData", "type": "file"}], "post": {"parameters": []}}}
    )
    before = repr(document)
    read(document)
    assert repr(document) == before


def test_root_that_is_no_document_is_refused() -> None:
    with pytest.raises(DocumentRefused):
        read_document({"other.yaml": openapi()})
