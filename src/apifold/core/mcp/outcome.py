"""What can come of a message: a closed set, the same for every transport and revision."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from apifold.core.values import JSONObject


class Answer(msgspec.Struct, frozen=True):
    """A complete JSON-RPC result response, in one piece or, when it is large, in several that were never put together."""

    pieces: tuple[bytes, ...]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


_LARGE = 16 * 1024


def answer(identifier: bytes, result: bytes) -> Answer:
    """The response around a result that is already JSON. A large one is not copied: prepared lists are half a megabyte."""
    if len(result) < _LARGE:
        return Answer((b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (identifier, result),))
    return Answer((b'{"jsonrpc":"2.0","id":%b,"result":' % identifier, result, b"}"))


class Refusal(msgspec.Struct, frozen=True):
    """A complete JSON-RPC error response, and the HTTP status it goes out with where there is HTTP."""

    status: int
    body: bytes


class Accepted(msgspec.Struct, frozen=True):
    """Nothing to say: a notification or a response was taken (HTTP 202)."""


class Filter(msgspec.Struct, frozen=True):
    """Which changes a caller wants to hear of, reduced to what the server offers."""

    tools: bool = False
    prompts: bool = False
    resources: bool = False
    uris: frozenset[str] = frozenset()
    any_uri: bool = False
    """The caller may have subscribed to any resource: nobody remembers."""

    def covers(self, kind: str, uri: str) -> bool:
        if kind == "resource":
            return self.any_uri or uri in self.uris
        return self.tools if kind == "tools" else self.prompts if kind == "prompts" else self.resources


class Stream(msgspec.Struct, frozen=True):
    """An open-ended answer: an acknowledgment, then changes as they come (`subscriptions/listen`)."""

    id: bytes
    filter: Filter


class InputRequired(msgspec.Struct, frozen=True):
    """The call needs something from the person or the client first (2026-07-28 MRTR, elicitation before it)."""

    requests: Mapping[str, JSONObject]
    state: str = ""
    """Opaque; comes back with the answers. The backend seals it."""


ACCEPTED = Accepted()

Outcome: TypeAlias = Answer | Stream | Accepted | Refusal | InputRequired
