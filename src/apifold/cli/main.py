"""The entry point of the command line: which command, its exit code, and how every failure looks.

Nothing heavy is imported here; a command's module is loaded when it is used.
"""

import gc
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO, cast

from apifold import settings
from apifold.cli.arguments import HelpWanted, UsageMistake, overview, parse
from apifold.cli.invocation import Command, Invocation
from apifold.cli.terminal import Terminal
from apifold.core.errors import AppError, ErrorCategory

GOOD, FAILED, WRONG_USAGE = 0, 1, 2
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

EXIT_CODES: Mapping[ErrorCategory, int] = {
    ErrorCategory.INVALID: FAILED,
    ErrorCategory.UNAUTHENTICATED: FAILED,
    ErrorCategory.FORBIDDEN: FAILED,
    ErrorCategory.NOT_FOUND: FAILED,
    ErrorCategory.CONFLICT: FAILED,
    ErrorCategory.TOO_LARGE: FAILED,
    ErrorCategory.RATE_LIMITED: FAILED,
    ErrorCategory.QUOTA_EXCEEDED: FAILED,
    ErrorCategory.UPSTREAM_FAILED: FAILED,
    ErrorCategory.UNAVAILABLE: FAILED,
    ErrorCategory.INTERNAL: FAILED,
}
USAGE_CODES = frozenset({"options", "config", "auth"})
"""First words of error codes that mean: the command line, or the file it names, says what cannot be meant."""


def run() -> None:
    """What the `apifold` program does."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a letter of a document shows a stand-in instead of failing.
            stream.reconfigure(errors="replace")
    code = main(sys.argv[1:], sys.stdout, sys.stderr, settings.environment(), program=sys.argv[0])
    sys.exit(code)


def main(
    argv: Sequence[str], out: TextIO, err: TextIO, environment: Mapping[str, str], *, program: str = "apifold"
) -> int:
    """Run one command line to its exit code. No exception leaves but with `APIFOLD_DEBUG`."""
    terminal = Terminal(out, err, environment=environment)
    try:
        code = _dispatch(argv, terminal, environment, program)
        terminal.flush()
    except UsageMistake as mistake:
        terminal.error(mistake.message, mistake.hint)
        return WRONG_USAGE
    except AppError as error:
        if environment.get("APIFOLD_DEBUG"):
            raise
        terminal.error(error.message, error.hint)
        return WRONG_USAGE if error.code.partition(".")[0] in USAGE_CODES else EXIT_CODES[error.category]
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # the edge of the program: a person gets a sentence, not a trace
        if environment.get("APIFOLD_DEBUG"):
            raise
        terminal.error(
            f"something went wrong inside apifold: {type(error).__name__}: {error}",
            "this is a bug; APIFOLD_DEBUG=1 shows where. Please report it with the document or the command line.",
        )
        return FAILED
    return code


def _dispatch(argv: Sequence[str], terminal: Terminal, environment: Mapping[str, str], program: str) -> int:
    if not argv:
        terminal.text(overview())
        return WRONG_USAGE
    try:
        options = parse(argv)
    except HelpWanted as wanted:
        terminal.text(wanted.text)
        return GOOD
    command = _load(options.command)
    return command(Invocation(options, terminal, environment, program))


def _load(name: str) -> Command:
    gc.disable()  # a hundred modules, made to stay: nothing in them to collect
    try:
        module = importlib.import_module(f"apifold.cli.commands.{name}")
    finally:
        gc.enable()
    return cast("Command", module.run)


def _reader_left() -> int:
    """`apifold tools … | head`: whoever read has enough. The stream is replaced so that closing it says nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return GOOD
