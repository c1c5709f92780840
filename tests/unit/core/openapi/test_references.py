"""Where references lead, and that hostile ones lead nowhere cheaply."""

import time

import pytest

from apifold.core.openapi.model import Node
from apifold.core.openapi.references import Resolver, Unresolved, locate
from apifold.core.values import JSON

DOCUMENT: JSON = {
    "paths": {"/pets/{id}": {"get": {"responses": {"200": {"description": "ok"}}}}},
    "components": {
        "schemas": {
            "Pet": {"type": "object", "properties": {"a/b": {"type": "string"}, "c~d": {"type": "integer"}}},
            "Alias": {"$ref": "#/components/schemas/Pet"},
            "Percent%20": {"const": 1},
            "List": {"oneOf": [{"const": "zero"}, {"const": "one"}]},
        }
    },
}


def resolver() -> Resolver:
    return Resolver({"": DOCUMENT})


@pytest.mark.parametrize(
    ("reference", "pointer", "found"),
    [
        ("#/components/schemas/Pet/properties/a~1b", "/components/schemas/Pet/properties/a~1b", {"type": "string"}),
        ("#/components/schemas/Pet/properties/c~0d", "/components/schemas/Pet/properties/c~0d", {"type": "integer"}),
        ("#/paths/~1pets~1%7Bid%7D/get/responses/200", "/paths/~1pets~1{id}/get/responses/200", {"description": "ok"}),
        ("#/paths/~1pets~1{id}/get/responses/200", "/paths/~1pets~1{id}/get/responses/200", {"description": "ok"}),
        ("#/components/schemas/Percent%20", "/components/schemas/Percent%20", {"const": 1}),
        ("#/components/schemas/List/oneOf/1", "/components/schemas/List/oneOf/1", {"const": "one"}),
        ("#/components/schemas/Alias/properties/a~1b", "/components/schemas/Pet/properties/a~1b", {"type": "string"}),
        ("#components/schemas/Pet/type", "/components/schemas/Pet/type", "object"),
        (" #/components/schemas/Pet/type ", "/components/schemas/Pet/type", "object"),
        ("#", "", DOCUMENT),
        ("", "", DOCUMENT),
        ("#/", "", DOCUMENT),
    ],
)
def test_pointer_leads_to_its_node(reference: str, pointer: str, found: JSON) -> None:
    assert resolver().resolve(reference, "") == Node(found, "", pointer)


def test_reference_to_a_reference_is_one_step_and_follow_goes_to_the_end() -> None:
    first = resolver().resolve("#/components/schemas/Alias", "")
    assert first == Node({"$ref": "#/components/schemas/Pet"}, "", "/components/schemas/Alias")
    assert resolver().follow(first).pointer == "/components/schemas/Pet"


def test_node_that_is_no_reference_is_its_own_end() -> None:
    node = Node({"type": "string"}, "", "/x")
    assert resolver().follow(node) is node


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("#/components/schemas/None", "there is no 'None' at #/components/schemas"),
        ("#/components/schemas/List/oneOf/7", "there is no '7'"),
        ("#/components/schemas/List/oneOf/-1", "there is no '-1'"),
        ("#/components/schemas/List/oneOf/²", "there is no '²'"),
        ("#/info/title/x", "there is no 'info' at the top of the file"),
        ("#nobody", "names nothing in this document"),
        ("other.yaml#/x", "is in a file that is not here"),
        ("https://example.com/x.yaml", "is in a file that is not here"),
        ("http://[", "is in a file that is not here"),
    ],
)
def test_reference_to_nothing_is_unresolved_with_the_reason(reference: str, reason: str) -> None:
    with pytest.raises(Unresolved) as caught:
        resolver().resolve(reference, "")
    assert (caught.value.code, reason in caught.value.message) == ("reference.unresolved", True), caught.value.message


@pytest.mark.parametrize("broken", [5, None, {"a": 1}, ["#/x"]])
def test_reference_that_is_not_text_is_unresolved(broken: JSON) -> None:
    with pytest.raises(Unresolved, match="is not text"):
        resolver().follow(Node({"$ref": broken}))


