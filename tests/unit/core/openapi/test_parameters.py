"""Parameters: the rule each is written by, what is dropped, and their tie to the path."""

import pytest
from msgspec.structs import replace

from apifold.core.openapi.model import Location, MediaType, Node, Parameter, Style
from apifold.core.values import JSON, JSONObject
from support.documents import one_operation, openapi, problems, read, swagger

TEXT: JSON = {"type": "string"}


def parameters(*entries: JSON, path: str = "/x", version: str = "3.0.3") -> tuple[Parameter, ...]:
    document = openapi({path: {"get": {"parameters": list(entries)}}}, version=version)
    return one_operation(document).parameters


def swagger_parameter(entry: JSON, path: str = "/x") -> Parameter:
    (found,) = one_operation(swagger({path: {"get": {"parameters": [entry]}}})).parameters
    return found


def codes(*entries: JSON, path: str = "/x", version: str = "3.0.3") -> list[str]:
    document = read(openapi({path: {"get": {"parameters": list(entries)}}}, version=version))
    return [found.code for found in document.diagnostics]


def test_everything_a_parameter_says_is_kept() -> None:
    entry: JSON = {
        "name": "filter",
        "in": "query",
        "required": True,
        "description": "Which ones",
        "deprecated": True,
        "allowReserved": True,
        "allowEmptyValue": True,
        "schema": TEXT,
        "example": "all",
    }
    pointer = "/paths/~1x/get/parameters/0"
    assert parameters(entry) == (
        Parameter(
            name="filter",
            location=Location.QUERY,
            required=True,
            style=Style.FORM,
            explode=True,
            allow_reserved=True,
            schema=Node(TEXT, "", f"{pointer}/schema"),
            content=None,
            description="Which ones",
            deprecated=True,
            allow_empty_value=True,
            example=Node("all", "", f"{pointer}/example"),
            pointer=pointer,
        ),
    )


@pytest.mark.parametrize(
    ("location", "style", "explode", "expected"),
    [
        ("query", None, None, (Style.FORM, True)),
        ("query", "form", False, (Style.FORM, False)),
        ("query", "spaceDelimited", None, (Style.SPACE_DELIMITED, False)),
        ("query", "pipeDelimited", None, (Style.PIPE_DELIMITED, False)),
        ("query", "pipeDelimited", True, (Style.PIPE_DELIMITED, True)),
        ("query", "deepObject", None, (Style.DEEP_OBJECT, True)),
        ("query", "deepObject", False, (Style.DEEP_OBJECT, True)),
        ("query", "deepobject", None, (Style.DEEP_OBJECT, True)),
        ("header", None, None, (Style.SIMPLE, False)),
        ("header", "simple", True, (Style.SIMPLE, True)),
        ("cookie", None, None, (Style.FORM, True)),
        ("cookie", "cookie", None, (Style.COOKIE, True)),
        ("path", None, None, (Style.SIMPLE, False)),
        ("path", "label", True, (Style.LABEL, True)),
        ("path", "matrix", None, (Style.MATRIX, False)),
        ("path", "form", None, (Style.SIMPLE, False)),
        ("query", "matrix", None, (Style.FORM, True)),
        ("query", 7, "false", (Style.FORM, False)),
    ],
)
def test_style_and_explode_have_the_defaults_of_the_specification(
    location: str, style: JSON, explode: JSON, expected: tuple[Style, bool]
) -> None:
    entry: dict[str, JSON] = {"name": "id", "in": location, "schema": TEXT}
    entry |= {} if style is None else {"style": style}
    entry |= {} if explode is None else {"explode": explode}
    (found,) = parameters(entry, path="/x/{id}" if location == "path" else "/x")
    assert (found.style, found.explode) == expected


