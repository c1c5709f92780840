"""The house rules that no linter knows: what core may import, how large a module may grow, what may not be tracked."""

import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from apifold.cli.main import EXIT_CODES
from apifold.core.errors import ErrorCategory

ROOT = Path(__file__).resolve().parents[2]
LARGEST_MODULE_LINES = 500

PARSERS = frozenset({"msgspec", "jsonschema_rs", "yaml"})
"""What core may use beside the standard library: each turns bytes into values, and does nothing else."""

EFFECTS = frozenset(
    {
        "asyncio", "concurrent", "ctypes", "fcntl", "getpass", "glob", "http", "io", "locale", "logging", "mmap",
        "multiprocessing", "os", "pathlib", "platform", "queue", "random", "sched", "secrets", "select", "selectors",
        "shutil", "signal", "socket", "socketserver", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time",
        "uuid", "_thread",
    }
)  # fmt: skip
"""Parts of the standard library that reach out of a function: files, network, clock, chance, processes."""

SUFFIXES = frozenset({"", ".cfg", ".in", ".json", ".lock", ".md", ".py", ".toml", ".txt", ".yaml", ".yml"})


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).suffix in SUFFIXES]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("apifold", include_external_packages=True, cache_dir=None)


def test_core_imports_nothing_but_itself_parsers_and_pure_parts_of_the_standard_library(
    graph: grimp.ImportGraph,
) -> None:
    allowed = (sys.stdlib_module_names - EFFECTS) | PARSERS
    core = {"apifold", "apifold.core"} | graph.find_descendants("apifold.core")
    assert len(core) > 20
    foreign = {
        (module, imported)
        for module in core - {"apifold"}
        for imported in graph.find_modules_directly_imported_by(module)
        if imported not in core and imported.partition(".")[0] not in allowed
    }
    assert foreign == set()


def test_command_line_loads_nothing_heavy_before_it_knows_the_command(graph: grimp.ImportGraph) -> None:
    seen, waiting = set(), {"apifold.cli.main"}
    while waiting:
        module = waiting.pop()
        seen.add(module)
        waiting |= graph.find_modules_directly_imported_by(module) - seen
    heavy = {"asyncio", "msgspec", "jsonschema_rs", "yaml", "httptools", "uvloop", "ssl", "apifold.bootstrap"}
    assert {module for module in seen if module in heavy or module.startswith("apifold.gateway")} == set()


DATABASE = frozenset({"sqlalchemy", "aiosqlite", "asyncpg", "alembic", "cryptography", "argon2", "jwt"})
"""What the extra `platform` brings; who installed `apifold` alone does not have it."""


@pytest.mark.parametrize("start", ["apifold.bootstrap.serve", "apifold.cli.commands.serve", "apifold.gateway.server"])
def test_serving_one_document_needs_no_database(graph: grimp.ImportGraph, start: str) -> None:
    seen = {start} | graph.find_upstream_modules(start)
    assert "apifold.core.errors" in seen
    kept = ("apifold.storage", "apifold.vault", "apifold.identity", "apifold.usage")
    assert {module for module in seen if module in DATABASE or module.startswith(kept)} == set()


def test_what_platform_brings_is_imported_by_what_it_is_for(graph: grimp.ImportGraph) -> None:
    importers = {user for name in DATABASE & graph.modules for user in graph.find_modules_that_directly_import(name)}
    assert len(importers) > 5
    rooms = {".".join(module.split(".")[:2]) for module in importers}
    assert rooms <= {"apifold.storage", "apifold.vault", "apifold.identity"}


def test_no_module_is_larger_than_a_reader_can_hold() -> None:
    sizes = {path.relative_to(ROOT).as_posix(): path.read_text().count("\n") for path in ROOT.glob("src/**/*.py")}
    assert {name: lines for name, lines in sizes.items() if lines > LARGEST_MODULE_LINES} == {}


def test_every_module_says_what_it_decides() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("src/**/*.py")
        if path.read_text().strip() and not path.read_text().startswith(('"""', "'''", "#!"))
    ]
    assert silent == []


def test_no_tracked_file_names_a_package_registry_or_a_folder_of_somebodys_machine() -> None:
    hosts = "|".join((r"pypi\." + "org", "python" + "hosted", r"registry\." + "npmjs", r"test\.pypi"))
    folders = "|".join(f"/{name}/" for name in ("work", "root", "Users")) + "|/" + r"home/[a-z]+/"
    telling = re.compile(rf"{hosts}|(?<![\w.\]}}*)>-])(?:{folders})")
    found = {
        path.relative_to(ROOT).as_posix(): match.group()
        for path in tracked_files()
        if path.is_file() and (match := telling.search(path.read_text(encoding="utf-8", errors="replace")))
    }
    assert found == {}


def test_pins_are_pins_and_name_no_index() -> None:
    pin = re.compile(r"[A-Za-z0-9._-]+==[0-9][\w.]*( ; .+)?|# [^:]*(: [^:]*)?")
    files = sorted(ROOT.glob("constraints/*.txt"))
    assert {"build.txt", "dev.txt", "runtime.txt"} <= {path.name for path in files}
    wrong = {(path.name, line) for path in files for line in path.read_text().splitlines() if not pin.fullmatch(line)}
    assert wrong == set()


def test_what_users_install_is_pinned_alike_for_the_tests() -> None:
    pins = {path.stem: set(path.read_text().splitlines()) for path in ROOT.glob("constraints/*.txt")}
    assert pins["runtime"] | pins["build"] <= pins["dev"]


def test_every_category_of_error_has_an_exit_code() -> None:
    assert set(EXIT_CODES) == set(ErrorCategory)
    assert set(EXIT_CODES.values()) <= {1, 2}
