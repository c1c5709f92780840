"""From an invocation to what was decided, and from there to the document: what all commands about a document share."""

import asyncio
from collections.abc import Mapping, Sequence

from apifold import settings
from apifold.bootstrap import options as layers
from apifold.bootstrap.loading import load_document
from apifold.bootstrap.options import Options
from apifold.cli.flags import layer
from apifold.cli.invocation import Invocation
from apifold.cli.terminal import Terminal
from apifold.core.diagnostics import Diagnostic
from apifold.core.openapi.document import Document


def decide(asked: Invocation) -> Options:
    """Options of the command line over the configuration file over the environment."""
    said = settings.read(asked.environment)
    path = asked.options.config or said.config
    file = _read_config(path, asked.environment) if path else layers.NOTHING_SAID
    return layers.decide(layer(asked.options), file, token=said.token, public_url=said.public_url)


def _read_config(path: str, environment: Mapping[str, str]) -> layers.Layer:
    from apifold.bootstrap.config import read_config  # noqa: PLC0415  brings a YAML parser

    return read_config(path, environment)


def load(decided: Options) -> Document:
    """The document, read whole. Raises `DocumentRefused`."""
    return asyncio.run(load_document(decided))


def warn(terminal: Terminal, diagnostics: Sequence[Diagnostic]) -> None:
    """What a person should know about what was asked, not about the document."""
    for found in diagnostics:
        terminal.warning(f"{found.message} {found.advice}".strip())