@pytest.mark.parametrize(
    ("location", "collection", "expected"),
    [
        ("query", None, (Style.FORM, False)),
        ("query", "csv", (Style.FORM, False)),
        ("query", "ssv", (Style.SPACE_DELIMITED, False)),
        ("query", "tsv", (Style.TAB_DELIMITED, False)),
        ("query", "pipes", (Style.PIPE_DELIMITED, False)),
        ("query", "multi", (Style.FORM, True)),
        ("query", "strange", (Style.FORM, False)),
        ("path", "csv", (Style.SIMPLE, False)),
        ("path", "pipes", (Style.PIPE_DELIMITED, False)),
        ("path", "multi", (Style.SIMPLE, False)),
        ("header", "csv", (Style.SIMPLE, False)),
        ("header", "ssv", (Style.SPACE_DELIMITED, False)),
    ],
)
def test_collection_format_becomes_a_style(location: str, collection: JSON, expected: tuple[Style, bool]) -> None:
    entry: dict[str, JSON] = {"name": "id", "in": location, "type": "array", "items": TEXT}
    entry |= {} if collection is None else {"collectionFormat": collection}
    found = swagger_parameter(entry, path="/x/{id}" if location == "path" else "/x")
    assert (found.style, found.explode) == expected
    assert found.schema == Node({"type": "array", "items": TEXT}, "", "/paths/~1" + found.pointer[9:] + "/schema")


def test_allow_reserved_is_for_the_query_until_3_2() -> None:
    entry: JSON = {"name": "id", "in": "path", "allowReserved": True, "schema": TEXT}
    assert [found.allow_reserved for found in parameters(entry, path="/{id}", version="3.1.0")] == [False]
    assert [found.allow_reserved for found in parameters(entry, path="/{id}", version="3.2.0")] == [True]


def test_content_is_taken_where_there_is_no_schema() -> None:
    pointer = "/paths/~1x/get/parameters/0/content/application~1json"
    content: JSON = {"application/json": {"schema": TEXT}}
    (found,) = parameters({"name": "area", "in": "query", "content": content})
    assert (found.schema, found.content) == (None, MediaType("application/json", Node(TEXT, "", f"{pointer}/schema")))


def test_querystring_of_3_2_is_known_and_its_use_before_is_noted() -> None:
    entry: JSON = {"name": "q", "in": "querystring", "content": {"application/json": {}}}
    assert [found.location for found in parameters(entry, version="3.2.0")] == [Location.QUERYSTRING]
    assert codes(entry, version="3.2.0") == []
    assert codes(entry, version="3.1.0") == ["parameter.location"]


@pytest.mark.parametrize(
    "name", ["Accept", "content-type", "AUTHORIZATION", "Host", "content-length", "Transfer-Encoding"]
)
def test_headers_that_others_decide_are_no_parameters(name: str) -> None:
    assert parameters({"name": name, "in": "header", "schema": TEXT}) == ()
    assert codes({"name": name, "in": "header", "schema": TEXT})[0] == "parameter.ignored_header"


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (5, "parameter.malformed"),
        (None, "parameter.malformed"),
        ({"in": "query"}, "parameter.malformed"),
        ({"name": "", "in": "query"}, "parameter.malformed"),
        ({"name": ["a"], "in": "query"}, "parameter.malformed"),
        ({"name": "a"}, "parameter.malformed"),
        ({"name": "a", "in": "cabin"}, "parameter.malformed"),
        ({"name": "a", "in": 5}, "parameter.malformed"),
        ({"name": "a b", "in": "header"}, "parameter.malformed"),
        ({"name": "a\r\nX: y", "in": "header"}, "parameter.malformed"),
        ({"name": "a;b", "in": "cookie"}, "parameter.malformed"),
        ({"name": "a\x00", "in": "query"}, "parameter.malformed"),
    ],
)
def test_broken_optional_parameter_is_dropped_and_a_required_one_costs_the_operation(entry: JSON, code: str) -> None:
    assert parameters(entry, {"name": "fine", "in": "query"})[0].name == "fine"
    assert codes(entry) == [code]
    if isinstance(entry, dict):
        document = read(openapi({"/x": {"get": {"parameters": [{**entry, "required": True}]}}}))
        assert document.operations == ()
        assert problems(document)[0] == (code, "/paths/~1x/get/parameters/0", "GET /x")


def test_broken_schema_leaves_a_parameter_that_takes_anything() -> None:
    (found,) = parameters({"name": "a", "in": "query", "schema": "string"})
    assert found.schema is None
    assert codes({"name": "a", "in": "query", "schema": "string"}) == ["schema.malformed"]


