"""Requests of earlier revisions, answered one by one or as a batch, on whatever carries them."""

import asyncio

from apifold.core.mcp.codes import INVALID_REQUEST
from apifold.core.mcp.envelope import Fault, is_modern
from apifold.core.mcp.handler import CALLS, Call, Listen
from apifold.core.mcp.messages import Batch, Malformed, Request, error_body
from apifold.gateway.calls import CallChannel, Scope, Sink, legacy_scope
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.patience import Patience


async def run_batch(endpoint: Endpoint, batch: Batch, scope: Scope, sink: Sink, patience: Patience) -> bytes:
    """The answers to the requests of a batch, worked on at the same time, as one JSON array in their order."""
    asked = [message for message in batch.messages if isinstance(message, Request | Malformed)]
    async with asyncio.TaskGroup() as group:
        work = [group.create_task(_answer(endpoint, message, scope, sink, patience)) for message in asked]
    return b"[%b]" % b",".join([task.result() for task in work])


async def _answer(
    endpoint: Endpoint, message: Request | Malformed, scope: Scope, sink: Sink, patience: Patience
) -> bytes:
    if isinstance(message, Malformed):
        return error_body(message.id, message.code, message.message)
    if message.method == "initialize":  # 2025-03-26, Lifecycle: it MUST NOT be part of a batch
        return error_body(message.id, INVALID_REQUEST, "initialize does not go into a batch")
    if is_modern(message.params, None):
        return error_body(message.id, INVALID_REQUEST, "A request of this revision does not go into a batch")
    scope = legacy_scope(
        message.params, scope.revision, scope.caller.principal, scope.session, message_bytes=scope.message_bytes
    )
    operation = endpoint.interpret(message, scope.revision)
    if isinstance(operation, Fault):
        return endpoint.refuse(message.id, operation, scope.revision).body
    if isinstance(operation, CALLS):
        return await answer_call(endpoint, operation, message.id, scope, sink, patience)
    if isinstance(operation, Listen):
        raise TypeError("no revision with batches has open-ended answers")
    preparing = endpoint.preparing(operation, scope)
    if preparing is not None:
        return (await endpoint.answer_later(preparing, operation, message.id, scope)).body
    return endpoint.answer(operation, message.id, scope).body


async def answer_call(
    endpoint: Endpoint, call: Call, identifier: bytes, scope: Scope, sink: Sink, patience: Patience
) -> bytes:
    """The whole response to one call."""
    channel = CallChannel(sink, scope, patience)
    try:
        return (await endpoint.settle(call, identifier, scope, channel)).body
    finally:
        channel.close()
