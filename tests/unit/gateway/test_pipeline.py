"""The life of a call against an upstream that does what it is told, on a clock that moves only when somebody waits."""

import asyncio

import pytest

from apifold.core.errors import AppError
from apifold.core.limits import CallLimits
from apifold.core.mcp.content import TextContent, ToolResult
from apifold.core.policy.access import Principal, PrincipalKind
from apifold.core.record import CallKind, CallRecord
from apifold.core.requests.model import UpstreamRequest, UpstreamResponse
from apifold.core.values import JSON
from apifold.gateway.context import CallContext
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.pipeline import CallEngine
from apifold.gateway.ports import Caller
from support.calls import START, FakeTime, Kept, ScriptedUpstream, Step, make_api, make_engine, reply, text
from support.documents import openapi
from support.loops import on_loop

ANY_ANSWER: JSON = {"200": {"description": "ok"}}
ID: JSON = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
DOCUMENT = openapi(
    {
        "/things/{id}": {
            "parameters": [ID],
            "get": {"operationId": "getThing", "security": [{"key": []}], "responses": ANY_ANSWER},
            "post": {
                "operationId": "actOnThing",
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": ANY_ANSWER,
            },
            "put": {"operationId": "putThing", "responses": ANY_ANSWER},
        },
        "/elsewhere": {"get": {"operationId": "elsewhere", "servers": [{"url": "/"}], "responses": ANY_ANSWER}},
    },
    servers=[{"url": "https://api.test/v1"}],
    components={"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
)
API = make_api(DOCUMENT)
KEYED = make_api(DOCUMENT, auth=["key=literal:s3cr3t-value"])

UNREACHED = UpstreamFailure(FailureKind.CONNECT_FAILED, "nothing listens there", sent=False)
BROKEN_OFF = UpstreamFailure(FailureKind.CLOSED, "the connection broke", sent=True)
TOO_LATE = UpstreamFailure(FailureKind.TIMEOUT, "no answer in time", sent=True)


async def call(engine: CallEngine, name: str = "getThing", **arguments: int) -> CallContext:
    tool = API.catalogue.by_name(name)
    assert tool is not None
    return await engine.call(tool, {"id": 1, **arguments} if name != "elsewhere" else {})


def play(*steps: Step, limits: CallLimits | None = None) -> tuple[CallEngine, ScriptedUpstream, FakeTime]:
    upstream, time = ScriptedUpstream(*steps), FakeTime()
    return make_engine(API, upstream, time=time, limits=limits or CallLimits()), upstream, time


# --- large answers -----------------------------------------------------------------------------------------------


async def _turns_while_shaping(size: int) -> tuple[CallContext, int]:
    """A call with an answer of so many bytes, and how often others had a turn after it was there."""
    turns: list[int] = []
    answered = False

    async def answer(_: UpstreamRequest) -> UpstreamResponse:
        nonlocal answered
        answered = True
        return reply(200, b'["' + b"x" * size + b'"]')

    async def others() -> None:
        while True:
            if answered:
                turns.append(1)
            await asyncio.sleep(0)

    engine, _, _ = play(answer)
    other = asyncio.create_task(others())
    await asyncio.sleep(0)
    done = await call(engine)
    other.cancel()
    return done, len(turns)


@on_loop
async def test_a_large_answer_is_shaped_while_others_go_on() -> None:
    done, turns = await _turns_while_shaping(2 * 1024 * 1024)
    assert turns > 0
    assert len(done.cuts) == 1
    assert (await _turns_while_shaping(1024))[1] == 0


# --- answers ---------------------------------------------------------------------------------------------------------


@on_loop
async def test_answer_of_the_api_is_the_result() -> None:
    engine, upstream, _ = play(reply(body=b'{"id":1}'))
    done = await call(engine)
    assert done.result == ToolResult(
        (TextContent('{"id":1}'),), structured_raw=b'{"id":1}', has_structured=True, structured_is_object=True
    )
    assert [(one.method, one.url) for one in upstream.sent] == [("GET", "https://api.test/v1/things/1")]
    assert upstream.timeouts == [30.0]


@on_loop
async def test_wrong_arguments_are_told_to_the_model_and_nothing_is_sent() -> None:
    engine, upstream, _ = play(reply())
    tool = API.catalogue.by_name("getThing")
    assert tool is not None
    done = await engine.call(tool, {"id": "x", "colour": 1})
    assert done.result.is_error
    assert "/id" in text(done.result)
    assert "colour" in text(done.result)
    assert (done.failure and done.failure.code, done.refusal, upstream.sent) == (
        "arguments.invalid",
        "arguments.invalid",
        [],
    )


@on_loop
async def test_operation_without_a_host_is_told_with_the_flag_to_pass() -> None:
    engine, upstream, _ = play(reply())
    done = await call(engine, "elsewhere")
    assert text(done.result) == (
        "The document does not say on which host /elsewhere is.\nThe person who runs this server can name it with --base-url."
    )
    assert upstream.sent == []


@pytest.mark.parametrize("status", [401, 403])
def test_refused_call_without_a_secret_names_the_scheme_and_the_flag(status: int) -> None:
    @on_loop
    async def test() -> None:
        engine, upstream, _ = play(reply(status, b'{"error":"who are you"}'))
        done = await call(engine)
        assert done.result.is_error
        assert "--auth key=env:KEY" in text(done.result)
        assert text(done.result).startswith(f"HTTP {status} ")
        assert len(upstream.sent) == 1

    test()


@on_loop
async def test_secret_is_sent_and_its_echo_is_not_told() -> None:
    upstream = ScriptedUpstream(reply(body=b'{"you sent":"s3cr3t-value"}'))
    engine = make_engine(KEYED, upstream, time=FakeTime())
    done = await call(engine)
    assert ("X-Key", "s3cr3t-value") in upstream.sent[0].headers
    assert "s3cr3t" not in repr(done.result)
    assert done.prepared is not None
    assert ("X-Key", "***") in done.prepared.shown().headers
    assert done.prepared.shown(secrets=True) == upstream.sent[0]


@on_loop
async def test_failure_text_that_holds_a_secret_is_scrubbed() -> None:
    failure = UpstreamFailure(FailureKind.PROTOCOL, "bad header X-Key: s3cr3t-value", sent=True)
    done = await call(make_engine(KEYED, ScriptedUpstream(failure), time=FakeTime()))
    assert text(done.result) == "bad header X-Key: [secret removed]"


# --- retries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "steps", "attempts", "pauses", "outcome"),
    [
        ("getThing", [reply(503), reply(502), reply()], 3, [0.1, 0.2], "ok"),
        ("getThing", [reply(503)], 3, [0.1, 0.2], "HTTP 503 Service Unavailable"),
        ("getThing", [reply(429, b"", ("retry-after", "2")), reply()], 2, [2.0], "ok"),
        ("getThing", [reply(429, b"", ("retry-after", "60"))], 1, [], "HTTP 429 Too Many Requests"),
        ("putThing", [reply(504), reply()], 2, [0.1], "ok"),
        ("getThing", [reply(500)], 1, [], "HTTP 500 Internal Server Error"),
        ("actOnThing", [reply(503)], 1, [], "HTTP 503 Service Unavailable"),
        ("actOnThing", [reply(429, b"", ("retry-after", "1"))], 1, [], "HTTP 429 Too Many Requests"),
        ("actOnThing", [UNREACHED, reply()], 2, [0.1], "ok"),
        ("getThing", [UNREACHED], 3, [0.1, 0.2], "nothing listens there"),
        ("getThing", [BROKEN_OFF, reply()], 2, [0.1], "ok"),
        ("actOnThing", [BROKEN_OFF], 1, [], "the connection broke\nThe API may have acted on the call all the same."),
        ("actOnThing", [TOO_LATE], 1, [], "no answer in time\nThe API may have acted on the call all the same."),
        ("getThing", [TOO_LATE], 1, [], "no answer in time"),
    ],
)
def test_only_what_is_safe_to_repeat_is_repeated(
    name: str, steps: list[Step], attempts: int, pauses: list[float], outcome: str
) -> None:
    @on_loop
    async def test() -> None:
        engine, upstream, time = play(*steps)
        done = await call(engine, name)
        assert (done.attempts, len(upstream.sent), time.pauses) == (attempts, attempts, pauses)
        assert text(done.result).startswith('{"ok":true}' if outcome == "ok" else outcome)
        assert done.result.is_error is (outcome != "ok")

    test()


