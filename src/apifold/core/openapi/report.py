"""What is found wrong while a document is read. Problems are collected, not raised; only a part that cannot be used
at all raises `Unusable`, which ends at the smallest thing that can be left out.
"""

from apifold.core.diagnostics import Diagnostic, Severity
from apifold.core.openapi.model import Node


class Unusable(Exception):
    """A part cannot be read, and without it the thing around it would be wrong."""

    def __init__(self, code: str, place: str, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.place = place
        self.message = message
        self.advice = advice

    def again(self) -> "Unusable":
        """The same problem, to be raised for another operation: an exception collects a traceback each time."""
        return Unusable(self.code, self.place, self.message, self.advice)


class Report:
    """Collects diagnostics during one reading. Errors are all kept: they name what is missing from the result."""

    def __init__(self, *, limit: int) -> None:
        """`limit` bounds warnings and notes, so that a hostile document cannot fill the memory with them."""
        self.operation = ""
        """Key of the operation that is being read; empty outside of operations."""
        self._limit = limit
        self._found: list[Diagnostic] = []
        self._unkept = 0
        self._seen: set[tuple[str, str, str]] = set()

    def error(self, code: str, place: str, message: str, advice: str = "") -> None:
        self._found.append(Diagnostic(code, Severity.ERROR, place, message, advice, self.operation))

    def warning(self, code: str, place: str, message: str, advice: str = "") -> None:
        self._add(Diagnostic(code, Severity.WARNING, place, message, advice, self.operation))

    def note(self, code: str, place: str, message: str, advice: str = "") -> None:
        self._add(Diagnostic(code, Severity.NOTE, place, message, advice, self.operation))

    def left_out(self, problem: Unusable) -> None:
        """The operation that is being read is not in the result because of this."""
        self.error(problem.code, problem.place, problem.message, problem.advice)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        if self._unkept:
            message = f"{self._unkept:,} more warnings and notes are not listed"
            return (*self._found, Diagnostic("document.more_diagnostics", Severity.NOTE, "", message))
        return tuple(self._found)

    def _add(self, diagnostic: Diagnostic) -> None:
        identity = (diagnostic.code, diagnostic.pointer, diagnostic.operation)
        if identity in self._seen:
            return
        if len(self._seen) >= self._limit:
            self._unkept += 1
            return
        self._seen.add(identity)
        self._found.append(diagnostic)


def place(node: Node) -> str:
    """Where a node stands, as diagnostics say it."""
    return f"{node.base}#{node.pointer}" if node.base else node.pointer