def test_numbers_and_texts_stand_for_names_and_flags() -> None:
    (found,) = parameters({"name": 7, "in": " Query ", "required": "true", "description": 1.5, "schema": True})
    assert (found.name, found.location, found.required, found.description) == ("7", Location.QUERY, True, "1.5")


def test_unresolved_parameter_costs_the_operation_and_only_that() -> None:
    document = read(
        openapi({"/x": {"get": {"parameters": [{"$ref": "#/none"}]}, "post": {}}, "/y": {"parameters": 5, "get": {}}})
    )
    assert [operation.key for operation in document.operations] == ["POST /x", "GET /y"]
    assert problems(document) == [
        ("reference.unresolved", "/paths/~1x/get/parameters/0", "GET /x"),
        ("parameter.not_a_list", "/paths/~1y/parameters", ""),
    ]


def test_path_level_parameters_are_merged_and_the_operation_wins_by_name_and_location() -> None:
    shared: JSON = [
        {"name": "a", "in": "query", "description": "shared"},
        {"name": "b", "in": "query", "description": "shared"},
        {"name": "X-A", "in": "header", "description": "shared"},
    ]
    own: JSON = [
        {"name": "b", "in": "query", "description": "own"},
        {"name": "b", "in": "cookie", "description": "own"},
        {"name": "x-a", "in": "header", "description": "own"},
    ]
    operation = one_operation(openapi({"/x": {"parameters": shared, "get": {"parameters": own}}}))
    assert [(found.name, found.location.value, found.description) for found in operation.parameters] == [
        ("a", "query", "shared"),
        ("b", "query", "own"),
        ("x-a", "header", "own"),
        ("b", "cookie", "own"),
    ]


def test_same_parameter_twice_counts_once() -> None:
    first: JSON = {"name": "a", "in": "query", "description": "1"}
    second: JSON = {"name": "a", "in": "query", "description": "2"}
    assert [found.description for found in parameters(first, second)] == ["1"]
    assert codes(first, second) == ["parameter.duplicate"]


def test_parameters_as_an_object_are_taken() -> None:
    one: JSON = {"name": "a", "in": "query"}
    for given in ({"first": one}, one):
        operation = one_operation(openapi({"/x": {"get": {"parameters": given}}}))
        assert [found.name for found in operation.parameters] == ["a"]


def test_too_many_parameters_cost_the_operation() -> None:
    many: list[JSON] = [{"name": f"p{i}", "in": "query"} for i in range(1001)]
    document = read(openapi({"/x": {"get": {"parameters": many}}}))
    assert (document.operations, problems(document)[0][0]) == ((), "parameter.too_many")


def test_shared_parameter_is_read_once() -> None:
    document = openapi(
        {path: {"get": {"parameters": [{"$ref": "#/components/parameters/a"}]}} for path in ("/x", "/y")},
        components={"parameters": {"a": {"name": "a", "in": "query"}}},
    )
    first, second = read(document).operations
    assert first.parameters[0] is second.parameters[0]
    assert first.parameters[0].pointer == "/components/parameters/a"


def test_description_beside_a_reference_counts_since_3_1() -> None:
    for version, expected in (("3.0.3", "shared"), ("3.1.0", "own")):
        document = openapi(
            {"/x": {"get": {"parameters": [{"$ref": "#/components/parameters/a", "description": "own"}]}}},
            version=version,
            components={"parameters": {"a": {"name": "a", "in": "query", "description": "shared"}}},
        )
        assert one_operation(document).parameters[0].description == expected


@pytest.mark.parametrize(
    ("holder", "value"),
    [
        ({"example": None}, None),
        ({"x-example": 1}, 1),
        ({"examples": {"one": {"value": 2}, "two": {"value": 3}}}, 2),
        ({"examples": {"one": {"dataValue": 4}}}, 4),
        ({"examples": {"one": {"$ref": "#/components/examples/e"}}}, 5),
    ],
)
def test_first_example_is_kept_wherever_it_stands(holder: dict[str, JSON], value: JSON) -> None:
    document = openapi(
        {"/x": {"get": {"parameters": [{"name": "a", "in": "query", **holder}]}}},
        components={"examples": {"e": {"value": 5}}},
    )
    example = one_operation(document).parameters[0].example
    assert example is not None
    assert example.value == value


