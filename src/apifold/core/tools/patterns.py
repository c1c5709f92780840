"""Regular expressions that mean the same to every validator that may see them.

Clients compile a schema's `pattern` as ECMAScript with the `u` flag, we with a linear-time engine (jsonschema_rs over
Rust's regex). A pattern is kept when both take it; harmless differences in spelling are evened out.
"""

import re

MAX_PATTERN = 300
"""Longer patterns cost a model more than they help, and a validator megabytes."""

_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_LETTER_ESCAPES = frozenset("dDwWsSbBnrtvf")
_QUANTIFIER = re.compile(r"\{\d{1,4}(?:,(?:\d{1,4})?)?\}")
_HEX = re.compile(r"x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|[pP]\{[A-Za-z_=]{1,40}\}|c[A-Za-z]|0(?!\d)")
_GROUP = re.compile(r"\((?:\?(?::|<[A-Za-z_]\w*>))?")


class _Foreign(Exception):
    """The pattern uses something ECMAScript or the linear engine does not have."""


def portable_pattern(pattern: str) -> str | None:
    """The pattern spelled for ECMAScript with `u`, or `None` when it cannot be kept."""
    if len(pattern) > MAX_PATTERN or not pattern.isprintable():
        return None
    if len(pattern) > 4 and pattern.startswith("/^") and pattern.endswith("$/"):
        pattern = pattern[1:-1]  # a literal with its delimiters, which would be matched as text
    try:
        spelled = _spell(pattern)
    except _Foreign:
        return None
    return spelled if _compiles(spelled) else None


def _compiles(pattern: str) -> bool:
    import jsonschema_rs  # noqa: PLC0415  no start waits for the validator

    try:
        jsonschema_rs.Draft202012Validator(
            {"pattern": pattern}, offline=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def _spell(pattern: str) -> str:
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            at = _class(pattern, at, out)
            continue
        token = _token(pattern, at, char)
        if token is None:
            token = f"\\{char}" if char in "{}]" else char  # lone brackets are errors under `u`
            at += 1
        else:
            at += len(token)
            token = _identity(token, "")
        out.append(token)
    return "".join(out)


def _token(pattern: str, at: int, char: str) -> str | None:
    """An escape, a group opening or a quantifier as it is written; `None` for a plain character."""
    if char == "\\":
        return _escape(pattern, at)
    if char == "(":
        match = _GROUP.match(pattern, at)
        if match is None or (pattern.startswith("(?", at) and match[0] == "("):
            raise _Foreign
        return match[0]
    if char == "{":
        match = _QUANTIFIER.match(pattern, at)
        if match is None:
            return None
        _not_possessive(pattern, match.end())
        return match[0]
    if char in "*+?":
        _not_possessive(pattern, at + 1)
    return None


def _not_possessive(pattern: str, end: int) -> None:
    if pattern[end : end + 1] in ("+", "*") or pattern[end : end + 2] == "??":
        raise _Foreign


def _escape(pattern: str, at: int) -> str:
    following = pattern[at + 1 : at + 2]
    match = _HEX.match(pattern, at + 1)
    if match is not None:
        return f"\\{match[0]}"
    if not following or (following.isalnum() and following not in _LETTER_ESCAPES):
        raise _Foreign
    return f"\\{following}"


def _identity(token: str, also: str) -> str:
    """An escaped underscore or at sign escapes nothing, and is an error under `u`."""
    if (
        len(token) == 2
        and token[0] == "\\"
        and not token[1].isalnum()
        and token[1] not in _SYNTAX
        and token[1] not in also
    ):
        return token[1]
    return token


def _class(pattern: str, at: int, out: list[str]) -> int:
    """Copy one character class; nested brackets and set operations mean different things to different engines."""
    start = at
    at += 2 if pattern.startswith("[^", at) else 1
    out.append(pattern[start:at])
    while at < len(pattern) and pattern[at] != "]":
        if pattern.startswith(("[:", "&&", "--", "~~"), at):
            raise _Foreign
        if pattern[at] == "\\":
            token = _escape(pattern, at)
            at += len(token)
            out.append(_identity(token, "-"))
        else:
            out.append("\\[" if pattern[at] == "[" else pattern[at])
            at += 1
    if at >= len(pattern):
        raise _Foreign
    out.append("]")
    return at + 1
