"""Takes secrets out of what an upstream sends back: it may echo the header it got, in a body, a header or an error text.

A secret is looked for as it is, base64 (alone, and inside a longer encoded text at each of the three alignments),
percent-encoded, JSON-escaped and in hex. Nothing is searched when there are no secrets.
"""

import base64
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus

import msgspec

MARK = "[secret removed]"
SHORTEST = 4
"""Characters. A shorter secret is searched only in its encoded forms; its plain text would hit innocent words."""
_SHORTEST_ENCODED = 6
_GO_ESCAPED = "&<>"
"""What encoding/json writes as `\\u00xx`."""
_DOTNET_ESCAPED = "&<>'+`\""
"""What System.Text.Json writes as `\\u00XX`; `+` is common in base64 secrets."""


class Scrubber:
    """Immutable. Falsy when there is nothing to look for."""

    __slots__ = ("_needles", "_sought", "_sought_texts", "_texts")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = {needle for secret in secrets for needle in _forms(secret)}
        # The longest form first, so that a pair goes as a whole before its half is found inside it.
        self._texts = tuple(sorted(found, key=lambda needle: (-len(needle), needle)))
        self._needles = tuple(text.encode() for text in self._texts)
        # A form that holds another one is not looked for by itself: every answer is searched, few hold a secret.
        self._sought_texts = tuple(one for one in self._texts if not any(o in one for o in self._texts if o != one))
        self._sought = tuple(text.encode() for text in self._sought_texts)

    def __bool__(self) -> bool:
        return bool(self._needles)

    def clean(self, data: bytes) -> bytes:
        """`data` (UTF-8 or any ASCII superset) without secrets; the same object when there were none."""
        for needle in self._sought:
            if needle in data:
                break
        else:
            return data
        for needle in self._needles:
            data = data.replace(needle, MARK.encode())
        return data

    def clean_text(self, text: str) -> str:
        if self.finds(text):
            for needle in self._texts:
                text = text.replace(needle, MARK)
        return text

    def finds(self, text: str) -> bool:
        return any(needle in text for needle in self._sought_texts)


NOTHING = Scrubber()


def _forms(secret: str) -> Iterator[str]:
    if len(secret) >= SHORTEST:
        yield secret
        yield from _escaped(secret)
    raw = secret.encode()
    encoded = [base64.b64encode(raw).decode(), raw.hex(), raw.hex().upper(), *_inside_base64(raw)]
    for form in encoded:
        for variant in (form, form.rstrip("="), form.translate(_URL_SAFE), quote(form, safe="")):
            if len(variant) >= _SHORTEST_ENCODED:
                yield variant


_URL_SAFE = str.maketrans("+/", "-_")


def _inside_base64(raw: bytes) -> Iterator[str]:
    """The characters of a longer base64 text that `raw` alone decides, when it starts at byte 0, 1 or 2 of a triple."""
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + raw + b"\0\0").decode()
        first = -(-8 * offset // 6)
        yield text[first : 8 * (offset + len(raw)) // 6]


def _escaped(secret: str) -> Iterator[str]:
    for form in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield form
        yield _lower_percent(form)
    as_json = msgspec.json.encode(secret).decode()[1:-1]
    for template in ("\\u{:04x}", "\\u{:04X}"):
        ascii_json = _unicode_escaped(as_json, template, lambda c: not c.isascii())
        for form in (as_json, ascii_json):
            yield form
            yield form.replace("/", "\\/")
        yield _unicode_escaped(as_json, template, _GO_ESCAPED.__contains__)
        yield _unicode_escaped(secret, template, lambda c: not c.isascii() or c in _DOTNET_ESCAPED)


def _unicode_escaped(text: str, template: str, escaped: Callable[[str], bool]) -> str:
    """Characters for which `escaped` holds as JSON's UTF-16 escapes."""
    return "".join("".join(map(template.format, _utf16_units(c))) if escaped(c) else c for c in text)


def _utf16_units(character: str) -> tuple[int, ...]:
    raw = character.encode("utf-16-be")
    return tuple(int.from_bytes(raw[i : i + 2]) for i in range(0, len(raw), 2))


def _lower_percent(form: str) -> str:
    head, *rest = form.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)
