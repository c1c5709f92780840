"""Reads `apifold.yaml` (YAML or JSON) into a `Layer`: variables filled in, every key known, every mistake with its line.

Scalars follow YAML 1.2's core schema: `no` and `on` are texts, `0123` is a number only where it is one in JSON.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec
import msgspec.structs
import yaml

from apifold.bootstrap.options import Layer, LimitsLayer, SelectLayer, Transport
from apifold.core.errors import AppError, ErrorCategory
from apifold.core.nearest import nearest
from apifold.core.tools.model import Profile
from apifold.core.values import JSON

LARGEST_FILE = 1024 * 1024
MOST_VALUES = 10_000
"""Counted with aliases expanded."""
_GROUPS: Mapping[str, type[msgspec.Struct]] = {"select": SelectLayer, "limits": LimitsLayer}
_CHOICES: Mapping[str, type[StrEnum]] = {"transport": Transport, "profile": Profile}
_VARIABLE = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\{([^}]*)\}?)")
_SOURCE = re.compile(r"(?:env|file|literal):")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)?(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, JSON] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}


class ConfigRefused(AppError):
    """The configuration file cannot be used; the message names the key and the line."""

    category = ErrorCategory.INVALID

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__("config.invalid", message, hint=hint)


def read_config(path: str, variables: Mapping[str, str]) -> Layer:
    """The file at `path`, with `${NAME}` and `${NAME:-default}` filled in from `variables`. Raises `ConfigRefused`.

    A `spec` that is a relative path is meant relative to the file.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigRefused(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(text) > LARGEST_FILE:
        raise ConfigRefused(f"{path} is larger than {LARGEST_FILE:,} bytes; a configuration file is not.")
    layer = parse_config(text, variables, name=path)
    spec = layer.spec
    if spec and spec != "-" and "://" not in spec and not Path(spec).is_absolute():
        layer = msgspec.structs.replace(layer, spec=str(Path(path).parent / spec))
    return layer


def parse_config(text: bytes, variables: Mapping[str, str], *, name: str = "apifold.yaml") -> Layer:
    """A configuration file's bytes as a `Layer`; `name` stands in messages. Raises `ConfigRefused`."""
    reading = _Reading(name, variables, {})
    try:
        root = yaml.compose(text.decode(), Loader=yaml.SafeLoader)
        value = {} if root is None else reading.value(root, "")
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigRefused(f"{name} is not readable YAML: {_reason(error)}.") from error
    if not isinstance(value, dict):
        raise ConfigRefused(f"{name} has to hold keys and values, such as `spec: openapi.yaml`.")
    reading.check_keys(value, Layer, "")
    for group, struct in _GROUPS.items():
        inner = value.get(group)
        if isinstance(inner, dict):
            reading.check_keys(inner, struct, group)
    try:
        return msgspec.convert({**value, "auth": reading.auth(value.get("auth"))}, Layer)
    except msgspec.ValidationError as error:
        raise reading.mistyped(error) from error


class _Reading(msgspec.Struct, frozen=True):
    """One file being read: where each key stands, for messages."""

    name: str
    variables: Mapping[str, str]
    lines: dict[str, int]

    def refused(self, path: str, message: str, *, hint: str = "") -> ConfigRefused:
        line = self.lines.get(path)
        place = f"{self.name}, line {line}" if line else self.name
        return ConfigRefused(f"{place}: {message}", hint=hint)

    def value(self, node: yaml.Node, path: str) -> JSON:
        self.lines[path] = node.start_mark.line + 1
        if len(self.lines) > MOST_VALUES:
            raise self.refused(path, f"there are more than {MOST_VALUES:,} values; a configuration file has fewer.")
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return [self.value(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
            case _:
                return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, JSON]:
        found: dict[str, JSON] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.refused(path, "a key has to be a plain text.")
            key = str(key_node.value)
            place = f"{path}.{key}" if path else key
            if key in found:
                self.lines[place] = key_node.start_mark.line + 1
                raise self.refused(place, f"the key `{place}` is there twice.")
            found[key] = self.value(value_node, place)
            self.lines[place] = key_node.start_mark.line + 1
        return found

    def _scalar(self, node: yaml.Node, path: str) -> JSON:
        written = str(node.value)
        text = self.fill_in(written, path)
        if path.startswith("auth.") and not _SOURCE.match(written):
            return f"literal:{text}" if text else None
        return text if getattr(node, "style", None) is not None else _typed(text)

    def fill_in(self, text: str, path: str) -> str:
        """`${NAME}` and `${NAME:-default}` (used when NAME is not set or empty, as in a shell); `$$` is a `$`."""

        def one(match: re.Match[str]) -> str:
            dollar, variable, default, wrong = match.groups()
            if dollar:
                return "$"
            if wrong is not None:
                raise self.refused(
                    path, f"`{match.group()}` is not a variable.", hint="Write ${NAME} or ${NAME:-default}."
                )
            value = self.variables.get(variable, "")
            if value or (variable in self.variables and default is None):
                return value
            if default is not None:
                return default
            raise self.refused(
                path,
                f"the environment variable {variable}, which `{path}` refers to, is not set.",
                hint=f"Set it, or give a default: ${{{variable}:-value}}.",
            )

        return _VARIABLE.sub(one, text)

    def check_keys(self, value: Mapping[str, JSON], struct: type[msgspec.Struct], path: str) -> None:
        known = struct.__struct_fields__
        for key in value:
            if key in known:
                continue
            place = f"{path}.{key}" if path else key
            near = nearest(key, known)
            hint = f"Did you mean `{near}`?" if near else f"Known here: {', '.join(known)}."
            raise self.refused(place, f"the key `{place}` is unknown.", hint=hint)

    def auth(self, value: JSON) -> list[str] | None:
        """The `auth` map as `NAME=SOURCE` texts; a name whose value is empty is left out."""
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.refused("auth", "`auth` maps a scheme's name to its secret.", hint="auth: {api_key: ${API_KEY}}")
        for name, secret in value.items():
            if secret is not None and not isinstance(secret, str):
                raise self.refused(f"auth.{name}", f"the secret of `{name}` has to be a text.")
        return [f"{name}={secret}" for name, secret in value.items() if secret]

    def mistyped(self, error: msgspec.ValidationError) -> ConfigRefused:
        """`Expected `int`, got `str` - at `$.port`` with the line instead of the dollar."""
        message, _, where = str(error).partition(" - at `$")
        path = where.rstrip("`").removeprefix(".")
        known = path
        while known and known not in self.lines:
            known = re.sub(r"(?:\[[^\[]*\]|\.?[^.\[]*)$", "", known)
        place = f"`{path}` is wrong: " if path else ""
        message = message.replace(" | null", "")
        hint = next((f"It is one of: {', '.join(values)}." for key, values in _CHOICES.items() if path == key), "")
        return self.refused(known, f"{place}{message[:1].lower()}{message[1:]}.", hint=hint)


def _typed(text: str) -> JSON:
    """A plain scalar by YAML 1.2's core schema (10.3.2), without the octal and hexadecimal forms."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and any(character.isdigit() for character in text):
        return float(text)
    return text


def _reason(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} (line {error.problem_mark.line + 1})"
    return "it is nested too deeply" if isinstance(error, RecursionError) else "it is not UTF-8 text"
