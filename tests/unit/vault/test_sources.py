"""Keys come from a private file made once, from a value, or from what a command prints."""

import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apifold.bootstrap.effects import SystemEntropy
from apifold.vault.keys import VaultKeyRefused
from apifold.vault.sources import LARGEST, ring_from_command, ring_from_file, ring_from_value
from support.vaults import master, ring

ENTROPY = SystemEntropy()
KEY = master("one").hex()


def code(path: Path, *, create: bool = False) -> str:
    with pytest.raises(VaultKeyRefused) as refused:
        ring_from_file(path, ENTROPY, create=create)
    assert KEY not in f"{refused.value} {refused.value.hint}"
    return refused.value.code


def test_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "vault.key"
    first = ring_from_file(path, ENTROPY, create=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["vault.key"]
    assert ring_from_file(path, ENTROPY, create=True).current.id == first.current.id
    assert ring_from_file(path, ENTROPY, create=False).current.id == first.current.id


def test_starts_at_the_same_time_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: ring_from_file(path, ENTROPY, create=True), range(16)))
    assert len({each.current.id for each in rings}) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["vault.key"]


def test_start_that_comes_second_takes_the_key_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"

    class Overtaken(SystemEntropy):
        """While this start makes its key, another one finishes."""

        def token(self, size: int) -> bytes:
            path.write_text(KEY)
            path.chmod(0o600)
            return super().token(size)

    assert ring_from_file(path, Overtaken(), create=True).current.id == ring("one").current.id
    assert path.read_text() == KEY


def test_lost_file_is_not_replaced_when_something_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    assert code(path) == "vault.key_missing"
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o777])
def test_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "vault.key"
    path.write_text(KEY)
    path.chmod(mode)
    assert code(path) == "vault.key_permissions"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_private_file_is_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "vault.key"
    path.write_text(KEY)
    path.chmod(mode)
    assert ring_from_file(path, ENTROPY, create=False).current.id == ring("one").current.id


def test_link_to_a_private_file_is_followed_and_judged_by_the_file(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "vault.key"
    real.write_text(KEY)
    real.chmod(0o600)
    link.symlink_to(real)
    assert ring_from_file(link, ENTROPY, create=False).current.id == ring("one").current.id
    real.chmod(0o644)
    assert code(link) == "vault.key_permissions"


def test_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    os.mkfifo(path, 0o600)
    assert code(path) == "vault.key_unreadable"


def test_folder_is_refused(tmp_path: Path) -> None:
    assert code(tmp_path) == "vault.key_unreadable"


def test_file_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert code(tmp_path / "file" / "vault.key", create=True) in {"vault.key_unwritable", "vault.key_unreadable"}


@pytest.mark.parametrize("content", [b"x" * (LARGEST + 1), "schlüssel".encode(), b"\xff\xfe", b"not a key"])
def test_file_that_holds_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vault.key"
    path.write_bytes(content)
    path.chmod(0o600)
    assert code(path) == "vault.key_malformed"


def test_value_of_a_setting_is_read() -> None:
    assert ring_from_value(KEY).current.id == ring("one").current.id


def prints(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_what_a_command_prints_is_read() -> None:
    assert ring_from_command(prints(f"print('{KEY}')")).current.id == ring("one").current.id


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ([], "is empty"),
        (["/nonexistent/vault"], "cannot be started: No such file or directory"),
        (prints(f"import sys; print('{KEY}'); print('{KEY}', file=sys.stderr); sys.exit(3)"), "ended with status 3"),
        (prints("print('half of a key')"), "neither afv_…"),
        (prints("print('ü')"), "is not a list of keys"),
        (prints(""), "has no key"),
    ],
)
def test_command_that_gives_no_key_is_refused_without_repeating_it(command: list[str], problem: str) -> None:
    with pytest.raises(VaultKeyRefused, match=problem) as refused:
        ring_from_command(command)
    assert (
        KEY not in f"{refused.value!r} {refused.value.hint} {refused.value.__cause__!r} {refused.value.__context__!r}"
    )


def test_command_that_does_not_end_is_ended() -> None:
    with pytest.raises(VaultKeyRefused, match=r"within 0\.2 seconds"):
        ring_from_command(prints("import time; time.sleep(60)"), seconds=0.2)
