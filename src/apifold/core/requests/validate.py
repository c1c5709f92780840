"""Whether the arguments of a call fit a tool's input schema, and if not, what to tell the model.

A schema is compiled at the first call and belongs to the tool's request plan; whoever keeps plans bounds them (about
46 kB for a rich schema). Formats are advice to models and not checked: upstream servers disagree about them.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import jsonschema_rs
from jsonschema_rs import ValidationErrorKind as Kind

from apifold.core.nearest import nearest
from apifold.core.openapi.shapes import json_type
from apifold.core.requests.arguments import Problem, pointer
from apifold.core.values import JSON, JSONObject

_MAX_PROBLEMS: Final = 5
_MAX_NAMES: Final = 20
_MAX_TEXT: Final = 160
_MASK: Final = "the value"
_BACKTRACKS: Final = 10_000

_TYPE_NAMES: Final = {
    "null": "null",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}

_BOUNDS: Final = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be greater than {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
}


class ArgumentSchema:
    """A tool's input schema, ready to check arguments. Compiled when first needed."""

    __slots__ = ("_validator", "schema")

    def __init__(self, schema: JSONObject) -> None:
        self.schema = schema
        self._validator: jsonschema_rs.Draft202012Validator | None = None

    def accepts(self, arguments: JSONObject) -> bool:
        """Whether the arguments are valid."""
        validator = self._validator or self._compiled()
        try:
            return validator.is_valid(arguments)
        except ValueError:  # not JSON that came from a parser: lone surrogates, non-finite numbers
            return False

    def problems(self, arguments: JSONObject) -> tuple[Problem, ...]:
        """What is wrong, at most five things. None when the only fault is that several members of a `oneOf` fit:
        documents say `oneOf` where they mean `anyOf`, and the upstream has the last word.
        """
        validator = self._validator or self._compiled()
        try:
            errors = list(islice(validator.iter_errors(arguments), 4 * _MAX_PROBLEMS))
        except ValueError:
            return (Problem("", "The arguments are nested too deeply or hold text that is not valid Unicode."),)
        found = [problem for error in errors for problem in self._describe(error)]
        return tuple(dict.fromkeys(found))[:_MAX_PROBLEMS]

    def _compiled(self) -> jsonschema_rs.Draft202012Validator:
        self._validator = _compile(self.schema)
        return self._validator

    def _describe(self, error: jsonschema_rs.ValidationError) -> Iterator[Problem]:
        path, kind = error.instance_path, error.kind
        if isinstance(kind, Kind.OneOfMultipleValid):
            return
        if isinstance(kind, Kind.Required):
            yield Problem(pointer(*path, kind.property), "is required" + self._about(error, kind.property))
        elif isinstance(kind, Kind.AdditionalProperties | Kind.UnevaluatedProperties):
            known = self._names(error)
            for name in kind.unexpected:
                yield Problem(pointer(*path, name), _unknown(name, known, top=not path))
        elif isinstance(kind, Kind.AnyOf | Kind.OneOfNotValid):
            yield from self._alternatives(error, kind.context)
        else:
            yield Problem(pointer(*path), _expectation(error))

    def _alternatives(
        self, error: jsonschema_rs.ValidationError, branches: list[list[jsonschema_rs.ValidationError]]
    ) -> Iterator[Problem]:
        """What is wrong in the alternative that was most likely meant; the allowed types when none is near."""
        here = len(error.instance_path)
        near = [branch for branch in branches if not any(_is_type_error(inner, here) for inner in branch)]
        tags = [_tag_error(branch, here) for branch in near]
        meant = [branch for branch, tag in zip(near, tags, strict=True) if tag is None]
        if near and not meant and (problem := _no_such_tag(list(filter(None, tags)))) is not None:
            yield problem
            return
        if near:
            best = min(
                meant or near, key=lambda branch: (-max(len(inner.instance_path) for inner in branch), len(branch))
            )
            for inner in best[:_MAX_PROBLEMS]:
                yield from self._describe(inner)
            return
        kinds = (inner.kind for branch in branches for inner in branch)
        types = dict.fromkeys(name for kind in kinds if isinstance(kind, Kind.Type) for name in kind.types)
        yield Problem(pointer(*error.instance_path), _type_message(types, error.instance))

    def _holder(self, error: jsonschema_rs.ValidationError) -> JSONObject:
        """The schema object that holds the keyword an error is about; empty when it stands behind a reference."""
        node: JSON = self.schema
        for step in error.schema_path[:-1]:
            if isinstance(node, dict):
                node = node.get(str(step))
            elif isinstance(node, list):
                node = node[int(step)]
        return node if isinstance(node, dict) else {}

    def _names(self, error: jsonschema_rs.ValidationError) -> list[str]:
        properties = self._holder(error).get("properties")
        return list(properties) if isinstance(properties, dict) else []

    def _about(self, error: jsonschema_rs.ValidationError, name: str) -> str:
        """Type, allowed values and first sentence of a property, as far as the schema says."""
        properties = self._holder(error).get("properties")
        schema = properties.get(name) if isinstance(properties, dict) else None
        if not isinstance(schema, dict):
            return ""
        declared, description = schema.get("type"), schema.get("description")
        parts = [declared] if isinstance(declared, str) else []
        if isinstance(values := schema.get("enum"), list):
            parts.append("one of " + _listed(json.dumps(value) for value in values))
        if isinstance(description, str) and description.strip():
            parts.append(_cut(description.strip().splitlines()[0]))
        return f" ({'; '.join(parts)})" if parts else ""


