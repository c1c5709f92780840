"""MCP over standard input and output: one message per line, nothing else on standard output, the end of input is the end.

The wire is a copy of descriptor 1; descriptor 1 itself then leads to standard error, so that a stray `print` anywhere in
the process cannot break a frame. Both descriptors are served by threads: that works for pipes, files and terminals alike.
"""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from apifold.core.limits import WIRE, WireLimits
from apifold.core.mcp.codes import INVALID_REQUEST
from apifold.core.mcp.messages import NO_ID, error_body
from apifold.core.mcp.result import one_line
from apifold.core.policy.access import ANONYMOUS, Principal
from apifold.gateway.duplex import Duplex
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.patience import Patience

_GRACE_SECONDS = 5.0
"""How long calls at work may take to end after the input has: `printf … | apifold serve --transport stdio` gets answers."""
_LINES_AHEAD = 16

TOO_LONG = b""
"""Stands for a line that was longer than allowed; every real line has at least its end."""


async def serve_lines(
    endpoint: Endpoint,
    lines: AsyncIterator[bytes],
    write: Callable[[bytes], Awaitable[None]],
    *,
    principal: Principal = ANONYMOUS,
    limits: WireLimits = WIRE,
    grace: float = _GRACE_SECONDS,
) -> None:
    """Serve one client until its lines end. `write` takes whole lines; it raises `OSError` when nobody reads any more."""
    duplex = Duplex(endpoint, principal, Patience(limits=limits), limits=limits)
    duplex.outbox.attach()
    writing = asyncio.get_running_loop().create_task(_write_all(duplex, write))
    try:
        async for line in lines:
            if writing.done():
                break
            if line is TOO_LONG:
                duplex.outbox.push(error_body(NO_ID, INVALID_REQUEST, "The message is too long"))
            elif line.strip():
                while not duplex.receive(line):
                    await duplex.has_room()
        await duplex.drained(grace)
    finally:
        duplex.close()
        await writing


async def _write_all(duplex: Duplex, write: Callable[[bytes], Awaitable[None]]) -> None:
    outbox = duplex.outbox
    try:
        while not outbox.closed or outbox.unread:
            ready = []
            while (item := outbox.take()) is not None:
                ready.append(one_line(item.message) + b"\n")
            if ready:
                await write(b"".join(ready))
            elif not outbox.closed:
                await outbox.wait(float("inf"))
    except OSError:
        outbox.close()  # nobody reads any more, and nobody should wait for it


async def serve_stdio(endpoint: Endpoint, *, limits: WireLimits = WIRE) -> None:
    """Serve the process that started this one."""
    source, wire = os.fdopen(os.dup(0), "rb"), os.dup(1)
    os.dup2(2, 1)
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "stdout") as writer:

        async def write(data: bytes) -> None:
            await loop.run_in_executor(writer, _write_fully, wire, data)

        await serve_lines(endpoint, read_lines(source, limits.body_bytes), write, limits=limits)
    os.close(wire)


def _write_fully(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


async def read_lines(source: BinaryIO, longest: int) -> AsyncIterator[bytes]:
    """The lines of a blocking file, read by a thread that stops when it is a few ahead."""
    loop = asyncio.get_running_loop()
    ahead: asyncio.Queue[bytes | None] = asyncio.Queue()
    room = threading.Semaphore(_LINES_AHEAD)

    def read() -> None:
        try:
            while line := source.readline(longest + 1):
                if len(line) > longest and not line.endswith(b"\n"):
                    line = _pass_over(source, longest)
                room.acquire()
                loop.call_soon_threadsafe(ahead.put_nowait, line)
            loop.call_soon_threadsafe(ahead.put_nowait, None)
        except (OSError, ValueError, RuntimeError):
            return  # the file or the loop is gone, and with it whoever wanted to know

    threading.Thread(target=read, name="stdin", daemon=True).start()  # it may sit in a read for ever: never waited for
    while (line := await ahead.get()) is not None:
        room.release()
        yield line


def _pass_over(source: BinaryIO, longest: int) -> bytes:
    while (more := source.readline(longest)) and not more.endswith(b"\n"):
        continue
    return TOO_LONG
