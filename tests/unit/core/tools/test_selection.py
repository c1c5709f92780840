import pytest

from apifold.core.tools.compiler import compile_tools
from apifold.core.tools.model import Tool
from apifold.core.tools.selection import EVERYTHING, Selection, select
from apifold.core.values import JSON
from support.documents import openapi, read


def operation(operation_id: str, *tags: str, deprecated: bool = False) -> JSON:
    return {"operationId": operation_id, "tags": [*tags], "deprecated": deprecated, "responses": {}}


def catalogue() -> tuple[Tool, ...]:
    pet: JSON = [{"in": "path", "name": "id", "required": True, "schema": {"type": "string"}}]
    paths: JSON = {
        "/pets": {"get": operation("listPets", "pets", "read"), "post": operation("createPet", "pets")},
        "/pets/{id}": {"parameters": pet, "delete": operation("deletePet", "pets"), "get": operation("getPet", "pets")},
        "/pets/{id}/toys": {"parameters": pet, "get": operation("listToys", "Toys")},
        "/old": {"get": operation("oldOne", "legacy", deprecated=True)},
    }
    return compile_tools(read(openapi(paths))).tools


TOOLS = catalogue()


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(), ["listPets", "createPet", "deletePet", "getPet", "listToys"]),
        (EVERYTHING, ["listPets", "createPet", "deletePet", "getPet", "listToys", "oldOne"]),
        (Selection(tags=("read",)), ["listPets"]),
        (Selection(tags=("toys",)), ["listToys"]),
        (Selection(methods=("delete", "POST")), ["createPet", "deletePet"]),
        (Selection(paths=("/pets/*",)), ["deletePet", "getPet"]),
        (Selection(paths=("/pets/**",)), ["deletePet", "getPet", "listToys"]),
        (Selection(paths=("/pets", "/ol?"), include_deprecated=True), ["listPets", "createPet", "oldOne"]),
        (Selection(operations=("getPet", "get /pets")), ["listPets", "getPet"]),
        (Selection(operations=("oldOne",)), ["oldOne"]),
        (Selection(read_only=True), ["listPets", "getPet", "listToys"]),
        (Selection(tags=("pets",), read_only=True, exclude_operations=("GET /pets",)), ["getPet"]),
        (Selection(exclude_tags=("pets",)), ["listToys"]),
        (Selection(exclude_paths=("/pets/**",)), ["listPets", "createPet"]),
    ],
)
def test_criteria_narrow_and_order_is_that_of_the_catalogue(selection: Selection, names: list[str]) -> None:
    found = select(TOOLS, selection)
    assert [tool.name for tool in found.tools] == names
    assert found.diagnostics == ()


def test_value_that_matches_nothing_is_named() -> None:
    selection = Selection(
        tags=("petz",), methods=("PATCH",), paths=("/cats/*",), operations=("getCat",), exclude_operations=("x",)
    )
    found = select(TOOLS, selection)
    assert found.tools == ()
    assert [(one.code, one.message) for one in found.diagnostics] == [
        ("selection.no_match", "No tool matches the tag 'petz'."),
        ("selection.no_match", "No tool matches the method 'PATCH'."),
        ("selection.no_match", "No tool matches the path '/cats/*'."),
        ("selection.no_match", "No tool matches the operation 'getCat'."),
        ("selection.no_match", "No tool matches the operation 'x'."),
    ]


def test_special_characters_of_a_path_are_only_characters() -> None:
    assert select(TOOLS, Selection(paths=("/pets/{id}",))).tools == TOOLS[2:4]
    assert select(TOOLS, Selection(paths=("/pets/[{]id}",))).tools == ()
