"""Calls through the product's own engine: an API from a document of a few lines, an upstream that does what a test says."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from apifold.bootstrap import api as assembly
from apifold.bootstrap.api import API
from apifold.bootstrap.effects import SystemClock
from apifold.bootstrap.options import Layer, decide
from apifold.core.limits import CALL, CallLimits
from apifold.core.mcp.content import TextContent, ToolResult
from apifold.core.policy.access import Principal
from apifold.core.record import CallRecord
from apifold.core.requests.credentials import Credentials
from apifold.core.requests.destination import ALLOW_PRIVATE
from apifold.core.requests.model import UpstreamRequest, UpstreamResponse
from apifold.core.values import JSON
from apifold.gateway.execute import Effects
from apifold.gateway.failures import UpstreamFailure
from apifold.gateway.pipeline import CallEngine
from apifold.gateway.plans import Plans
from apifold.gateway.ports import CredentialSource, RecordSink, Upstream
from apifold.gateway.upstream.client import UpstreamClient
from support.documents import read

START = 1_000_000.0


def make_api(document: JSON, *, auth: Sequence[str] = (), base_url: str = "") -> API:
    options = decide(Layer(spec="test.json", auth=tuple(auth), base_url=base_url or None))
    return assembly.assemble(options, read(document), {})


class FakeTime:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.time = START
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def pause(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 6))
        self.time += seconds


class NoChance:
    """Entropy without any."""

    def token(self, size: int) -> bytes:
        return b"\1" * size

    def uniform(self) -> float:
        return 0.0


def effects(time: FakeTime | None = None) -> Effects:
    """Chance left out, and time too when a fake one is given."""
    if time is not None:
        return Effects(time, NoChance(), time.pause)
    return Effects(SystemClock(), NoChance())


def reply(
    status: int = 200, body: bytes = b'{"ok":true}', *headers: tuple[str, str], content_type: str = "application/json"
) -> UpstreamResponse:
    return UpstreamResponse(status, (("content-type", content_type), *headers), body, truncated=False)


Step = UpstreamResponse | UpstreamFailure | Callable[[UpstreamRequest], Awaitable[UpstreamResponse]]


class ScriptedUpstream:
    """Plays its steps one after the other, the last one for ever, and keeps what it was sent."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.sent: list[UpstreamRequest] = []
        self.timeouts: list[float] = []

    async def send(self, request: UpstreamRequest, *, timeout: float) -> UpstreamResponse:
        self.sent.append(request)
        self.timeouts.append(timeout)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, UpstreamFailure):
            raise step
        return step if isinstance(step, UpstreamResponse) else await step(request)

    async def close(self) -> None:
        return


@dataclass
class Kept:
    """A record sink that keeps everything."""

    records: list[CallRecord] = field(default_factory=list)

    def admit(self) -> None:
        return

    def record(self, record: CallRecord) -> None:
        self.records.append(record)


@dataclass(frozen=True)
class PerSubject:
    """Every subject has credentials of its own."""

    by_subject: Mapping[str, Credentials]

    async def credentials(self, principal: Principal) -> Credentials:
        return self.by_subject[principal.subject]


def make_engine(
    api: API,
    upstream: Upstream,
    *,
    time: FakeTime | None = None,
    limits: CallLimits = CALL,
    records: RecordSink | None = None,
    on_failure: Callable[[BaseException], None] = lambda _: None,
    credentials: CredentialSource | None = None,
) -> CallEngine:
    plans = Plans(api.snapshot, most=100)
    source = credentials or assembly.OperatorCredentials(api.credentials)
    return CallEngine(
        plans, upstream, source, effects=effects(time), limits=limits, records=records, on_failure=on_failure
    )


def real_upstream(limits: CallLimits = CALL) -> UpstreamClient:
    """The product's client, for servers on loopback."""
    return UpstreamClient(policy=ALLOW_PRIVATE, call_limits=limits)


def text(result: ToolResult) -> str:
    """Every text block, one after the other."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))
