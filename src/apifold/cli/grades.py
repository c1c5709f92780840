"""How well each operation of a document came through: callable, callable with a rewrite, or left out and why."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from apifold.core.diagnostics import Diagnostic, Severity
from apifold.core.tools.compiler import Catalogue


class Grade(StrEnum):
    CALLABLE = "callable"
    REWRITTEN = "callable with a rewrite"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Graded:
    operation: str
    """`METHOD /path`."""
    tool: str
    """Empty when it is left out."""
    grade: Grade
    reasons: tuple[Diagnostic, ...]
    """Why it is not simply callable."""


@dataclass(frozen=True, slots=True)
class Verdict:
    diagnostics: tuple[Diagnostic, ...]
    """All of them, the worst first, otherwise in the order they were found."""
    operations: tuple[Graded, ...]
    """Tools in document order, then what is left out."""

    def count(self, grade: Grade) -> int:
        return sum(graded.grade is grade for graded in self.operations)

    def severity(self, severity: Severity) -> int:
        return sum(found.severity is severity for found in self.diagnostics)


_WORST_FIRST = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def judge(catalogue: Catalogue) -> Verdict:
    """Builds every schema, which is where most rewrites are found."""
    schemas = [found for tool in catalogue for found in catalogue.input(tool).diagnostics]
    everything = sorted(
        (*catalogue.document.diagnostics, *catalogue.diagnostics, *schemas),
        key=lambda found: _WORST_FIRST[found.severity],
    )
    by_operation: dict[str, list[Diagnostic]] = defaultdict(list)
    for found in everything:
        if found.operation:
            by_operation[found.operation].append(found)
    graded = [_grade(tool.key, tool.name, by_operation.pop(tool.key, ())) for tool in catalogue]
    left = [
        Graded(key, "", Grade.LEFT_OUT, tuple(found))
        for key, found in by_operation.items()
        if any(reason.severity is Severity.ERROR for reason in found)
    ]
    return Verdict(tuple(everything), (*graded, *left))


def _grade(key: str, tool: str, found: Sequence[Diagnostic]) -> Graded:
    return Graded(key, tool, Grade.REWRITTEN if found else Grade.CALLABLE, tuple(found))
