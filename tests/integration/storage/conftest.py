"""Every test of storage runs on both databases."""

from collections.abc import Iterator

import pytest

from support.databases import KINDS, Databases, PostgreSQL, postgresql


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session", params=KINDS)
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    server = request.getfixturevalue("postgresql_server") if request.param == "postgresql" else None
    return Databases(request.param, tmp_path_factory.mktemp("databases"), server)


@pytest.fixture
def url(databases: Databases) -> str:
    """A database of its own for each test: migrated, and empty."""
    return databases.migrated()
