"""HTTP answers that are complete at once, in the few shapes that the MCP transports need."""

from collections.abc import Coroutine
from typing import TypeAlias

from apifold.core.mcp.codes import INTERNAL_ERROR, INVALID_REQUEST
from apifold.core.mcp.messages import NO_ID, Malformed, error_body
from apifold.core.mcp.outcome import Answer, Refusal
from apifold.gateway.ports import Exchange
from apifold.gateway.reply import Reply, respond_json
from apifold.gateway.streams import Fields

Rest: TypeAlias = Coroutine[None, None, None] | None
"""What is left to do after a synchronous look at a request; `None` when it has been answered."""


def say(exchange: Exchange, outcome: Answer | Refusal, fields: Fields) -> Rest:
    """Answer now, as JSON; as the one event of a stream for a caller that takes nothing else."""
    if isinstance(outcome, Refusal):
        respond_json(exchange, outcome, fields)
        return None
    reply = Reply(exchange, fields)
    if not reply.plain:
        return reply.finish(outcome)
    reply.respond(outcome)
    return None


def accepted(exchange: Exchange, fields: Fields) -> Rest:
    """Nothing to say (HTTP 202, without a body)."""
    exchange.respond(202, fields, b"")
    return None


def not_allowed(exchange: Exchange, methods: str, fields: Fields) -> Rest:
    exchange.respond(405, (("allow", methods), *fields), b"")
    return None


def say_text(exchange: Exchange, status: int, text: str, fields: Fields) -> Rest:
    """A few words for a person who came by."""
    exchange.respond(status, (("content-type", "text/plain; charset=utf-8"), *fields), text.encode())
    return None


def invalid(status: int, message: str, identifier: bytes = NO_ID) -> Refusal:
    return Refusal(status, error_body(identifier, INVALID_REQUEST, message))


def malformed(message: Malformed) -> Refusal:
    return Refusal(400, error_body(message.id, message.code, message.message))


def too_many(identifier: bytes = NO_ID) -> Refusal:
    return Refusal(503, error_body(identifier, INTERNAL_ERROR, "Too many of these are open already; try again later"))


def is_json(content_type: str | None) -> bool:
    """A body that says nothing of its type is taken for what it has to be."""
    if content_type is None or content_type == "application/json":
        return True
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or media.endswith("+json")