def _compile(schema: JSONObject) -> jsonschema_rs.Draft202012Validator:
    """A validator that fetches nothing. Linear-time patterns, else bounded backtracking, else without patterns."""
    try:
        return jsonschema_rs.Draft202012Validator(
            schema, offline=True, mask=_MASK, validate_formats=False, pattern_options=jsonschema_rs.RegexOptions()
        )
    except ValueError:  # lookaround and back references have no linear engine
        pass
    bounded = jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS)
    for candidate in (schema, _without_patterns(schema)):
        try:
            return jsonschema_rs.Draft202012Validator(
                candidate, offline=True, mask=_MASK, validate_formats=False, pattern_options=bounded
            )
        except ValueError:
            continue
    return jsonschema_rs.Draft202012Validator(_outline(schema), offline=True, mask=_MASK)


def _without_patterns(schema: JSONObject) -> JSONObject:
    """The schema without regular expressions: a pattern of another dialect must not make a tool unusable."""

    def cleaned(value: JSON) -> JSON:
        if isinstance(value, list):
            return [cleaned(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key: cleaned(item)
            for key, item in value.items()
            if not (key == "pattern" and isinstance(item, str)) and key != "patternProperties"
        }

    return {key: cleaned(value) for key, value in schema.items()}


def _outline(schema: JSONObject) -> JSONObject:
    """Only the names: what is left to check when the schema itself does not compile."""
    properties = schema.get("properties")
    names = list(properties) if isinstance(properties, dict) else []
    required = schema.get("required")
    wanted = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return {
        "type": "object",
        "properties": dict.fromkeys(names, True),
        "required": [*dict.fromkeys(wanted)],
        "additionalProperties": False,
    }


def _is_type_error(error: jsonschema_rs.ValidationError, depth: int) -> bool:
    return isinstance(error.kind, Kind.Type) and len(error.instance_path) == depth


def _tag_error(branch: list[jsonschema_rs.ValidationError], depth: int) -> jsonschema_rs.ValidationError | None:
    """The error that says a value is of another kind: a property right below has one fixed value, and not this one."""
    return next(
        (
            error
            for error in branch
            if len(error.instance_path) == depth + 1 and isinstance(error.kind, Kind.Enum | Kind.Constant)
        ),
        None,
    )


def _no_such_tag(tags: list[jsonschema_rs.ValidationError]) -> Problem | None:
    """What the property may be in any alternative, when it is the same one that rules all of them out."""
    places = {pointer(*tag.instance_path) for tag in tags}
    if len(places) > 1:
        return None
    options: list[object] = []
    for tag in tags:
        if isinstance(tag.kind, Kind.Enum):
            options += tag.kind.options
        elif isinstance(tag.kind, Kind.Constant):
            options.append(tag.kind.expected_value)
    listed = dict.fromkeys(json.dumps(option) for option in options)
    return Problem(places.pop(), "must be one of " + _listed(listed))


def _expectation(error: jsonschema_rs.ValidationError) -> str:
    kind = error.kind
    if isinstance(kind, Kind.Type):
        return _type_message(kind.types, error.instance)
    if isinstance(kind, Kind.Enum):
        return "must be one of " + _listed(json.dumps(option) for option in kind.options) + _closest(error)
    if isinstance(kind, Kind.Constant):
        return f"must be {_cut(json.dumps(kind.expected_value))}"
    if isinstance(kind, Kind.Pattern):
        return f"must match the pattern {_cut(kind.pattern)}"
    bound = _BOUNDS.get(kind.name)
    return bound.format(kind.value) if bound else _cut(error.message)


def _closest(error: jsonschema_rs.ValidationError) -> str:
    if not isinstance(error.instance, str) or not isinstance(error.kind, Kind.Enum):
        return ""
    names = [option for option in error.kind.options if isinstance(option, str)]
    near = nearest(error.instance, names)
    return f'; did you mean "{near}"?' if near else ""


def _unknown(name: str, known: list[str], *, top: bool) -> str:
    what = "is not an argument of this tool" if top else "is not a known property"
    near = nearest(name, known, likeness=0.5)
    if near:
        return f"{what}; did you mean `{near}`?"
    return f"{what}; known are {_listed(f'`{one}`' for one in known)}" if known else f"{what}; there are none"


def _type_message(types: Iterable[str], instance: object) -> str:
    expected = " or ".join(_TYPE_NAMES.get(name, name) for name in types)
    return f"must be {expected or 'another type'}, not {_TYPE_NAMES[json_type(instance)]}"


def _listed(items: Iterable[str]) -> str:
    shown = [_cut(item) for item in islice(items, _MAX_NAMES + 1)]
    return ", ".join(shown[:_MAX_NAMES]) + (", …" if len(shown) > _MAX_NAMES else "")


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"
