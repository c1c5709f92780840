"""The keywords of one schema object, read whatever dialect or mistake they were written in.

Input is a schema as the document has it (OpenAPI 3.0 or Swagger 2.0 words, JSON Schema 2020-12, or a slip of the pen);
output are 2020-12 keywords that are valid and fit the type. What composition means is decided elsewhere.
"""

import math
from collections.abc import Callable, Iterable

import msgspec

from apifold.core.tools.text import visible
from apifold.core.values import JSON, JSONObject

Complaint = Callable[[str, str], None]
"""Told (code, message) about every keyword that could not be used as it stands."""

TYPES = frozenset(("object", "array", "string", "integer", "number", "boolean"))

_MISNAMED = {
    "int": ("integer", ""),
    "int32": ("integer", ""),
    "int64": ("integer", ""),
    "long": ("integer", ""),
    "short": ("integer", ""),
    "float": ("number", ""),
    "double": ("number", ""),
    "decimal": ("number", ""),
    "numeric": ("number", ""),
    "bool": ("boolean", ""),
    "str": ("string", ""),
    "text": ("string", ""),
    "char": ("string", ""),
    "enum": ("string", ""),
    "date": ("string", "date"),
    "datetime": ("string", "date-time"),
    "date-time": ("string", "date-time"),
    "timestamp": ("string", ""),
    "time": ("string", ""),
    "uuid": ("string", "uuid"),
    "uri": ("string", "uri"),
    "url": ("string", "uri"),
    "email": ("string", "email"),
    "password": ("string", ""),
    "byte": ("string", ""),
    "binary": ("string", ""),
    "list": ("array", ""),
    "dict": ("object", ""),
    "map": ("object", ""),
    "hash": ("object", ""),
}

PORTABLE_FORMATS = frozenset(("date-time", "date", "email", "uri", "uuid"))
_SILENT_FORMATS = frozenset(
    [
        "int8",
        "int16",
        "int32",
        "int64",
        "uint",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float",
        "double",
        "decimal",
        "string",
        "boolean",
        "number",
        "integer",
        "enum",
        "password",
        "binary",
        "file",
        "object",
        "array",
        "text",
        "long",
    ]
)
"""Formats that tell a model nothing beyond the type (or what is said elsewhere)."""

_SAFE_INTEGER = 2**53
"""Bounds beyond it are a type's range, not a rule, and no JavaScript client reads them exactly."""

_OBJECT_HINTS = (
    "properties",
    "additionalProperties",
    "patternProperties",
    "minProperties",
    "maxProperties",
    "required",
)
_ARRAY_HINTS = ("items", "prefixItems", "minItems", "maxItems", "uniqueItems")
_STRING_HINTS = ("pattern", "minLength", "maxLength", "contentEncoding", "contentMediaType")
_NUMBER_HINTS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def is_scalar(value: JSON) -> bool:
    return not isinstance(value, dict | list)


def type_of(value: JSON) -> str:
    """The JSON Schema type of a value; whole numbers are `integer`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def encodable(value: JSON) -> bool:
    """Whether a value can stand in JSON text: no lone surrogates, no NaN or infinity."""
    if isinstance(value, float):
        return math.isfinite(value)
    try:
        msgspec.json.encode(value)
    except (UnicodeEncodeError, RecursionError, OverflowError):
        return False
    return True


# --- types ------------------------------------------------------------------------------------------------------------


def declared_types(schema: JSONObject, complain: Complaint) -> tuple[list[str], bool]:
    """The types a schema names, misnamed ones read as meant, and whether null is among them."""
    written = schema.get("type")
    if isinstance(written, str) and written in TYPES:
        return [written], False
    if written is None:
        return [], False
    names = written if isinstance(written, list) else [written]
    types: list[str] = []
    null = False
    for name in names:
        if name == "null":
            null = True
            continue
        known = _known_type(name, complain)
        if known and known not in types:
            types.append(known)
    if "number" in types and "integer" in types:
        types.remove("integer")
    return types, null


def _known_type(name: JSON, complain: Complaint) -> str:
    if not isinstance(name, str):
        complain("schema.repaired", f"a type that is {type_of(name)} instead of text was dropped")
        return ""
    if name in TYPES:
        return name
    lower = name.strip().lower()
    if lower in TYPES:
        complain("schema.repaired", f"the type {name!r} was read as {lower!r}")
        return lower
    if lower in _MISNAMED:
        complain("schema.repaired", f"the type {name!r} was read as {_MISNAMED[lower][0]!r}")
        return _MISNAMED[lower][0]
    if lower not in ("any", "file"):
        complain("schema.repaired", f"the unknown type {name[:40]!r} was dropped")
    return ""


def misnamed_format(schema: JSONObject) -> str:
    """The format that a misnamed type means (`type: uuid`)."""
    written = schema.get("type")
    return _MISNAMED.get(written.strip().lower(), ("", ""))[1] if isinstance(written, str) else ""


def inferred_type(schema: JSONObject) -> str:
    """The type that the other keywords are about; empty when they say nothing."""
    for hints, kind in (
        (_OBJECT_HINTS, "object"),
        (_ARRAY_HINTS, "array"),
        (_STRING_HINTS, "string"),
        (_NUMBER_HINTS, "number"),
    ):
        if any(hint in schema for hint in hints):
            return kind
    written = schema.get("format")
    return "string" if isinstance(written, str) and written in PORTABLE_FORMATS else ""


# --- enums ------------------------------------------------------------------------------------------------------------


def enum_values(schema: JSONObject, types: list[str], complain: Complaint) -> tuple[list[JSON], bool]:
    """The allowed scalar values in order, without doubles, read as the declared type; and whether null is one."""
    written = [schema["const"]] if "const" in schema else schema.get("enum")
    if written is None and "const" not in schema:
        return [], False
    if not isinstance(written, list):
        complain("schema.repaired", "an enum that is not a list was dropped")
        return [], False
    values: list[JSON] = []
    null = False
    seen: set[str] = set()
    for value in written:
        if value is None:
            null = True
            continue
        fitted = _fit_to_types(value, types)
        if fitted is None or not encodable(fitted):
            complain("schema.repaired", "an enum value that does not fit the type was dropped")
            continue
        identity = f"{type_of(fitted)} {fitted}"
        if identity not in seen:
            seen.add(identity)
            values.append(fitted)
    if not written:
        complain("schema.repaired", "an empty enum was dropped")
    return values, null


def _fit_to_types(value: JSON, types: list[str]) -> JSON:
    """A value as one of the types, `None` when it cannot be; YAML reads `1.0`, `true` and dates into other types."""
    if not is_scalar(value):
        return None
    kind = type_of(value)
    if not types or kind in types or (kind == "integer" and "number" in types):
        return int(value) if kind == "integer" and isinstance(value, float) else value
    if "string" in types:
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, str):
        if "integer" in types or "number" in types:
            return as_number(value)
        if "boolean" in types:
            return {"true": True, "false": False}.get(value.lower())
    return None


# --- numbers ----------------------------------------------------------------------------------------------------------


def as_number(value: JSON) -> int | float | None:
    """A finite number, also when it was written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value) if not value.strip().lstrip("+-").isdigit() else int(value)
        except ValueError:
            return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return int(value) if value.is_integer() and abs(value) < _SAFE_INTEGER else value
    return None


