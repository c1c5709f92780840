"""The entry point of the command line: which command, its exit code, and how every failure looks.

Nothing heavy is imported here; a command's module is loaded when it is used.
"""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO, cast

from apifold import settings
from apifold.cli.arguments import UsageMistake, build_parser, parse
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
    code = main(sys.argv[1:], sys.stdout, sys.stderr, settings.environment())
    sys.exit(code)


def main(argv: Sequence[str], out: TextIO, err: TextIO, environment: Mapping[str, str]) -> int:
    """Run one command line to its exit code. No exception leaves but with `APIFOLD_DEBUG`."""
    terminal = Terminal(out, err, environment=environment)
    try:
        code = _dispatch(argv, out, terminal, environment)
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


def _dispatch(argv: Sequence[str], out: TextIO, terminal: Terminal, environment: Mapping[str, str]) -> int:
    try:
        options = parse(argv)
    except SystemExit:
        return GOOD  # --help and --version have printed what was asked for
    if options.command is None:
        build_parser().print_help(out)
        return WRONG_USAGE
    module = importlib.import_module(f"apifold.cli.commands.{options.command}")
    command = cast("Command", module.run)
    return command(Invocation(options, terminal, environment))


def _reader_left() -> int:
    """`apifold tools … | head`: whoever read has enough. The stream is replaced so that closing it says nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return GOOD
