"""Bytes of one file to a bounded JSON value. JSON is tried first because it is by far the faster parser; whatever is
not JSON is read as YAML 1.2. What a document means is not decided here.
"""

import json
import math
import re
from contextlib import suppress

import msgspec

from apifold.core.diagnostics import Diagnostic, Severity
from apifold.core.errors import AppError, ErrorCategory
from apifold.core.limits import DOCUMENT, DocumentLimits
from apifold.core.openapi.survey import Links, survey
from apifold.core.openapi.text import looks_binary, read_text
from apifold.core.values import JSON

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_STRINGS = re.compile(_STRING, re.DOTALL)
_RELAXED = re.compile(_STRING + rb"|(//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|,(?=\s*+[}\]]))", re.DOTALL)
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HALF = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_CONTROL = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\t\n\r")
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|\?xml|[a-z])", re.IGNORECASE)


_NAMED_KEYS = 50
"""Duplicate keys named per file; a document that repeats one slip thousands of times needs to hear of it only so often."""


class DocumentRefused(AppError):
    """Nothing could be read; `message` names the reason, the line where there is one, and what to do."""

    category = ErrorCategory.INVALID


class DecodedFile(msgspec.Struct):
    value: JSON
    links: Links = msgspec.field(default_factory=Links)
    """What the file says of other files."""
    diagnostics: list[Diagnostic] = msgspec.field(default_factory=list)


def decode(data: bytes, *, limits: DocumentLimits = DOCUMENT) -> JSON:
    """The value of a JSON or YAML 1.2 text. Raises `DocumentRefused`."""
    return decode_file(data, limits=limits).value


def decode_file(data: bytes, *, base: str = "", limits: DocumentLimits = DOCUMENT) -> DecodedFile:
    """The value of a JSON or YAML 1.2 text with what was odd about it. Raises `DocumentRefused`.

    Duplicate keys, unknown tags, several YAML documents, comments and trailing commas in JSON, and bytes that are no
    text are tolerated and named.
    """
    if len(data) > limits.file_bytes:
        reason = f"the file has {len(data):,} bytes, more than the {limits.file_bytes:,} allowed"
        raise _refused("too_large", reason, base, category=ErrorCategory.TOO_LARGE)
    kind = looks_binary(data)
    if kind:
        raise _refused("encoding", f"this is {kind}, not a text; unpack it or give the document itself", base)
    text = read_text(data)
    found: list[Diagnostic] = []
    if text.broken:
        reason = f"{text.broken} places are not valid text in the file's encoding and were replaced"
        found.append(_remark("decode.encoding", reason, base, "Save the file as UTF-8."))
    decoded = _decode_text(text.utf8, base, limits)
    decoded.diagnostics[:0] = found
    return decoded


def _decode_text(utf8: bytes, base: str, limits: DocumentLimits) -> DecodedFile:
    start = utf8[:4096].lstrip()[:1]
    if not start and not utf8.strip():
        raise _refused("empty", "the file is empty", base)
    if start not in (b"{", b"[") and not utf8.lstrip().startswith((b"//", b"/*")):
        if _MARKUP.match(utf8):
            raise _refused(
                "not_openapi",
                "this is HTML or XML, not an OpenAPI document; give the URL of the JSON or YAML itself",
                base,
            )
        return _decode_yaml(utf8, base, limits)
    _check_nodes(utf8, base, limits)
    try:
        return _surveyed(_decode_json(utf8), utf8, base, limits)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        return _decode_relaxed(utf8, str(problem), base, limits)
    except RecursionError:
        raise _too_deep(base, limits) from None


def _decode_json(utf8: bytes) -> JSON:
    value: JSON = msgspec.json.decode(utf8)
    return value


def _surveyed(value: JSON, utf8: bytes, base: str, limits: DocumentLimits) -> DecodedFile:
    found = survey(value)
    if found.depth > limits.depth:
        raise _too_deep(base, limits)
    decoded = DecodedFile(value, found.links)
    # More quotes before colons than members: perhaps in a string, perhaps a key that stands twice and hides a member.
    if _keys(utf8) > found.keys:
        with suppress(ValueError):  # two parsers may differ on the edges of JSON, and this is only a look
            json.loads(utf8, object_pairs_hook=_Members(decoded.diagnostics, base))
    return decoded