@on_loop
async def test_all_attempts_share_one_deadline() -> None:
    async def slow(_: UpstreamRequest) -> UpstreamResponse:
        time.time += 12
        return reply(503)

    engine, upstream, time = play(slow)
    done = await call(engine)
    assert upstream.timeouts == pytest.approx([30, 17.9, 5.7])
    assert text(done.result).startswith("HTTP 503")
    assert done.seconds == pytest.approx(36.3)


# --- redirects -------------------------------------------------------------------------------------------------------


@on_loop
async def test_credentials_follow_within_the_origin_and_never_come_back_once_left_behind() -> None:
    upstream = ScriptedUpstream(
        reply(302, b"", ("location", "/v1/other")),
        reply(302, b"", ("location", "https://elsewhere.test/file")),
        reply(302, b"", ("location", "https://api.test/v1/again")),
        reply(),
    )
    done = await call(make_engine(KEYED, upstream, time=FakeTime()))
    assert [(one.url, dict(one.headers).get("X-Key")) for one in upstream.sent] == [
        ("https://api.test/v1/things/1", "s3cr3t-value"),
        ("https://api.test/v1/other", "s3cr3t-value"),
        ("https://elsewhere.test/file", None),
        ("https://api.test/v1/again", None),
    ]
    assert not done.result.is_error


