"""One call while it runs: who asks, the way back to them, and how its outcome becomes an answer."""

import math
from collections.abc import Mapping
from typing import Protocol

import msgspec

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.mcp.envelope import LEVELS, Envelope
from apifold.core.mcp.messages import notification_body
from apifold.core.mcp.revisions import Revision
from apifold.core.policy.access import Principal
from apifold.core.values import JSON, JSONObject
from apifold.gateway.patience import Patience
from apifold.gateway.ports import Caller
from apifold.gateway.sessions import Session

_NEEDS: Mapping[str, str] = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}

DEFAULT_LEVEL = "info"
"""What is sent before, or without, `logging/setLevel` (2025-11-25, Logging: the server MAY decide)."""


class Scope(msgspec.Struct, frozen=True):
    """Everything that is known about one request before its method is looked at."""

    revision: Revision
    caller: Caller
    meta: JSONObject
    log_level: str
    """Empty: no log messages."""
    session: Session | None = None
    message_bytes: int = 0
    """What a message to the caller may have at most, as far as it is known before there is one; 0 for any number."""


def modern_scope(envelope: Envelope, principal: Principal, *, message_bytes: int = 0) -> Scope:
    caller = Caller(
        principal, envelope.revision.name, envelope.client_name, envelope.client_version, envelope.capabilities
    )
    return Scope(envelope.revision, caller, envelope.meta, envelope.log_level, message_bytes=message_bytes)


def legacy_scope(
    params: JSONObject, revision: Revision, principal: Principal, session: Session | None, *, message_bytes: int = 0
) -> Scope:
    meta = params.get("_meta")
    known = meta if isinstance(meta, dict) else {}
    if session is None:
        return Scope(revision, Caller(principal, revision.name), known, DEFAULT_LEVEL, message_bytes=message_bytes)
    caller = Caller(
        principal, revision.name, session.client_name, session.client_version, session.capabilities, session.id
    )
    return Scope(revision, caller, known, session.log_level, session, message_bytes)


class Sink(Protocol):
    """Where messages that belong to one request go, before its answer."""

    @property
    def message_bytes(self) -> int:
        """What a message may have at most, if it was sent now; 0 for any number."""

    async def send(self, message: bytes) -> None: ...

    async def keepalive(self) -> None:
        """The call is silent; whatever is between us and the caller should not take it for dead."""

    def detach(self, retry_seconds: float) -> None: ...


class CallChannel:
    """Implements `ports.Channel`, and gives signs of life while the backend gives none. Close it when the call is over."""

    __slots__ = ("_heard", "_kept_alive", "_patience", "_progress", "_scope", "_sink", "_token")

    def __init__(self, sink: Sink, scope: Scope, patience: Patience) -> None:
        self._sink = sink
        self._scope = scope
        token = scope.meta.get("progressToken")
        self._token = token if type(token) in {str, int} else None  # a bool is an int to Python
        self._progress = -math.inf
        self._heard = False
        """The backend reports for itself."""
        self._kept_alive = 0.0
        """After how many seconds of the call a sign was last given that is no message."""
        self._patience = patience
        patience.begin(self)

    async def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
        self._heard = True
        await self._report(progress, total, message)

    async def log(self, level: str, data: JSON, logger: str = "") -> None:
        wanted = self._scope.log_level
        if not wanted or LEVELS[level] < LEVELS[wanted]:
            return
        params: JSONObject = {"level": level, "data": data}
        if logger:
            params["logger"] = logger
        await self._sink.send(notification_body("notifications/message", params))

    async def request(self, method: str, params: JSONObject) -> JSONObject:
        session = self._scope.session
        if session is None:
            raise AppError(
                "mcp.no_way_back", "This client cannot be asked anything", category=ErrorCategory.UNAVAILABLE
            )
        lacking = missing_capabilities({"": {"method": method, "params": params}}, self._scope.caller.capabilities)
        if lacking:
            message = f"The client did not declare the capability {', '.join(lacking)}"
            raise AppError("mcp.missing_capability", message, category=ErrorCategory.UNAVAILABLE)
        return await session.ask(method, fit_question(method, params, self._scope.revision), self._sink.send)

    async def detach(self, retry_seconds: float) -> None:
        self._sink.detach(retry_seconds)

    @property
    def message_bytes(self) -> int:
        """What the answer may have at most, if it was given now; 0 for any number."""
        return self._sink.message_bytes

    def close(self) -> None:
        self._patience.end(self)

    async def _report(self, progress: float, total: float | None, message: str) -> None:
        if self._token is None or progress <= self._progress:  # it MUST increase
            return
        self._progress = progress
        params: JSONObject = {"progressToken": self._token, "progress": progress}
        if total is not None:
            params["total"] = total
        if message:
            params["message"] = message
        await self._sink.send(notification_body("notifications/progress", params))

    async def give_sign(self, elapsed: float) -> None:
        """Implements `patience.SlowCall`. Clients extend their deadline on progress, proxies on any byte."""
        if self._token is not None and not self._heard:
            await self._report(elapsed, None, f"Still running after {elapsed:g} s")
        elif elapsed - self._kept_alive >= self._patience.silence:
            self._kept_alive = elapsed
            await self._sink.keepalive()


def missing_capabilities(requests: Mapping[str, JSONObject], declared: Mapping[str, JSON]) -> JSONObject:
    """What a client would have to declare for these questions and did not, as a ClientCapabilities object."""
    lacking: JSONObject = {}
    for request in requests.values():
        needed = _NEEDS.get(str(request.get("method")))
        if needed is None:
            continue
        have = declared.get(needed)
        if not isinstance(have, dict):
            lacking[needed] = {}
        elif _is_url_mode(request.get("params")) and "url" not in have:
            lacking[needed] = {"url": {}}
    return lacking


def fit_question(method: str, params: JSONObject, revision: Revision) -> JSONObject:
    """The parameters of a question as the revision has them: `mode` came with 2025-11-25."""
    if method == "elicitation/create" and "url" not in revision.elicitation and not _is_url_mode(params):
        return {key: value for key, value in params.items() if key != "mode"}
    return params


def _is_url_mode(params: JSON) -> bool:
    return isinstance(params, dict) and params.get("mode") == "url"
