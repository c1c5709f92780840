"""Where the vault's keys come from: a file of our own, a value, or what a command prints. Read once, at start."""

import os
import stat
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from apifold.core.effects import Entropy
from apifold.vault.keys import KeyRing, VaultKeyRefused, new_key, read_ring

LARGEST = 64 * 1024
COMMAND_SECONDS = 30.0


def ring_from_value(text: str) -> KeyRing:
    """Keys as they stand in a setting. Raises `VaultKeyRefused`."""
    return read_ring(text)


def ring_from_command(command: Sequence[str], *, seconds: float = COMMAND_SECONDS) -> KeyRing:
    """Keys as a program prints them; no shell is involved. Raises `VaultKeyRefused`.

    What the program says is never repeated: it may be half of a key.
    """
    if not command:
        raise VaultKeyRefused("vault.key_command_failed", "The command that prints the vault's keys is empty.")
    program = command[0]
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, as a list
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        problem = f"did not end within {seconds:g} seconds"
    except OSError as error:
        problem = f"cannot be started: {error.strerror}"
    else:
        if done.returncode == 0:
            return read_ring(_text(done.stdout, f"What {program} prints"))
        problem = f"ended with status {done.returncode}"
    raise VaultKeyRefused(
        "vault.key_command_failed",
        f"{program}, which is to print the vault's keys, {problem}.",
        hint="Run the command by hand, as the same user.",
    )


def ring_from_file(path: Path, entropy: Entropy, *, create: bool) -> KeyRing:
    """Keys from a file that only its owner can read. `create`: make it, with a new key, when it is not there; say so only
    when nothing is stored yet, or a lost key would be replaced by one that opens nothing. Raises `VaultKeyRefused`.
    """
    text = _read(path)
    if text is None and create:
        _write_once(path, entropy)
        text = _read(path)
    if text is None:
        raise VaultKeyRefused(
            "vault.key_missing",
            f"The vault's key file {path} is not there.",
            hint="Restore it from a backup: what is stored cannot be read without it.",
        )
    return read_ring(text)


def _read(path: Path) -> str | None:
    """The file's text; `None` when there is no such file."""
    try:
        # Not to wait for a writer when the path is a pipe.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        # The open file is judged, not the path: the path could change in between.
        _check_mode(path, os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    finally:
        os.close(descriptor)
    return _text(raw, str(path))


def _check_mode(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise VaultKeyRefused("vault.key_unreadable", f"The vault's key file {path} is not a plain file.")
    if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise VaultKeyRefused(
            "vault.key_permissions",
            f"The vault's key file {path} can be read or written by others (mode {stat.S_IMODE(status.st_mode):04o}).",
            hint=f"chmod 600 {path}, and consider whether somebody has read it.",
        )


def _unreadable(path: Path, error: OSError) -> VaultKeyRefused:
    return VaultKeyRefused("vault.key_unreadable", f"The vault's key file {path} cannot be read: {error.strerror}.")


def _text(raw: bytes, what: str) -> str:
    if len(raw) > LARGEST:
        raise VaultKeyRefused("vault.key_malformed", f"{what} is too large to be a list of keys.")
    if not raw.isascii():
        raise VaultKeyRefused("vault.key_malformed", f"{what} is not a list of keys.")
    return raw.decode("ascii")


def _write_once(path: Path, entropy: Entropy) -> None:
    """Makes the file whole or not at all, and never over another: of two processes that start at once, one wins and both
    read its key.
    """
    draft = path.with_name(f".{path.name}.{entropy.token(8).hex()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("# The key of the vault. Without it no stored secret can be read.\n")
            file.write(f"{new_key(entropy).reveal()}\n")
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(draft, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise VaultKeyRefused(
            "vault.key_unwritable",
            f"The vault's key file {path} cannot be made: {error.strerror}.",
            hint="Name a folder that can be written to, or give the key by environment.",
        ) from None
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """A key that is used has to be there after a power cut. Only POSIX opens folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