@pytest.mark.parametrize(
    "holder", [{"examples": {"one": {"$ref": "#/none"}}}, {"examples": []}, {"examples": {"a": 1}}]
)
def test_broken_examples_are_no_examples(holder: dict[str, JSON]) -> None:
    assert parameters({"name": "a", "in": "query", **holder})[0].example is None


# --- the path ---


def test_path_parameter_is_required_whatever_it_says() -> None:
    assert parameters({"name": "id", "in": "path", "required": False}, path="/x/{id}")[0].required


def test_placeholder_without_a_parameter_gets_one_that_takes_text() -> None:
    (found,) = parameters(path="/x/{id}")
    expected = Parameter(
        name="id",
        location=Location.PATH,
        required=True,
        style=Style.SIMPLE,
        explode=False,
        allow_reserved=False,
        schema=Node(TEXT, "", "/paths/~1x~1{id}/get"),
        content=None,
        description="",
        deprecated=False,
        allow_empty_value=False,
        example=None,
        pointer="/paths/~1x~1{id}/get",
    )
    assert found == expected
    assert codes(path="/x/{id}/{id}") == ["parameter.undeclared"]


@pytest.mark.parametrize(
    "placeholder", ["PetID", "pet_id", "pet-id", "petId+", "petId:[0-9]+", "petId=shops/*", " petid "]
)
def test_placeholder_that_is_spelled_differently_takes_the_parameter_that_is_meant(placeholder: str) -> None:
    entry: JSONObject = {"name": "petId", "in": "path", "required": True, "schema": {"type": "integer"}}
    path = f"/x/{{{placeholder}}}"
    (found,) = parameters(entry, path=path)
    (exact,) = parameters({**entry, "name": placeholder}, path=path)
    assert found == replace(exact, pointer=found.pointer)
    assert codes(entry, path=path) == ["parameter.spelled_differently"]


def test_path_parameter_without_a_place_is_dropped() -> None:
    assert parameters({"name": "other", "in": "path", "required": True}) == ()
    assert codes({"name": "other", "in": "path"}) == ["parameter.not_in_path"]


def test_query_parameter_of_the_same_name_does_not_fill_a_placeholder() -> None:
    found = parameters({"name": "id", "in": "query"}, path="/x/{id}")
    assert [(parameter.name, parameter.location.value) for parameter in found] == [("id", "query"), ("id", "path")]


def test_placeholder_in_the_query_of_a_path_is_a_query_parameter() -> None:
    entry: JSON = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    found = parameters(entry, {"name": "b", "in": "query"}, path="/x?a={id}&b={b}&c=1&d={d}")
    assert [(each.name, each.location.value, each.style.value) for each in found] == [
        ("b", "query", "form"),
        ("a", "query", "form"),
        ("d", "query", "form"),
    ]
    schema = found[1].schema
    assert schema is not None
    assert schema.value == {"type": "integer"}


def test_a_pair_of_text_and_placeholder_in_the_query_of_a_path_is_left_out() -> None:
    assert parameters(path="/x?q=from:{a}&b=1") == ()
    assert codes(path="/x?q=from:{a}&b=1") == ["parameter.in_query_of_path"]


def test_query_expressions_of_rfc_6570_are_query_parameters() -> None:
    found = parameters({"name": "page", "in": "query"}, path="/x/{id}{?page,size*}{&q}")
    assert [(each.name, each.location.value) for each in found] == [
        ("page", "query"),
        ("id", "path"),
        ("size", "query"),
        ("q", "query"),
    ]


def test_optional_placeholder_keeps_its_place_in_the_path() -> None:
    entry: JSON = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    assert [each.location.value for each in parameters(entry, path="/x/{id?}/y")] == ["path"]


def test_nameless_placeholder_costs_the_operation() -> None:
    document = read(openapi({"/x/{}": {"get": {}, "post": {}}}))
    assert problems(document) == [
        ("path.malformed", "/paths/~1x~1{}/get", "GET /x/{}"),
        ("path.malformed", "/paths/~1x~1{}/post", "POST /x/{}"),
    ]