def as_count(value: JSON) -> int | None:
    number = as_number(value)
    return number if isinstance(number, int) and number >= 0 else None


def bounds(schema: JSONObject, complain: Complaint) -> JSONObject:
    """minimum, maximum and their exclusive forms, those of OpenAPI 3.0 (booleans) included."""
    found: JSONObject = {}
    for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        limit, strict = _bound(schema, plain, complain), schema.get(exclusive)
        if isinstance(strict, bool):
            if limit is not None:
                found[exclusive if strict else plain] = limit
            continue
        if limit is not None:
            found[plain] = limit
        open_limit = _bound(schema, exclusive, complain)
        if open_limit is not None:
            found[exclusive] = open_limit
    low, high = found.get("minimum"), found.get("maximum")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        complain("schema.repaired", "a minimum above the maximum was dropped")
        found = {}
    return found


def _bound(schema: JSONObject, keyword: str, complain: Complaint) -> int | float | None:
    written = schema.get(keyword)
    if written is None:
        return None
    number = as_number(written)
    if number is None:
        complain("schema.repaired", f"{keyword} is not a number and was dropped")
        return None
    return number if abs(number) < _SAFE_INTEGER else None


def counts(schema: JSONObject, low: str, high: str, complain: Complaint) -> JSONObject:
    """A pair such as minLength and maxLength: whole numbers, in order."""
    found: JSONObject = {}
    limits: list[int | None] = []
    for keyword in (low, high):
        written = schema.get(keyword)
        limit = as_count(written) if written is not None else None
        if written is not None and limit is None:
            complain("schema.repaired", f"{keyword} is not a whole number and was dropped")
        limits.append(limit)
    least, most = limits
    if least is not None and most is not None and least > most:
        complain("schema.repaired", f"{low} above {high} was dropped")
        return {}
    if least:
        found[low] = least
    if most is not None and most < 2**31 - 1:
        found[high] = most
    return found


# --- names and notes --------------------------------------------------------------------------------------------------


def required_names(schema: JSONObject, complain: Complaint) -> list[str]:
    written = schema.get("required")
    if written is None or isinstance(written, bool):
        return []  # `required: true` on a property is the parent's business
    if not isinstance(written, list):
        complain("schema.repaired", "a required that is not a list was dropped")
        return []
    return list(dict.fromkeys(name for name in written if isinstance(name, str) and encodable(name)))


def format_hint(name: str) -> str:
    """A format that is not portable, in words for the description."""
    if name in _SILENT_FORMATS or name in PORTABLE_FORMATS or not 0 < len(name) <= 30:
        return ""
    return "Base64." if name == "byte" else f"Format: {visible(name)}."


def example_of(schema: JSONObject) -> JSON:
    """The first example, by any of the keywords that documents use; `None` when there is none."""
    for keyword in ("example", "x-example"):
        if keyword in schema:
            return schema[keyword]
    several = schema.get("examples")
    if isinstance(several, list) and several:
        return several[0]
    if isinstance(several, dict):
        first: JSON = next(iter(several.values()), None)
        return first["value"] if isinstance(first, dict) and "value" in first else None
    return None


def admits(kinds: Iterable[str], value: JSON) -> bool:
    """Whether a value has one of the types."""
    kind = type_of(value)
    return any(kind == wanted or (kind == "integer" and wanted == "number") for wanted in kinds)
