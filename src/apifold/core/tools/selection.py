"""Which tools of a catalogue are exposed. The catalogue always has all; a selection only chooses what a caller sees."""

import re
from collections.abc import Callable, Iterable

import msgspec

from apifold.core.diagnostics import Diagnostic, Severity
from apifold.core.tools.model import Tool


class Selection(msgspec.Struct, frozen=True):
    """Every criterion narrows; within one, any value suffices. Empty criteria choose everything but what is deprecated."""

    tags: tuple[str, ...] = ()
    """Exact; where no tag is written so, case does not matter."""
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Globs over the path template: `*` stays within a segment, `**` does not, `?` is one character."""
    operations: tuple[str, ...] = ()
    """Operation ids, operation keys (`GET /pets`) or tool names. An operation named here is chosen also when deprecated."""
    exclude_tags: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    exclude_operations: tuple[str, ...] = ()
    read_only: bool = False
    include_deprecated: bool = False


EVERYTHING = Selection(include_deprecated=True)


class Selected(msgspec.Struct, frozen=True):
    tools: tuple[Tool, ...]
    """In catalogue order."""
    diagnostics: tuple[Diagnostic, ...]
    """A WARNING for every value that matches nothing, most likely a slip of the pen."""


def select(tools: Iterable[Tool], selection: Selection) -> Selected:
    everything = tuple(tools)
    chosen = [_Criterion(tool) for tool in everything]
    criteria = _criteria(everything, selection)
    kept = [item for item in chosen if all(test(item) for test in criteria)]
    return Selected(tuple(item.tool for item in kept), tuple(_unmatched(everything, selection)))


class _Criterion:
    """A tool with the names by which a selection may call it."""

    __slots__ = ("names", "tags", "tool")

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.names = _names(tool)
        self.tags = frozenset(tool.operation.tags)


def _names(tool: Tool) -> frozenset[str]:
    return frozenset({tool.name, tool.key, tool.operation.operation_id} - {""})


def _criteria(tools: tuple[Tool, ...], selection: Selection) -> list[Callable[[_Criterion], bool]]:
    tests: list[Callable[[_Criterion], bool]] = []
    named = frozenset(map(_normal_key, selection.operations))
    if selection.tags:
        tags = _tags(tools, selection.tags)
        tests.append(lambda item: bool(tags & item.tags))
    if selection.methods:
        methods = {method.upper() for method in selection.methods}
        tests.append(lambda item: item.tool.operation.method.upper() in methods)
    if selection.paths:
        paths = [_glob(pattern) for pattern in selection.paths]
        tests.append(lambda item: any(path.fullmatch(item.tool.operation.path) for path in paths))
    if named:
        tests.append(lambda item: bool(named & item.names))
    if selection.read_only:
        tests.append(lambda item: item.tool.annotations.read_only)
    if not selection.include_deprecated:
        tests.append(lambda item: not item.tool.operation.deprecated or bool(named & item.names))
    return tests + _exclusions(tools, selection)


def _exclusions(tools: tuple[Tool, ...], selection: Selection) -> list[Callable[[_Criterion], bool]]:
    tests: list[Callable[[_Criterion], bool]] = []
    if selection.exclude_tags:
        tags = _tags(tools, selection.exclude_tags)
        tests.append(lambda item: not tags & item.tags)
    if selection.exclude_paths:
        paths = [_glob(pattern) for pattern in selection.exclude_paths]
        tests.append(lambda item: not any(path.fullmatch(item.tool.operation.path) for path in paths))
    if selection.exclude_operations:
        named = frozenset(map(_normal_key, selection.exclude_operations))
        tests.append(lambda item: not named & item.names)
    return tests


def _normal_key(name: str) -> str:
    """`get  /pets` means `GET /pets`; names and ids stay as they are."""
    method, space, path = name.strip().partition(" ")
    return f"{method.upper()} {path.strip()}" if space and path.strip().startswith("/") else name.strip()


def _tags(tools: tuple[Tool, ...], wanted: tuple[str, ...]) -> frozenset[str]:
    known = {tag for tool in tools for tag in tool.operation.tags}
    found: set[str] = set()
    for tag in wanted:
        found |= {tag} & known or {other for other in known if other.casefold() == tag.casefold()}
    return frozenset(found)


def _glob(pattern: str) -> re.Pattern[str]:
    parts = (
        ".*" if part == "**" else "[^/]*" if part == "*" else "[^/]" if part == "?" else re.escape(part)
        for part in re.split(r"(\*\*|\*|\?)", pattern)
    )
    return re.compile("".join(parts))


def _unmatched(tools: tuple[Tool, ...], selection: Selection) -> Iterable[Diagnostic]:
    names = {name for tool in tools for name in _names(tool)}
    methods = {tool.operation.method.upper() for tool in tools}
    paths = [tool.operation.path for tool in tools]
    for tag in (*selection.tags, *selection.exclude_tags):
        if not _tags(tools, (tag,)):
            yield _nothing("tag", tag)
    for method in selection.methods:
        if method.upper() not in methods:
            yield _nothing("method", method)
    for pattern in (*selection.paths, *selection.exclude_paths):
        if not any(map(_glob(pattern).fullmatch, paths)):
            yield _nothing("path", pattern)
    for name in (*selection.operations, *selection.exclude_operations):
        if _normal_key(name) not in names:
            yield _nothing("operation", name)


def _nothing(what: str, value: str) -> Diagnostic:
    return Diagnostic(
        "selection.no_match",
        Severity.WARNING,
        "",
        f"No tool matches the {what} {value!r}.",
        "See `apifold tools` for what there is.",
    )