class _Members:
    """Builds an object from its members and names the keys that stand twice."""

    def __init__(self, diagnostics: list[Diagnostic], base: str) -> None:
        self._diagnostics = diagnostics
        self._base = base
        self._named: set[str] = set()

    def __call__(self, pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
        members = dict(pairs)
        if len(members) < len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    self._name(key)
                seen.add(key)
        return members

    def _name(self, key: str) -> None:
        if key not in self._named and len(self._named) < _NAMED_KEYS:
            self._named.add(key)
            reason = f"the key {key[:80]!r} stands twice in one object; the last one counts"
            self._diagnostics.append(_remark("decode.duplicate_key", reason, self._base, "Remove one of them."))


def _decode_relaxed(utf8: bytes, problem: str, base: str, limits: DocumentLimits) -> DecodedFile:
    """Comments, trailing commas, control characters in strings, NaN, lone surrogates; last, whatever YAML allows in JSON."""
    decoded = DecodedFile(None)
    advice = "Correct the document; other programs will refuse it."
    decoded.diagnostics.append(
        _remark("decode.lenient_json", f"this is not quite JSON ({problem}) and was read leniently", base, advice)
    )
    try:
        cleaned = _RELAXED.sub(_without_comment, _RELAXED.sub(_without_comment, utf8))
        decoded.value = json.loads(
            _without_surrogates(cleaned).decode(),
            strict=False,
            parse_constant=str,
            parse_float=_finite,
            object_pairs_hook=_Members(decoded.diagnostics, base),
        )
    except RecursionError:
        raise _too_deep(base, limits) from None
    except ValueError as error:
        return _decode_flow(utf8, " ".join(str(error).split()), decoded, base, limits)
    found = survey(decoded.value)
    if found.depth > limits.depth:
        raise _too_deep(base, limits)
    decoded.links = found.links
    return decoded


def _decode_flow(utf8: bytes, problem: str, decoded: DecodedFile, base: str, limits: DocumentLimits) -> DecodedFile:
    """JSON-like text that only YAML reads (single quotes, bare keys). When it does not, the JSON problem is the clearer one."""
    try:
        read = _decode_yaml(utf8, base, limits)
    except DocumentRefused as refusal:
        if refusal.code != "document.syntax":
            raise
        raise _refused("syntax", f"the file is neither JSON nor YAML: {problem}", base) from None
    read.diagnostics[:0] = decoded.diagnostics
    return read


def _decode_yaml(utf8: bytes, base: str, limits: DocumentLimits) -> DecodedFile:
    from apifold.core.openapi.yaml_reader import YAMLRefused, read_yaml  # noqa: PLC0415  nothing that JSON needs

    cleaned = utf8.translate(None, delete=_CONTROL)
    try:
        try:
            read = read_yaml(cleaned, limits=limits)
        except YAMLRefused as refusal:
            if refusal.code != "escape":
                raise
            # libyaml does not know JSON's escapes in pairs, and strings with them are pasted into YAML.
            read = read_yaml(_without_surrogates(cleaned), limits=limits)
    except YAMLRefused as refusal:
        category = ErrorCategory.TOO_LARGE if refusal.code.startswith("too_") else ErrorCategory.INVALID
        code = "syntax" if refusal.code in ("alias", "escape") else refusal.code
        raise _refused(code, f"the file cannot be read as YAML: {refusal.message}", base, category=category) from None
    decoded = DecodedFile(read.value, read.links)
    if len(cleaned) < len(utf8):
        reason = f"{len(utf8) - len(cleaned)} control characters, which YAML does not allow, were left out"
        decoded.diagnostics.append(_remark("decode.control_characters", reason, base, "Remove them."))
    for remark in read.remarks:
        reason = f"line {remark.line}: {remark.message}"
        decoded.diagnostics.append(_remark(f"decode.{remark.code}", reason, base, ""))
    return decoded


def _check_nodes(utf8: bytes, base: str, limits: DocumentLimits) -> None:
    """Refuse JSON with too many values before memory is spent on them: every value but the first follows one of `[`, `{`, `,`, `:`."""
    if _openers(utf8) > limits.nodes and _openers(_STRINGS.sub(b"", utf8)) > limits.nodes:
        raise _refused("too_many_values", f"more than {limits.nodes:,} values", base, category=ErrorCategory.TOO_LARGE)


def _openers(utf8: bytes) -> int:
    return sum(map(utf8.count, (b"[", b"{", b",")))


def _keys(utf8: bytes) -> int:
    """Quotes before a colon that are not escaped: about as many as there are object keys, and hardly ever fewer."""
    plain = utf8.count(b'":') - utf8.count(b'\\":')
    return plain + utf8.count(b'" :') - utf8.count(b'\\" :')


def _without_surrogates(utf8: bytes) -> bytes:
    """JSON writes characters beyond U+FFFF as two escapes; half of such a pair is no character (RFC 8259 8.2)."""
    whole = _PAIR.sub(lambda match: json.loads(b'"%s"' % match[0]).encode(), utf8)
    return _HALF.sub(b"\\\\ufffd", whole)


def _without_comment(match: re.Match[bytes]) -> bytes:
    return b"" if match[1] is not None else match[0]


def _finite(text: str) -> JSON:
    number = float(text)
    return number if math.isfinite(number) else text


def _too_deep(base: str, limits: DocumentLimits) -> DocumentRefused:
    reason = f"values are nested more than {limits.depth} levels deep"
    return _refused("too_deep", reason, base, category=ErrorCategory.TOO_LARGE)


def _refused(code: str, reason: str, base: str, *, category: ErrorCategory = ErrorCategory.INVALID) -> DocumentRefused:
    where = f"{base}: " if base else ""
    return DocumentRefused(f"document.{code}", f"{where}{reason}", category=category)


def _remark(code: str, message: str, base: str, advice: str) -> Diagnostic:
    return Diagnostic(code, Severity.WARNING, f"{base}#" if base else "", message, advice)
