"""The only place that commits. A use case opens one scope; everything below it takes the session it is given.

Reading and writing sessions are two types: a function that changes something asks for `WriteSession`, and mypy refuses
it what `read()` gave. The database refuses it too.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NewType

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from apifold.storage.engine import Engines
from apifold.storage.faults import translated, unreachable

ReadSession = NewType("ReadSession", AsyncSession)
WriteSession = NewType("WriteSession", ReadSession)
"""May be given wherever a `ReadSession` is asked for."""


class Database:
    """Scopes over one database. No scope is opened inside another, and none is open while the network is used."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """Every statement of this session sees the database as the first one found it."""
        async with self._scope(self._engines.read) as session:
            yield ReadSession(session)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """Commits at the end; any exception, a cancellation too, rolls back. On SQLite one such scope is open at a time."""
        async with self._scope(self._engines.write) as session:
            yield WriteSession(ReadSession(session))
            await session.commit()

    @asynccontextmanager
    async def _scope(self, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
        """A session that is connected, and errors in our words. `DatabaseBusy` and `DatabaseUnreachable` may be tried again."""
        try:
            async with AsyncSession(engine, expire_on_commit=False, autoflush=False) as session:
                try:
                    # Here and not at the first statement: a writer takes its turn before it reads anything, and a
                    # network error of the body cannot be mistaken for one of the database.
                    _ = await session.connection()
                except OSError as error:
                    raise unreachable() from error
                yield session
        except Exception as error:
            refusal = translated(error)
            if refusal is None:
                raise
            raise refusal from error
