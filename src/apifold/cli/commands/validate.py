"""`apifold validate`: what of a document can be called, what was rewritten or left out, and what to do about it."""

from collections import Counter
from collections.abc import Sequence

from apifold.cli.grades import Grade, Graded, Verdict, judge
from apifold.cli.invocation import Invocation
from apifold.cli.reading import decide, load
from apifold.cli.terminal import Terminal
from apifold.core.diagnostics import Diagnostic, Severity
from apifold.core.openapi.document import Document
from apifold.core.tools.compiler import CompileOptions, compile_tools

STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}
GRADE_STYLES = {Grade.CALLABLE: "green", Grade.REWRITTEN: "yellow", Grade.LEFT_OUT: "red"}
NOTES_IN_FULL = 20
"""More notes than these are counted by code: they are harmless."""


def run(asked: Invocation) -> int:
    """1 when something is missing from the result, and with `--strict` when anything differs from the document."""
    decided = decide(asked)
    with asked.terminal.progress(f"reading {decided.spec}"):
        document = load(decided)
        verdict = judge(compile_tools(document, CompileOptions(profile=decided.profile)))
    if asked.as_json:
        asked.terminal.json(_as_json(document, verdict))
    else:
        _print(document, verdict, asked.terminal)
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


def _print(document: Document, verdict: Verdict, terminal: Terminal) -> None:
    for severity in Severity:
        _print_diagnostics([found for found in verdict.diagnostics if found.severity is severity], severity, terminal)
    _print_grades(verdict.operations, terminal)
    terminal.line()
    title = document.info.title or "this document"
    terminal.line(f"{title} {document.info.version} (OpenAPI {document.dialect.value}): {_summary(verdict)}")


def _print_diagnostics(found: Sequence[Diagnostic], severity: Severity, terminal: Terminal) -> None:
    if severity is Severity.NOTE and len(found) > NOTES_IN_FULL:
        counts = Counter(one.code for one in found)
        listed = ", ".join(f"{count} × {code}" for code, count in counts.most_common())
        terminal.line(f"{terminal.paint('note', STYLES[severity])}: {listed}; --format json lists them")
        terminal.line()
        return
    for one in found:
        terminal.line(f"{terminal.paint(severity.value, STYLES[severity])}: {terminal.clean(one.message)}")
        place = f"{one.pointer or '(whole document)'}  [{one.code}]"
        terminal.line(terminal.paint(f"  at {terminal.clean(place)}", "dim"))
        if one.advice:
            terminal.line(f"  {terminal.clean(one.advice)}")
        terminal.line()


def _print_grades(graded: Sequence[Graded], terminal: Terminal) -> None:
    rows = [(one.grade.value, one.operation, one.tool, _why(one)) for one in graded]
    terminal.table(("grade", "operation", "tool", "why"), rows, styles=("", "", "cyan", "dim"))


def _why(graded: Graded) -> str:
    if not graded.reasons:
        return ""
    more = f" (and {len(graded.reasons) - 1} more)" if len(graded.reasons) > 1 else ""
    return graded.reasons[0].message + more


def _summary(verdict: Verdict) -> str:
    counts = [f"{verdict.count(Grade.CALLABLE)} callable", f"{verdict.count(Grade.REWRITTEN)} with a rewrite"]
    if verdict.count(Grade.LEFT_OUT):
        counts.append(f"{verdict.count(Grade.LEFT_OUT)} left out")
    problems = [
        f"{number} {word if number == 1 else word + 's'}"
        for word, number in (
            ("error", verdict.severity(Severity.ERROR)),
            ("warning", verdict.severity(Severity.WARNING)),
        )
        if number
    ]
    return ", ".join(counts) + (f"; {' and '.join(problems)}" if problems else "; nothing to repair")
