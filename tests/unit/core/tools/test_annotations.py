import pytest

from apifold.core.tools.annotations import annotate
from apifold.core.tools.model import Annotations
from apifold.core.values import JSON
from support.documents import one_operation, openapi


def hints(method: str, path: str = "/pets/{id}", operation_id: str = "") -> Annotations:
    operation: JSON = {"responses": {}, "operationId": operation_id}
    parameters: JSON = [{"in": "path", "name": "id", "required": True, "schema": {"type": "string"}}]
    item: JSON = {"parameters": parameters if "{id}" in path else []}
    assert isinstance(item, dict)
    known = method in ("GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE", "QUERY")
    item |= {method.lower(): operation} if known else {"additionalOperations": {method: operation}}
    return annotate(one_operation(openapi({path: item}, version="3.2.0")), "Title")


@pytest.mark.parametrize(
    ("method", "read_only", "destructive", "idempotent"),
    [
        ("GET", True, False, True),
        ("HEAD", True, False, True),
        ("OPTIONS", True, False, True),
        ("QUERY", True, False, True),
        ("POST", False, False, False),
        ("PUT", False, True, True),
        ("PATCH", False, True, False),
        ("DELETE", False, True, True),
        ("LINK", False, True, False),
        ("PROPFIND", True, False, True),
    ],
)
def test_all_four_hints_follow_from_the_method(
    method: str, read_only: bool, destructive: bool, idempotent: bool
) -> None:
    assert hints(method) == Annotations("Title", read_only, destructive, idempotent, open_world=True)


@pytest.mark.parametrize(
    ("path", "operation_id"),
    [
        ("/pets/{id}:delete", ""),
        ("/pets/{id}/cancel", ""),
        ("/pets/_bulk/purge", ""),
        ("/pets", "deletePet"),
        ("/pets", "pets/remove-tag"),
        ("/pets", "pet_service.RevokeKey"),
    ],
)
def test_post_that_acts_like_a_deletion_is_destructive(path: str, operation_id: str) -> None:
    assert hints("POST", path, operation_id).destructive is True


@pytest.mark.parametrize(
    ("path", "operation_id"),
    [("/deletions", "createDeletion"), ("/pets/{id}", "addPet"), ("/clearance", ""), ("/pets/search", "searchPets")],
)
def test_post_that_only_sounds_like_one_is_not(path: str, operation_id: str) -> None:
    assert hints("POST", path, operation_id).destructive is False
