"""`apifold validate`: what of a document can be called, what was rewritten or left out, and what to do about it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from apifold.cli.grades import Grade, Graded, Verdict, judge
from apifold.cli.invocation import Invocation
from apifold.cli.reading import decide, load
from apifold.cli.tables import number
from apifold.cli.terminal import Terminal
from apifold.core.diagnostics import Diagnostic, Severity
from apifold.core.openapi.document import Document
from apifold.core.openapi.model import Dialect
from apifold.core.tools.compiler import CompileOptions, compile_tools

STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}
GRADES = {Grade.CALLABLE: "callable", Grade.REWRITTEN: "rewritten", Grade.LEFT_OUT: "left out"}
GRADE_STYLES = {"callable": "green", "rewritten": "yellow", "left out": "red"}
MOST_FINDINGS = {Severity.ERROR: 10, Severity.WARNING: 3, Severity.NOTE: 1}
"""Of each code this many different messages are shown; a document that repeats one slip says it once."""
MOST_OPERATIONS = 60
"""A document with more of them gets a list of those that are not simply callable, and of each grade no more than:"""
MOST_OF_A_GRADE = 20


def run(asked: Invocation) -> int:
    """1 when something is missing from the result, and with `--strict` when anything differs from the document."""
    decided = decide(asked)
    with asked.terminal.progress(f"reading {decided.spec}"):
        document = load(decided)
        verdict = judge(compile_tools(document, CompileOptions(profile=decided.profile)))
    if asked.as_json:
        asked.terminal.json(_as_json(document, verdict))
    else:
        _print(document, verdict, asked.terminal, everything=asked.options.all)
    failed = verdict.severity(Severity.ERROR) or (asked.options.strict and verdict.severity(Severity.WARNING))
    return 1 if failed else 0


def _as_json(document: Document, verdict: Verdict) -> dict[str, object]:
    return {
        "document": {
            "title": document.info.title,
            "version": document.info.version,
            "dialect": document.dialect.value,
            "operations": document.declared_operations,
        },
        "summary": {
            "callable": verdict.count(Grade.CALLABLE),
            "rewritten": verdict.count(Grade.REWRITTEN),
            "leftOut": verdict.count(Grade.LEFT_OUT),
            "errors": verdict.severity(Severity.ERROR),
            "warnings": verdict.severity(Severity.WARNING),
            "notes": verdict.severity(Severity.NOTE),
        },
        "diagnostics": [_diagnostic(found) for found in verdict.diagnostics],
        "operations": [
            {
                "operation": graded.operation,
                "tool": graded.tool or None,
                "grade": graded.grade.value,
                "reasons": [reason.message for reason in graded.reasons],
            }
            for graded in verdict.operations
        ],
    }


def _diagnostic(found: Diagnostic) -> dict[str, object]:
    return {
        "code": found.code,
        "severity": found.severity.value,
        "pointer": found.pointer,
        "message": found.message,
        "advice": found.advice,
        "operation": found.operation or None,
    }


def _print(document: Document, verdict: Verdict, terminal: Terminal, *, everything: bool) -> None:
    """The worst first, the sum of it last: that is where a person looks when it is long."""
    for severity in Severity:
        by_code: dict[str, list[Diagnostic]] = defaultdict(list)
        for found in verdict.diagnostics:
            if found.severity is severity:
                by_code[found.code].append(found)
        for findings in by_code.values():
            if everything:
                _print_findings([[found] for found in findings], terminal)
            else:
                _print_kind(findings, MOST_FINDINGS[severity], terminal)
    if verdict.operations:
        _print_grades(verdict, terminal, everything=everything)
        terminal.line()
    info = document.info
    name = terminal.clean(f"{info.title or 'This document'} {info.version}".strip())
    family = "Swagger" if document.dialect is Dialect.SWAGGER_2_0 else "OpenAPI"
    terminal.line(f"{terminal.paint(name, 'bold')} ({family} {document.dialect.value}): {_summary(verdict)}")


def _print_kind(findings: Sequence[Diagnostic], most: int, terminal: Terminal) -> None:
    """Those that say the same are one; of those that differ, the first few."""
    alike: dict[tuple[str, str], list[Diagnostic]] = defaultdict(list)
    for found in findings:
        alike[found.message, found.advice].append(found)
    shown = list(alike.values())[:most]
    _print_findings(shown, terminal)
    more = len(findings) - sum(map(len, shown))
    if more:
        terminal.line(terminal.paint(f"… and {more:,} more of this kind [{findings[0].code}]; --all shows them", "dim"))
        terminal.line()


def _print_findings(groups: Iterable[Sequence[Diagnostic]], terminal: Terminal) -> None:
    for same in groups:
        first = same[0]
        terminal.line(
            f"{terminal.paint(first.severity.value, STYLES[first.severity])}: {terminal.clean(first.message)}"
        )
        others = f" and {number(len(same) - 1, 'other place')}" if len(same) > 1 else ""
        place = f"{first.pointer or 'the whole document'}{others}  [{first.code}]"
        terminal.line(terminal.paint(f"  at {terminal.clean(place)}", "dim"))
        if first.advice:
            terminal.line(f"  {terminal.clean(first.advice)}")
        terminal.line()


def _print_grades(verdict: Verdict, terminal: Terminal, *, everything: bool) -> None:
    """What is wrong first; of a long list that is all that is shown."""
    short = everything or len(verdict.operations) <= MOST_OPERATIONS
    rows, more = [], []
    for grade in (Grade.LEFT_OUT, Grade.REWRITTEN, Grade.CALLABLE):
        graded = [one for one in verdict.operations if one.grade is grade]
        most = len(graded) if short else 0 if grade is Grade.CALLABLE else MOST_OF_A_GRADE
        rows += [(GRADES[grade], one.operation, one.tool, _why(one)) for one in graded[:most]]
        if len(graded) > most:
            more.append(f"{len(graded) - most:,} {GRADES[grade]}")
    terminal.table(("grade", "operation", "tool", "why"), rows, styles=("", "", "cyan", "dim"), words=GRADE_STYLES)
    if more:
        terminal.line(terminal.paint(f"… and {', '.join(more)}; --all lists them", "dim"))


def _why(graded: Graded) -> str:
    if not graded.reasons:
        return ""
    more = f" (and {len(graded.reasons) - 1:,} more)" if len(graded.reasons) > 1 else ""
    return graded.reasons[0].message + more


def _summary(verdict: Verdict) -> str:
    counts = [f"{verdict.count(Grade.CALLABLE):,} callable", f"{verdict.count(Grade.REWRITTEN):,} with a rewrite"]
    if verdict.count(Grade.LEFT_OUT):
        counts.append(f"{verdict.count(Grade.LEFT_OUT):,} left out")
    problems = [
        number(count, word)
        for word, count in (
            ("error", verdict.severity(Severity.ERROR)),
            ("warning", verdict.severity(Severity.WARNING)),
        )
        if count
    ]
    return ", ".join(counts) + (f"; {' and '.join(problems)}" if problems else "; nothing to repair")
