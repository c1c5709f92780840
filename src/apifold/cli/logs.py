"""What the running program logs, for the person in front of it: one line each, a trace only when asked for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from apifold.cli.invocation import Invocation
from apifold.cli.terminal import Terminal


class _Lines(logging.Handler):
    """Log records as the terminal's own errors and warnings."""

    def __init__(self, terminal: Terminal, *, traces: bool) -> None:
        super().__init__(logging.WARNING)
        self._terminal = terminal
        self._traces = traces

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        reason = f": {type(error).__name__}: {error}" if error is not None else ""
        show = self._terminal.error if record.levelno >= logging.ERROR else self._terminal.warning
        show(f"{record.getMessage()}{reason}")
        if self._traces and record.exc_info:
            self._terminal.note(logging.Formatter().formatException(record.exc_info))


@contextmanager
def logging_to_terminal(asked: Invocation) -> Iterator[None]:
    """While the block runs."""
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers[:] = [_Lines(asked.terminal, traces=bool(asked.environment.get("APIFOLD_DEBUG")))]
    try:
        yield
    finally:
        root.handlers[:] = before
