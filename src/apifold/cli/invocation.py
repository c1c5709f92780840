"""One use of a command: what was asked, where the answer goes, and the environment it was asked in."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from apifold.cli.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Invocation:
    options: argparse.Namespace
    terminal: Terminal
    environment: Mapping[str, str]

    @property
    def as_json(self) -> bool:
        return bool(self.options.format == "json")


Command = Callable[[Invocation], int]
"""Gives the exit code."""