@on_loop
async def test_redirects_end() -> None:
    engine, upstream, _ = play(reply(302, b"", ("location", "/round")))
    done = await call(engine)
    assert len(upstream.sent) == 6
    assert "The redirect was not followed: there were already 5." in text(done.result)


@on_loop
async def test_redirect_of_a_write_is_an_answer_that_says_where_it_points() -> None:
    engine, upstream, _ = play(reply(302, b"", ("location", "/v1/things/2")))
    done = await call(engine, "actOnThing")
    assert len(upstream.sent) == 1
    assert "Location: /v1/things/2" in text(done.result)
    assert "a POST is not sent again" in text(done.result)
    assert not done.result.is_error


# --- admission -------------------------------------------------------------------------------------------------------


@on_loop
async def test_upstream_that_fails_five_calls_in_a_row_is_left_alone_and_then_tried_once() -> None:
    engine, upstream, time = play(UNREACHED, limits=CallLimits(retries=0))
    for _ in range(5):
        await call(engine)
    paused = await call(engine)
    assert text(paused.result) == ("https://api.test failed 5 times in a row, so calls to it pause. Try again in 30 s.")
    assert (paused.refusal, len(upstream.sent)) == ("upstream.paused", 5)
    time.time += 31
    upstream.steps = [reply()]
    assert not (await call(engine)).result.is_error
    assert not (await call(engine)).result.is_error
    assert len(upstream.sent) == 7


@on_loop
async def test_while_one_call_tests_a_failing_upstream_no_other_is_let_through() -> None:
    engine, upstream, time = play(UNREACHED, limits=CallLimits(retries=0))
    for _ in range(5):
        await call(engine)
    time.time += 31
    answer: asyncio.Future[UpstreamResponse] = asyncio.get_running_loop().create_future()

    async def wait(_: UpstreamRequest) -> UpstreamResponse:
        return await answer

    upstream.steps = [wait]
    probe = asyncio.get_running_loop().create_task(call(engine))
    await asyncio.sleep(0)
    assert (await call(engine)).refusal == "upstream.paused"
    answer.set_result(reply())
    assert not (await probe).result.is_error
    upstream.steps = [reply()]
    assert not (await call(engine)).result.is_error


@on_loop
async def test_answers_that_say_the_api_itself_is_away_count_and_others_do_not() -> None:
    for status, paused in ((503, True), (500, False), (404, False), (429, False)):
        engine, _, _ = play(reply(status), limits=CallLimits(retries=0))
        refusals = [(await call(engine)).refusal for _ in range(6)]
        assert (refusals[-1] == "upstream.paused") is paused, status


@on_loop
async def test_failure_after_a_redirect_is_not_held_against_the_origin() -> None:
    engine, upstream, _ = play(UNREACHED, limits=CallLimits(retries=0))
    for _ in range(6):
        upstream.steps = [reply(302, b"", ("location", "https://down.test/")), UNREACHED]
        assert (await call(engine)).refusal == ""


@on_loop
async def test_more_calls_than_there_is_room_for_are_refused_at_once() -> None:
    async def wait(_: UpstreamRequest) -> UpstreamResponse:
        return await answer

    answer: asyncio.Future[UpstreamResponse] = asyncio.get_running_loop().create_future()
    engine, _, _ = play(wait, limits=CallLimits(concurrent=1))
    first = asyncio.get_running_loop().create_task(call(engine))
    await asyncio.sleep(0)
    refused = await call(engine)
    assert (refused.refusal, refused.result.is_error) == ("calls.too_many", True)
    answer.set_result(reply())
    assert not (await first).result.is_error
    assert not (await call(engine)).result.is_error