@pytest.mark.parametrize(
    "document",
    [
        {"a": {"$ref": "#/a"}},
        {"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}},
        {"a": {"$ref": "#/a/x"}},
        {"a": {"$ref": "#/b/x/x"}, "b": {"$ref": "#/a/x/x"}},
    ],
)
def test_circles_of_references_are_unresolved(document: JSON) -> None:
    found = Resolver({"": document})
    with pytest.raises(Unresolved):
        found.follow(Node({"$ref": "#/a"}))


def test_chain_of_references_is_bounded() -> None:
    chain: dict[str, JSON] = {f"n{i}": {"$ref": f"#/n{i + 1}"} for i in range(70)}
    found = Resolver({"": {**chain, "n70": {"type": "string"}}})
    assert found.follow(Node({"$ref": "#/n10"})).value == {"type": "string"}
    with pytest.raises(Unresolved, match="more than 64 references"):
        found.follow(Node({"$ref": "#/n0"}))


def test_references_through_references_cost_no_more_than_their_number() -> None:
    nodes: dict[str, JSON] = {f"n{i}": {"$ref": f"#/n{i + 1}/x/x/x/x"} for i in range(60)}
    scopes: dict[str, JSON] = {
        f"s{i}": {"$id": f"https://example.com/{i}", "x": {"$ref": "#/n0/x"}} for i in range(500)
    }
    found = Resolver({"": {**nodes, **scopes}})
    start = time.perf_counter()
    for i in range(60):
        with pytest.raises(Unresolved):
            found.resolve(f"#/n{i}/x/y", "")
    assert time.perf_counter() - start < 2


def test_other_files_are_found_relative_to_the_one_that_refers() -> None:
    files: dict[str, JSON] = {
        "schemas/pet.yaml": {"owner": {"$ref": "../people/owner.yaml#/Owner"}, "self": {"$ref": "#/owner"}},
        "people/owner.yaml": {"Owner": {"type": "object"}},
        "https://example.com/a/b.json": {"next": {"$ref": "c.json"}},
        "https://example.com/a/c.json": {"type": "null"},
    }
    found = Resolver({"": DOCUMENT, **files})
    owner = found.resolve("schemas/pet.yaml#/owner", "")
    assert found.follow(owner) == Node({"type": "object"}, "people/owner.yaml", "/Owner")
    assert found.follow(found.resolve("pet.yaml#/self", "schemas/x.yaml")).base == "people/owner.yaml"
    assert found.resolve("../schemas/pet.yaml", "people/owner.yaml").base == "schemas/pet.yaml"
    assert found.follow(found.resolve("b.json#/next", "https://example.com/a/x")).value == {"type": "null"}


def test_part_that_refers_back_by_the_roots_name_finds_the_root() -> None:
    found = Resolver({"": DOCUMENT, "api.yaml": DOCUMENT, "parts/x.yaml": {}})
    assert found.resolve("../api.yaml#/components/schemas/Pet/type", "parts/x.yaml") == Node(
        "object", "", "/components/schemas/Pet/type"
    )


def test_part_that_is_written_as_if_it_stood_in_the_root_finds_the_root() -> None:
    found = Resolver({"": DOCUMENT, "parts/x.yaml": {"components": {}}})
    assert found.resolve("#/components/schemas/Pet", "parts/x.yaml").base == ""


NAMED: JSON = {
    "components": {
        "schemas": {
            "Pet": {
                "$id": "https://example.com/schemas/pet",
                "$anchor": "pet",
                "properties": {"name": {"$ref": "#/$defs/name"}},
                "$defs": {"name": {"$anchor": "name", "type": "string"}},
            },
            "Dog": {"$dynamicAnchor": "dog", "type": "object"},
            "Cat": {"$id": "urn:example:cat", "const": "cat"},
        }
    },
    "definitions": {"Old": {"type": "integer"}},
}


@pytest.mark.parametrize(
    ("reference", "pointer"),
    [
        ("https://example.com/schemas/pet", "/components/schemas/Pet"),
        ("https://example.com/schemas/pet#", "/components/schemas/Pet"),
        ("https://example.com/schemas/pet#name", "/components/schemas/Pet/$defs/name"),
        ("https://example.com/schemas/pet#/$defs/name", "/components/schemas/Pet/$defs/name"),
        ("pet", "/components/schemas/Pet"),
        ("urn:example:cat", "/components/schemas/Cat"),
        ("#pet", "/components/schemas/Pet"),
        ("#dog", "/components/schemas/Dog"),
        ("#name", "/components/schemas/Pet/$defs/name"),
        ("#/$defs/name", "/components/schemas/Pet/$defs/name"),
        ("Dog", "/components/schemas/Dog"),
        ("Old", "/definitions/Old"),
    ],
)
def test_ids_anchors_and_bare_names_are_found(reference: str, pointer: str) -> None:
    assert Resolver({"": NAMED}).resolve(reference, "").pointer == pointer


@pytest.mark.parametrize(
    ("file", "base", "target"),
    [
        ("pet.yaml", "", "pet.yaml"),
        ("./pet.yaml", "", "pet.yaml"),
        ("../pet.yaml", "a/b.yaml", "pet.yaml"),
        ("../pet.yaml", "", "../pet.yaml"),
        ("a%20b.yaml", "x/y.yaml", "x/a b.yaml"),
        ("a\\b.yaml", "", "a/b.yaml"),
        ("/abs.yaml", "a/b.yaml", "/abs.yaml"),
        ("https://example.com/x.yaml", "a/b.yaml", "https://example.com/x.yaml"),
        ("y.yaml", "https://example.com/a/x.yaml", "https://example.com/a/y.yaml"),
        ("../y.yaml", "https://example.com/a/x.yaml", "https://example.com/y.yaml"),
        ("y.yaml", "http://[", "y.yaml"),
    ],
)
def test_place_of_a_file_that_is_referred_to(file: str, base: str, target: str) -> None:
    assert locate(file, base) == target
