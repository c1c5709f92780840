"""The process environment, read in one place: as it is for `env:NAME` and `${NAME}`, and as a typed value for what is ours."""

import os
from collections.abc import Mapping
from typing import NamedTuple


class Settings(NamedTuple):
    """What `APIFOLD_*` variables say. Flags and the configuration file come before them."""

    token: str = ""
    """`APIFOLD_TOKEN`: what callers have to present; kept out of the process list that way."""
    public_url: str = ""
    """`APIFOLD_PUBLIC_URL`: where callers reach this server when that is not where it listens."""
    config: str = ""
    """`APIFOLD_CONFIG`: the configuration file when `--config` is not given."""

    def __repr__(self) -> str:
        return "Settings(…)"  # it holds a secret


def environment() -> Mapping[str, str]:
    return os.environ


def read(variables: Mapping[str, str]) -> Settings:
    return Settings(
        token=variables.get("APIFOLD_TOKEN", "").strip(),
        public_url=variables.get("APIFOLD_PUBLIC_URL", "").strip().rstrip("/"),
        config=variables.get("APIFOLD_CONFIG", "").strip(),
    )
