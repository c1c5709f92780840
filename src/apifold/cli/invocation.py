"""One use of a command: what was asked, where the answer goes, and the environment it was asked in."""

import argparse
from collections.abc import Callable, Mapping
from typing import NamedTuple

from apifold.cli.terminal import Terminal


class Invocation(NamedTuple):
    options: argparse.Namespace
    terminal: Terminal
    environment: Mapping[str, str]
    program: str = "apifold"
    """Where this program is, as it was started."""

    @property
    def as_json(self) -> bool:
        return bool(self.options.format == "json")


Command = Callable[[Invocation], int]
"""Gives the exit code."""
