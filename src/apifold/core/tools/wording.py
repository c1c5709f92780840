"""What a schema says in words: the document's own, and what no portable keyword can say."""

import msgspec

from apifold.core.tools import vocabulary as words
from apifold.core.tools.naming import legal_key
from apifold.core.tools.text import clean_line, visible
from apifold.core.values import JSONObject

DESCRIPTION_LIMIT = 600
"""Characters of the description of one property."""
BINARY_WORDS = "A file: an object with base64 `content`, a data: URI, or bare base64."
EXAMPLE_LIMIT = 60
"""Bytes of an example that is folded into a description."""


class Hints(msgspec.Struct):
    """What cannot stand as a keyword and is said in the description."""

    format: str = ""
    pattern: str = ""
    step: float | None = None
    either_required: list[list[str]] = msgspec.field(default_factory=list)
    """Names of which one list has to be given."""


def describe_schema(schema: JSONObject, facts: JSONObject, kind: str, hints: Hints) -> str:
    """What the document says in words, and what no portable keyword can say."""
    text = schema.get("description")
    if not isinstance(text, str) or not text.strip():
        title = schema.get("title")
        text = title if isinstance(title, str) and " " in title.strip() else ""
    said = [clean_line(text, DESCRIPTION_LIMIT)] if text else []
    if schema.get("deprecated") is True:
        said.insert(0, "Deprecated.")
    if kind == "binary":
        said.append(BINARY_WORDS)
    if hints.format:
        said.append(hints.format)
    if hints.pattern:
        said.append(f"Pattern: {visible(hints.pattern)}")
    if hints.step is not None:
        said.append(f"Multiple of {hints.step}.")
    choices = [" and ".join(map(legal_key, names)) for names in hints.either_required if names]
    if len(choices) > 1:
        said.append(clean_line(f"Give {'; or '.join(choices)}.", 200))
    example = _example(schema, facts, kind)
    if example and example not in text:
        said.append(f"Example: {example}")
    return " ".join(filter(None, said))


def _example(schema: JSONObject, facts: JSONObject, kind: str) -> str:
    """A short example in JSON, where the type leaves the form open; texts stand without quotation marks."""
    if "enum" in facts or kind not in ("string", "integer", "number", "array"):
        return ""
    value = words.example_of(schema)
    if value is None or value == "" or value == facts.get("default") or not words.encodable(value):
        return ""
    if isinstance(value, str):
        return clean_line(value, EXAMPLE_LIMIT) if len(value) <= EXAMPLE_LIMIT else ""
    text = msgspec.json.encode(value)
    return visible(text.decode()) if len(text) <= EXAMPLE_LIMIT else ""
