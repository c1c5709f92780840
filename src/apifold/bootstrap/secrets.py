"""Fetches the values that `--auth NAME=SOURCE` points to."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from apifold.core.requests.credentials import AuthRefused, AuthSpec
from apifold.core.requests.secret import Secret

LARGEST_SECRET = 64 * 1024


def open_secrets(specs: Sequence[AuthSpec], variables: Mapping[str, str]) -> tuple[tuple[str, Secret], ...]:
    """Every `--auth` name with its value. Raises `AuthRefused` or `SecretRefused`, never showing a value."""
    return tuple((spec.name, Secret(_read(spec, variables))) for spec in specs)


def _read(spec: AuthSpec, variables: Mapping[str, str]) -> str:
    match spec.kind:
        case "env":
            value = variables.get(spec.source, "")
            if not value:
                raise AuthRefused(
                    f"The environment variable {spec.source}, which --auth {spec.name} names, is not set.",
                    hint=f"export {spec.source}=… and start again.",
                )
            return value.strip("\r\n")
        case "file":
            return _read_file(spec)
        case _:
            return spec.source


def _read_file(spec: AuthSpec) -> str:
    """The file's text without the line break editors put at its end."""
    try:
        with Path(spec.source).open("rb") as file:
            raw = file.read(LARGEST_SECRET + 1)
        if len(raw) > LARGEST_SECRET:
            raise AuthRefused(f"{spec.source}, which --auth {spec.name} names, is too large for a secret.")
        value = raw.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise AuthRefused(f"{spec.source}, which --auth {spec.name} names, cannot be read: {reason}.") from error
    if not value:
        raise AuthRefused(f"{spec.source}, which --auth {spec.name} names, is empty.")
    return value
