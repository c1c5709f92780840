"""A path template cut into what is path and what is query. The Path Templating of the specification has no query, but
documents write one: fixed pairs (`/x?comp=list`), placeholders (`/x?owner={id}`), and RFC 6570 expressions (`/x{?page}`).

Who reads parameters and who builds requests both ask here, so they agree on what a placeholder is.
"""

import re

import msgspec

_EXPRESSION = re.compile(r"\{[?&]([^{}]*)\}")
_MARKS = re.compile(r"\{[^{}]*\}|[?#]")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_FILLED = re.compile(r"([^={}]+)=\{([^{}]+)\}|\{([^{}]+)\}")


class PathTemplate(msgspec.Struct, frozen=True):
    path: str
    """As written, without query and fragment."""
    names: tuple[str, ...]
    """The placeholders of the path in order, each once."""
    query: tuple[str, ...] = ()
    """Pairs that are always sent, as written."""
    fields: tuple[tuple[str, str], ...] = ()
    """Keys of the query and the placeholder that stands for the value of each."""
    mixed: tuple[str, ...] = ()
    """Pairs with a placeholder among other text, which no parameter can fill."""


def read_path(template: str) -> PathTemplate:
    """A path template in its parts. A fragment is dropped: it never goes on the wire."""
    rest, _ = _cut(template, "#")
    expressions = [name.strip().rstrip("*") for names in _EXPRESSION.findall(rest) for name in names.split(",")]
    path, query = _cut(_EXPRESSION.sub("", rest) if expressions else rest, "?")
    names = tuple(dict.fromkeys(_PLACEHOLDER.findall(path)))
    fixed: list[str] = []
    mixed: list[str] = []
    fields: list[tuple[str, str]] = []
    for pair in filter(None, query.split("&")):
        filled = _FILLED.fullmatch(pair)
        if filled is not None:
            fields.append((filled[1] or filled[3], filled[2] or filled[3]))
        else:
            (mixed if _PLACEHOLDER.search(pair) else fixed).append(pair)
    fields += ((name, name) for name in expressions if name)
    return PathTemplate(path, names, tuple(fixed), tuple(fields), tuple(mixed))


def _cut(text: str, mark: str) -> tuple[str, str]:
    """Before and after the first mark that is not inside a placeholder: `{id?}` is one."""
    for found in _MARKS.finditer(text):
        if found[0] == mark:
            return text[: found.start()], text[found.end() :]
    return text, ""
