"""What must be remembered between messages of one client, where anything must: the revision it negotiated, questions put
to it, calls that it may cancel, streams that it may come back to.

Only revisions before 2026-07-28 have sessions, and only endpoints that ask the client things mint them (see
docs/decisions/0002). Bounded in number, in idle time and in kept bytes.
"""

import asyncio
import base64
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterator

from apifold.core.effects import Clock, Entropy
from apifold.core.errors import AppError, ErrorCategory
from apifold.core.limits import WIRE, WireLimits
from apifold.core.mcp.handler import are_too_many
from apifold.core.mcp.messages import Response, encode, request_body
from apifold.core.mcp.revisions import ASSUMED, Revision
from apifold.core.policy.access import Principal
from apifold.core.values import JSON, JSONObject
from apifold.gateway.streams import Outbox

_ID_BYTES = 24
_EVENT_ID = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_KEPT_STREAMS = 16
"""Streams of finished calls that a client can still come back to."""


class NotAnswered(AppError):
    category = ErrorCategory.UNAVAILABLE

    def __init__(self, method: str, reason: str) -> None:
        super().__init__("mcp.not_answered", f"The client did not answer {method}: {reason}")


class Session:
    """One client, from `initialize` on. Also used for one HTTP+SSE connection and for one process on stdio."""

    def __init__(self, identifier: str, principal: Principal, *, limits: WireLimits = WIRE) -> None:
        self.id = identifier
        self.principal = principal
        self.revision: Revision = ASSUMED
        self.client_name = ""
        self.client_version = ""
        self.capabilities: JSONObject = {}
        self.log_level = "info"
        self.subscriptions: set[str] = set()
        """URIs of resources whose changes the client wants to hear of."""
        self.watchers: list[Outbox] = []
        """Streams of changes open for this session, the latest last; while there is one it does not expire."""
        self.touched = 0.0
        self._limits = limits
        self._calls: dict[bytes, asyncio.Task[None]] = {}
        self._questions: dict[str, asyncio.Future[Response]] = {}
        self._asked = 0
        self._streams: OrderedDict[int, Outbox] = OrderedDict()
        self._opened = 0

    # Calls at work

    @property
    def busy(self) -> bool:
        return len(self._calls) >= self._limits.calls_per_session

    @property
    def calls(self) -> Iterator[asyncio.Task[None]]:
        return iter(tuple(self._calls.values()))

    def is_running(self, identifier: bytes) -> bool:
        return identifier in self._calls

    def run(self, identifier: bytes, work: Coroutine[None, None, None]) -> None:
        """Do the work of one request apart from the connection that it came on."""
        task = asyncio.get_running_loop().create_task(work)
        self._calls[identifier] = task
        task.add_done_callback(lambda _: self._calls.pop(identifier, None))

    def cancel(self, identifier: JSON) -> None:
        """`notifications/cancelled`; an unknown id is ignored, as the race with the answer is nobody's fault."""
        task = self._calls.get(encode(identifier))
        if task is not None:
            task.cancel()

    def subscribe(self, uri: str) -> bool:
        """False when there are too many subscriptions already, or too long ones."""
        self.subscriptions.add(uri)
        if are_too_many(self.subscriptions):
            self.subscriptions.discard(uri)
            return False
        return True

    # Questions to the client

    async def ask(self, method: str, params: JSONObject, send: Callable[[bytes], Awaitable[None]]) -> JSONObject:
        self._asked += 1
        identifier = f"q{self._asked}"
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._questions[identifier] = answer
        try:
            await send(request_body(identifier, method, params))
            async with asyncio.timeout(self._limits.answer_seconds):
                response = await answer
        except TimeoutError:
            raise NotAnswered(method, "it took too long") from None
        finally:
            del self._questions[identifier]
        if response.error is not None:
            message = response.error.get("message")
            raise NotAnswered(method, message if isinstance(message, str) else "it refused")
        return response.result

    def resolve(self, response: Response) -> None:
        """An answer of the client; one to no open question is ignored."""
        question = self._questions.get(response.id) if isinstance(response.id, str) else None
        if question is not None and not question.done():
            question.set_result(response)

    # Streams that can be resumed

    def open_stream(self) -> tuple[int, Outbox]:
        while len(self._streams) >= _KEPT_STREAMS + len(self._calls):
            self._streams.popitem(last=False)
        self._opened += 1
        outbox = Outbox(limits=self._limits, kept=self._limits.session_bytes // _KEPT_STREAMS)
        self._streams[self._opened] = outbox
        return self._opened, outbox

    def resume(self, event_id: str) -> tuple[int, Outbox] | None:
        """The stream an event id of ours belongs to, set to go on after it."""
        read = _EVENT_ID.fullmatch(event_id)
        if read is None:
            return None
        stream, number = int(read[1]), int(read[2])
        outbox = self._streams.get(stream)
        return (stream, outbox) if outbox is not None and outbox.rewind(number) else None

    def close(self) -> None:
        for task in self.calls:
            task.cancel()
        for outbox in (*self._streams.values(), *self.watchers):
            outbox.close()
        for question in self._questions.values():
            question.cancel()


class Sessions:
    """The sessions of one process, least recently used first."""

    def __init__(self, clock: Clock, entropy: Entropy, *, limits: WireLimits = WIRE) -> None:
        self._clock = clock
        self._entropy = entropy
        self._limits = limits
        self._sessions: OrderedDict[str, tuple[object, Session]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def new_id(self) -> str:
        return base64.urlsafe_b64encode(self._entropy.token(_ID_BYTES)).decode("ascii").rstrip("=")

    def open(self, owner: object, principal: Principal) -> Session | None:
        """A new session of an endpoint; `None` when there are too many that are all in use."""
        self._expire()
        if len(self._sessions) >= self._limits.sessions and not self._evict():
            return None
        session = Session(self.new_id(), principal, limits=self._limits)
        session.touched = self._clock.monotonic()
        self._sessions[session.id] = (owner, session)
        return session

    def find(self, identifier: str, owner: object, principal: Principal) -> Session | None:
        """The session, if it is alive, belongs to this endpoint and was opened by the same caller."""
        found = self._sessions.get(identifier)
        if found is None or found[0] is not owner or found[1].principal != principal:
            return None
        session = found[1]
        now = self._clock.monotonic()
        if self._is_idle(session, now):
            self.end(identifier)
            return None
        session.touched = now
        self._sessions.move_to_end(identifier)
        return session

    def end(self, identifier: str) -> None:
        found = self._sessions.pop(identifier, None)
        if found is not None:
            found[1].close()

    def close(self) -> None:
        for identifier in tuple(self._sessions):
            self.end(identifier)

    def _is_idle(self, session: Session, now: float) -> bool:
        return not _in_use(session) and now - session.touched > self._limits.session_idle_seconds

    def _expire(self) -> None:
        """Drop what has been idle too long. The oldest come first, so this stops at the first that is young."""
        now = self._clock.monotonic()
        for _ in range(len(self._sessions)):
            identifier, (_, session) = next(iter(self._sessions.items()))
            if now - session.touched <= self._limits.session_idle_seconds:
                return
            self._end_or_renew(identifier, session, now)

    def _evict(self) -> bool:
        """Make room: end the least recently used session that nobody is using."""
        now = self._clock.monotonic()
        for _ in range(len(self._sessions)):
            identifier, (_, session) = next(iter(self._sessions.items()))
            if self._end_or_renew(identifier, session, now):
                return True
        return False

    def _end_or_renew(self, identifier: str, session: Session, now: float) -> bool:
        if not _in_use(session):
            self.end(identifier)
            return True
        session.touched = now  # an open stream or a running call is use
        self._sessions.move_to_end(identifier)
        return False


def _in_use(session: Session) -> bool:
    return bool(session.watchers) or next(session.calls, None) is not None