# --- records ---------------------------------------------------------------------------------------------------------


@on_loop
async def test_record_tells_all_about_a_call_but_what_was_said_in_it() -> None:
    async def slow(_: UpstreamRequest) -> UpstreamResponse:
        time.time += 1.9
        return reply(body=b'{"name":"private"}')

    upstream, time, kept = ScriptedUpstream(reply(503), slow), FakeTime(), Kept()
    engine = make_engine(KEYED, upstream, time=time, records=kept)
    tool = KEYED.catalogue.by_name("putThing")
    assert tool is not None
    principal = Principal(PrincipalKind.TOKEN, subject="tok_1", workspace="ws_1", server="srv_1")
    caller = Caller(principal, "2025-11-25", "claude", "2.1")
    await engine.call(tool, {"id": "7"}, caller=caller, kind=CallKind.TEST, parent="call_0")
    assert kept.records == [
        CallRecord(
            call_id="call_" + "01" * 12 + "00000001",
            parent_id="call_0",
            kind=CallKind.TEST,
            billable=True,
            operation="PUT /things/{id}",
            tool="putThing",
            method="PUT",
            path="/things/{id}",
            client_name="claude",
            client_version="2.1",
            era="2025-11-25",
            subject="tok_1",
            status=200,
            is_error=False,
            error_code="",
            refusal="",
            repairs=kept.records[0].repairs,
            attempts=2,
            request_bytes=0,
            response_bytes=18,
            result_bytes=18,
            started_at=START,
            duration=2.0,
            upstream=2.0,
            queued=0.0,
            workspace="ws_1",
            server="srv_1",
        )
    ]
    assert len(kept.records[0].repairs) == 1


@on_loop
async def test_refused_and_failed_calls_are_recorded_with_their_reason() -> None:
    kept = Kept()
    forbidden = UpstreamFailure(FailureKind.REFUSED_DESTINATION, "a private address", sent=False)
    engine = make_engine(API, ScriptedUpstream(TOO_LATE, forbidden), time=FakeTime(), records=kept)
    tool = API.catalogue.by_name("getThing")
    assert tool is not None
    await engine.call(tool, {})
    await engine.call(tool, {"id": 1})
    await engine.call(tool, {"id": 1})
    assert [(r.refusal, r.error_code, r.billable, r.attempts, r.status) for r in kept.records] == [
        ("arguments.invalid", "arguments.invalid", False, 0, 0),
        ("", "upstream.timeout", True, 1, 0),
        ("upstream.refused_destination", "upstream.refused_destination", False, 1, 0),
    ]


@on_loop
async def test_cancelled_call_is_recorded_and_frees_its_place() -> None:
    async def wait(_: UpstreamRequest) -> UpstreamResponse:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nothing ever comes")

    kept, time = Kept(), FakeTime()
    upstream = ScriptedUpstream(wait)
    engine = make_engine(API, upstream, time=time, records=kept, limits=CallLimits(concurrent=1))
    task = asyncio.get_running_loop().create_task(call(engine))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    upstream.steps = [reply()]
    assert not (await call(engine)).result.is_error
    assert [(r.error_code, r.is_error) for r in kept.records] == [("call.cancelled", True), ("", False)]


@on_loop
async def test_record_that_cannot_be_kept_does_not_fail_the_call() -> None:
    class Full:
        def admit(self) -> None:
            return

        def record(self, record: CallRecord) -> None:
            raise OSError(28, f"no space for {record.call_id}")

    failures: list[BaseException] = []
    engine = make_engine(API, ScriptedUpstream(reply()), time=FakeTime(), records=Full(), on_failure=failures.append)
    assert not (await call(engine)).result.is_error
    assert [type(failure) for failure in failures] == [OSError]


@on_loop
async def test_call_that_could_not_be_recorded_is_not_made_and_says_why() -> None:
    class Unable(Kept):
        def admit(self) -> None:
            raise AppError("records.full", "Calls cannot be recorded.", hint="Make room.")

    kept, upstream = Unable(), ScriptedUpstream(reply())
    engine = make_engine(API, upstream, time=FakeTime(), records=kept, limits=CallLimits(concurrent=1))
    for _ in range(2):  # no place is taken by it
        refused = await call(engine)
        assert (refused.refusal, refused.attempts) == ("records.full", 0)
        assert text(refused.result) == "Calls cannot be recorded.\nMake room."
    assert upstream.sent == []
    assert [(record.refusal, record.billable) for record in kept.records] == [("records.full", False)] * 2
