"""Which database a URL names, before anything is connected."""

import asyncio

import pytest

from apifold.core.errors import AppError, ErrorCategory
from apifold.storage.engine import open_engines


@pytest.mark.parametrize(
    "url",
    [
        "",
        "apifold.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory",
        "mysql://host/x",
        "postgresql",
    ],
)
def test_url_that_names_no_database_of_ours_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(AppError) as refused:
        open_engines(url)
    assert (refused.value.code, refused.value.category) == ("database.url", ErrorCategory.INVALID)
    assert "sqlite:///apifold.db" in refused.value.hint


def test_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(AppError) as refused:
        open_engines("mysql://me:hunter2@host/x")
    assert "hunter2" not in f"{refused.value.message}{refused.value.hint}{refused.value.details}"


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgresql+asyncpg"])
def test_postgresql_is_spoken_by_one_driver_however_it_is_written(scheme: str) -> None:
    engines = open_engines(f"{scheme}://me@host/name")
    assert (engines.write.driver, engines.read.driver, engines.file) == ("asyncpg", "asyncpg", None)
    asyncio.run(engines.dispose())


def test_sqlite_writes_through_one_connection() -> None:
    engines = open_engines("sqlite:///some.db")
    assert engines.write.pool.size() == 1  # type: ignore[attr-defined]  # a pool of SQLAlchemy's own has a size
    assert str(engines.file) == "some.db"
    asyncio.run(engines.dispose())
