"""What a tool does to the world, as far as its HTTP method and name tell (MCP ToolAnnotations).

The hints decide what a client runs without asking a person, so doubt counts against the operation.
"""

import re

from apifold.core.openapi.model import Operation
from apifold.core.tools.model import Annotations

# RFC 9110 9.2.1; QUERY: draft-ietf-httpbis-safe-method-w-body; the others: RFC 4918, 3253, 5323 (safe by definition).
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH"})
# (destructive, idempotent) of methods that change something. PATCH overwrites, and may append (RFC 5789 2).
_EFFECTS = {"POST": (False, False), "PUT": (True, True), "PATCH": (True, False), "DELETE": (True, True)}
_UNKNOWN = (True, False)

_DESTRUCTIVE_WORDS = frozenset(
    [
        "abort",
        "ban",
        "cancel",
        "clear",
        "close",
        "deactivate",
        "decommission",
        "delete",
        "destroy",
        "detach",
        "disable",
        "discard",
        "disconnect",
        "drop",
        "erase",
        "evict",
        "expire",
        "expunge",
        "flush",
        "forget",
        "kill",
        "overwrite",
        "purge",
        "remove",
        "reset",
        "restore",
        "revert",
        "revoke",
        "rollback",
        "shutdown",
        "stop",
        "suspend",
        "terminate",
        "truncate",
        "unassign",
        "uninstall",
        "unlink",
        "unsubscribe",
        "void",
        "wipe",
    ]
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def annotate(operation: Operation, title: str) -> Annotations:
    """All four hints, always said: clients assume the worst of what is missing, and reviews reject it."""
    method = operation.method.upper()
    if method in _SAFE:
        return Annotations(title, read_only=True, destructive=False, idempotent=True)
    destructive, idempotent = _EFFECTS.get(method, _UNKNOWN)
    return Annotations(
        title,
        read_only=False,
        destructive=destructive or (method == "POST" and acts_destructively(operation)),
        idempotent=idempotent,
    )


def acts_destructively(operation: Operation) -> bool:
    """A POST that is really a deletion: `/pets/{id}:delete`, `/pets/delete`, operation id `delete_pet`."""
    if any(word in _DESTRUCTIVE_WORDS for word in _words(_last_segment(operation.path))[:1]):
        return True
    local_id = re.split(r"[./:]", operation.operation_id)[-1]
    return any(word in _DESTRUCTIVE_WORDS for word in _words(local_id)[:1])


def _last_segment(path: str) -> str:
    """The action a path ends with: after the last `:` or `/`, parameters left out."""
    named = [part for part in re.split(r"[/:]", path) if part and not part.startswith("{")]
    if not named or path.rstrip("/").endswith("}"):
        return ""
    return named[-1].lstrip("_")


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]
