"""The demo API's own OpenAPI document, and the checks that follow from it: the API promises what it enforces."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from math import isfinite
from typing import Any, cast
from urllib.parse import unquote, unquote_plus

import jsonschema_rs

BASE_PATH = "/api"

SOURCE: bytes = files("apifold.demo").joinpath("openapi.json").read_bytes()
DOCUMENT: dict[str, Any] = json.loads(SOURCE)


class Mismatch(Exception):
    """A value contradicts the document: pairs of JSON pointer and explanation."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = tuple(errors)


class Checker:
    """Validators by schema, compiled when first needed."""

    def __init__(self) -> None:
        self._compiled: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def check(self, schema: Mapping[str, Any], value: object, *, pointer: str) -> None:
        """Raise `Mismatch` naming each problem by its place below `pointer`."""
        key = json.dumps(schema, sort_keys=True)
        validator = self._compiled.get(key)
        if validator is None:
            whole = {"allOf": [schema], "components": DOCUMENT["components"]}
            validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
            self._compiled[key] = validator
        errors = [
            ("/".join((pointer, *(str(part) for part in error.instance_path))), error.message)
            for error in validator.iter_errors(value)
        ]
        if errors:
            raise Mismatch(errors)


def resolve(value: Mapping[str, Any]) -> dict[str, Any]:
    """Follow one local reference."""
    if "$ref" not in value:
        return dict(value)
    found: Any = DOCUMENT
    for part in cast("str", value["$ref"]).removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def operation(method: str, template: str) -> dict[str, Any]:
    """The operation object, path-level parameters merged in and references followed."""
    item = DOCUMENT["paths"][template]
    found = dict(item[method.lower()])
    found["parameters"] = [resolve(entry) for entry in (*item.get("parameters", ()), *found.get("parameters", ()))]
    return found


def read_query(parameters: Sequence[Mapping[str, Any]], query: str) -> dict[str, Any]:
    """The query arguments that the document describes, of the types it gives them."""
    pairs = [(name, value) for name, _, value in (piece.partition("=") for piece in query.split("&") if piece)]
    arguments: dict[str, Any] = {}
    for parameter in parameters:
        if parameter["in"] == "query":
            value = _gather(parameter, pairs)
            if value is not None:
                arguments[parameter["name"]] = value
    return arguments


def _gather(parameter: Mapping[str, Any], pairs: Sequence[tuple[str, str]]) -> object:
    """One parameter's value out of raw pairs, by its style."""
    name, schema = parameter["name"], resolve(parameter["schema"])
    if parameter.get("style") == "deepObject":
        members = {
            unquote_plus(key).removeprefix(f"{name}[").removesuffix("]"): value
            for key, value in pairs
            if unquote_plus(key).startswith(f"{name}[")
        }
        return {
            key: _typed(schema["properties"].get(key, {}), unquote_plus(raw)) for key, raw in members.items()
        } or None
    raw = [value for key, value in pairs if unquote_plus(key) == name]
    if not raw:
        return None
    if schema.get("type") != "array":
        return _typed(schema, unquote_plus(raw[-1]))
    parts = raw if parameter.get("explode", True) else raw[-1].split(",")
    return [_typed(resolve(schema["items"]), unquote_plus(part)) for part in parts]


def read_path(parameters: Sequence[Mapping[str, Any]], values: Mapping[str, str]) -> dict[str, Any]:
    """The path arguments, percent-decoded and of the types the document gives them."""
    return {
        parameter["name"]: _typed(resolve(parameter["schema"]), unquote(values[parameter["name"]]))
        for parameter in parameters
        if parameter["in"] == "path"
    }


def _typed(schema: Mapping[str, Any], text: str) -> object:
    """A text as the type its schema asks for, or as it is when it is not of that type: validation tells."""
    kind = schema.get("type")
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            number = float(text)
            return number if isfinite(number) else text
    except ValueError:
        return text
    return text
