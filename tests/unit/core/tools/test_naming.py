import re

import pytest

from apifold.core.openapi.model import Operation, Parameter
from apifold.core.tools.naming import argument_names, key_names, legal_key, tool_names
from support.documents import openapi, read

LEGAL = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]*")


def operations(*specs: tuple[str, str, str]) -> tuple[Operation, ...]:
    paths: dict[str, dict[str, object]] = {}
    for method, path, operation_id in specs:
        operation = {"responses": {}, **({"operationId": operation_id} if operation_id else {})}
        paths.setdefault(path, {})[method.lower()] = operation
    return read(openapi(paths)).operations  # type: ignore[arg-type]  # plain JSON


def names(*specs: tuple[str, str, str], limit: int = 48) -> dict[str, str]:
    found = operations(*specs)
    return dict(zip([operation.key for operation in found], tool_names(found, limit), strict=True))


@pytest.mark.parametrize(
    ("method", "path", "operation_id", "name"),
    [
        ("GET", "/pets", "listPets", "listPets"),
        ("GET", "/pets", "list_pets", "list_pets"),
        ("GET", "/repos", "repos/list-for-org", "repos_list-for-org"),
        ("GET", "/pets", "pets.list", "pets_list"),
        ("GET", "/pets", "List all pets!", "List_all_pets"),
        ("GET", "/pets", "crème", "creme"),
        ("GET", "/pets", "日本", "get_pets"),
        ("GET", "/pets", "2fa", "get_2fa"),
        ("GET", "/pets/{petId}/toys", "", "get_pets_petId_toys"),
        ("GET", "/", "", "get_root"),
    ],
)
def test_name_follows_the_operation_id_and_where_there_is_none_method_and_path(
    method: str, path: str, operation_id: str, name: str
) -> None:
    operation = operations((method, path, operation_id)) or operations((method, "/pets/petId/toys", operation_id))
    assert tool_names(operation) == (name,)


def test_too_long_a_name_is_cut_and_told_apart_by_a_hash_of_method_and_path() -> None:
    long = "getTheVeryLongNameOfAnOperationThatNobodyCouldTypeTwice"
    found = names(("GET", "/a", long), ("GET", "/b", long + "Again"))
    assert found == {
        "GET /a": "getTheVeryLongNameOfAnOperationThatNobody_" + found["GET /a"][-6:],
        "GET /b": "getTheVeryLongNameOfAnOperationThatNobody_" + found["GET /b"][-6:],
    }
    assert {len(name) for name in found.values()} == {48}
    assert len(set(found.values())) == 2


def test_operations_that_want_one_name_all_get_a_suffix_so_that_none_takes_it_from_another() -> None:
    both = names(("GET", "/a", "same"), ("POST", "/a", "same"), ("GET", "/b", "other"))
    assert both["GET /b"] == "other"
    assert all(re.fullmatch(r"same_[0-9a-f]{6}", both[key]) for key in ("GET /a", "POST /a"))
    swapped = names(("POST", "/a", "same"), ("GET", "/b", "other"), ("GET", "/a", "same"), ("GET", "/new", "unrelated"))
    assert {key: swapped[key] for key in both} == both


@pytest.mark.parametrize("limit", [16, 48, 64])
def test_names_are_legal_and_unique_within_any_limit(limit: int) -> None:
    ids = ["x" * 80, "x" * 81, "a.b", "a/b", "a_b", "", "1", "-", "ü" * 50]
    found = names(*[("GET", f"/{index}", operation_id) for index, operation_id in enumerate(ids)], limit=limit)
    assert len(set(found.values())) == len(ids)
    assert [name for name in found.values() if not LEGAL.fullmatch(name) or len(name) > limit] == []


@pytest.mark.parametrize(
    ("wire", "legal"),
    [
        ("plain_Name-1", "plain_Name-1"),
        ("$filter", "filter"),
        ("page[size]", "page_size"),
        ("filter[name][]", "filter_name"),
        ("DateSent<", "DateSent_lt"),
        ("DateSent>", "DateSent_gt"),
        ("DateSent<=", "DateSent_lte"),
        ("before/after", "before_after"),
        ("@odata.id", "odata_id"),
        ("X-Rate Limit", "X-Rate_Limit"),
        ("+1", "plus_1"),
    ],
)
def test_key_keeps_its_words(wire: str, legal: str) -> None:
    assert legal_key(wire) == legal


@pytest.mark.parametrize("wire", ["", "日本", "[]", "\u202e", "\ud800", "x" * 65, "$" + "y" * 80])
def test_any_key_becomes_a_legal_one(wire: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", legal_key(wire))


def test_keys_that_clash_are_told_apart_and_legal_ones_keep_themselves() -> None:
    found = key_names(["$id", "id", "@id", "name"])
    assert found["id"] == "id"
    assert found["name"] == "name"
    assert re.fullmatch(r"id_[0-9a-f]{4}", found["$id"])
    assert re.fullmatch(r"id_[0-9a-f]{4}", found["@id"])
    assert len(set(found.values())) == 4
    assert key_names(["name", "@id", "$id", "id"]) == found


def parameters(*specs: tuple[str, str]) -> tuple[Parameter, ...]:
    listed = [{"in": location, "name": name, "required": True, "schema": {}} for location, name in specs]
    path = "/x" + "".join(f"/{{{name}}}" for location, name in specs if location == "path")
    (operation,) = read(openapi({path: {"get": {"parameters": listed, "responses": {}}}})).operations  # type: ignore[dict-item]  # plain JSON
    return operation.parameters


def arguments(*specs: tuple[str, str], reserved: tuple[str, ...] = (), legal: bool = True) -> dict[str, str]:
    found = argument_names(parameters(*specs), reserved=reserved, legal=legal)
    return {f"{location.value} {name}": argument for (location, name), argument in found.items()}


def test_argument_that_clashes_is_suffixed_with_its_location() -> None:
    assert arguments(("header", "id"), ("query", "id"), ("path", "id"), ("cookie", "id")) == {
        "path id": "id",
        "query id": "id_query",
        "header id": "id_header",
        "cookie id": "id_cookie",
    }


def test_argument_whose_name_had_to_change_gives_way_to_one_whose_had_not() -> None:
    assert arguments(("query", "$filter"), ("header", "filter")) == {
        "header filter": "filter",
        "query $filter": "filter_query",
    }


def test_parameter_called_body_gives_way_to_the_body() -> None:
    assert arguments(("query", "body"), reserved=("body",)) == {"query body": "body_query"}
    assert arguments(("query", "body")) == {"query body": "body"}


def test_suffix_takes_no_name_that_another_parameter_has() -> None:
    found = arguments(("path", "id"), ("query", "id"), ("query", "id_query"))
    assert found["path id"] == "id"
    assert found["query id_query"] == "id_query"
    assert re.fullmatch(r"id_query_[0-9a-f]{4}", found["query id"])


def test_faithful_arguments_keep_the_wire_name_and_change_only_on_a_clash() -> None:
    assert arguments(("query", "page[size]"), ("cookie", "page[size]"), legal=False) == {
        "query page[size]": "page[size]",
        "cookie page[size]": "page[size]_cookie",
    }


def test_order_of_the_parameters_changes_no_name() -> None:
    specs = [("query", "$a"), ("query", "@a"), ("header", "a"), ("query", "a"), ("path", "a")]
    assert arguments(*specs) == arguments(*reversed(specs))
