"""Where the scripted faults act on a request: before the work, on the file's name, on the answer.

Downloads act on their own faults themselves (see `originals`): their answer is a stream.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import web

from .answers import Answered, Refusal
from .faults import Action

if TYPE_CHECKING:
    from .app import Call

STREAMED = frozenset(["original", "thumbnail"])
"""Routes whose answer is a stream that obeys faults itself."""
MIB = b" " * (1 << 20)
DROP_SECONDS = 0.1
"""Between two pieces of an answer that drips."""


async def before(call: Call) -> None:
    """Faults that show before the work is done; returning lets the request pass."""
    request, action = call.request, call.action
    assert action is not None
    seconds = action.number("seconds", 3600)
    match action.kind:
        case "reset":
            await _swallow(call, int(action.number("at", 0)))
            vanish(call)
        case "stall":
            await _swallow(call, int(action.number("at", 0)))
            await asyncio.sleep(seconds)
            vanish(call)
        case "hold":
            await call.box.faults.replaced.wait()
        case "html":
            page = web.Response(text="<!DOCTYPE html><h1>proxy</h1>", content_type="text/html")
            raise Answered(page)
        case "shape":
            raise Answered(web.json_response({"fault": True}))
        case "giant":
            await _giant(request, int(action.number("by", 80)))
        case "redirect":
            status, target = int(action.number("status", 302)), action.options["to"]
            target = request.path_qs if target == "itself" else target
            raise Answered(web.Response(status=status, headers={"Location": target}))
        case "away" | "maintenance":
            call.box.obey(action)
            if action.has("unheard"):
                vanish(call)
        case "delay" if call.names[0] in STREAMED:
            await asyncio.sleep(action.number("seconds", 1))
        case "lost" if call.names[0] in STREAMED:
            vanish(call)
        case "half-head" if call.names[0] in STREAMED:
            await _half_head(call)
    if action.status is not None:
        if not (action.has("early") or action.has("close")):
            await _swallow(call, None)
        raise Answered(await _status(request, action))


async def on_name(call: Call, name: str) -> None:
    """Faults for the file of this name; asked when it is known (an upload's body was read)."""
    action = call.box.faults.for_name(call.names, name)
    if action is None:
        return
    if action.status is not None and not action.options:
        # A file the server itself cannot take: its own error, not a proxy's page.
        raise Refusal(action.status, "Internal server error")
    call.action = action
    await before(call)


async def after(call: Call, response: web.StreamResponse) -> web.StreamResponse:
    """Faults that spoil the answer of work that was done."""
    action = call.action
    assert action is not None
    if response.prepared or not isinstance(response, web.Response):
        return response
    body = response.body if isinstance(response.body, bytes) else b""
    half = len(body) // 2
    match action.kind:
        case "lost":
            vanish(call)
        case "half-head":
            await _half_head(call)
        case "delay":
            await asyncio.sleep(action.number("seconds", 1))
        case "drip":
            return await _drip(call, response, body, action.number("seconds", 1))
        case "truncated":
            response.body = body[:half]
        case "cut" | "hang":
            keep = min(len(body), int(action.number("at", half)))
            stream = web.StreamResponse(status=response.status, headers=response.headers)
            stream.content_length = len(body)
            await stream.prepare(call.request)
            await stream.write(body[:keep])
            await leave_hanging(call, action)
    return response


async def leave_hanging(call: Call, action: Action) -> None:
    """The rest of an answer does not come: at once, or after silence."""
    if action.kind == "hang":
        await asyncio.sleep(action.number("seconds", 3600))
    else:
        # Let what was written reach the socket: abort would drop it.
        await asyncio.sleep(0)
    vanish(call, gently=action.kind == "cut")


def vanish(call: Call, *, gently: bool = False) -> None:
    """Close the connection without another word and end the handling."""
    transport = call.request.transport
    if gently and transport is not None:
        transport.close()
    else:
        call.cut()
    raise asyncio.CancelledError


async def _swallow(call: Call, count: int | None) -> None:
    """Read and drop so many bytes of the body, or all of it."""
    content = call.request.content
    left = count if count is not None else 1 << 62
    while left > 0 and (chunk := await content.read(min(left, 1 << 18))):
        left -= len(chunk)


async def _half_head(call: Call) -> None:
    transport = call.request.transport
    if isinstance(transport, asyncio.WriteTransport):
        transport.write(b"HTTP/1.1 200 OK\r\nContent-Ty")
        await asyncio.sleep(0)
    vanish(call, gently=True)


async def _drip(
    call: Call, response: web.StreamResponse, body: bytes, seconds: float
) -> web.StreamResponse:
    """A line that only just lives: the answer comes whole, and in its own time."""
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = len(body)
    await stream.prepare(call.request)
    step = max(1, int(len(body) * DROP_SECONDS / max(seconds, DROP_SECONDS)))
    for start in range(0, len(body), step):
        await asyncio.sleep(DROP_SECONDS)
        await stream.write(body[start : start + step])
    await stream.write_eof()
    return stream


async def _giant(request: web.Request, size: int) -> None:
    """JSON without an end in sight; whoever asked may leave at any time."""
    stream = web.StreamResponse(headers={"Content-Type": "application/json"})
    await stream.prepare(request)
    with suppress(ConnectionError):
        await stream.write(b'{"fault":')
        for _ in range(size):
            await stream.write(MIB)
        await stream.write(b"true}")
        await stream.write_eof()
    raise Answered(stream)


def _asked_patience(action: Action) -> dict[str, str]:
    """Retry-After in seconds, or as the date of a clock that may go ahead of everybody's."""
    headers = {}
    if action.has("retry-after"):
        headers["Retry-After"] = action.options["retry-after"]
    if action.has("retry-date"):
        now = time.time() + action.number("skew", 0)
        headers["Date"] = formatdate(now, usegmt=True)
        headers["Retry-After"] = formatdate(now + action.number("retry-date", 0), usegmt=True)
    return headers


async def _status(request: web.Request, action: Action) -> web.StreamResponse:
    status = action.status
    assert status is not None
    response = web.Response(status=status, headers=_asked_patience(action))
    if action.has("json"):
        response.text = '{"message":"fault"}'
        response.content_type = "application/json"
    elif not action.has("empty"):
        response.text = f"<html><h1>{status}</h1><p>proxy</html>"
        response.content_type = "text/html"
    if action.has("early"):
        response.force_close()
    if action.has("close"):
        # As a proxy that does not linger: the answer, then the connection goes, body unread.
        response.force_close()
        await response.prepare(request)
        await response.write_eof()
        if request.transport is not None:
            request.transport.close()
    return response


async def throttle(request: web.Request, size: int, rate: float) -> None:
    """Sleep as long as `size` bytes take at `rate`, without reading ahead meanwhile."""
    transport = request.transport
    if transport is None:
        return
    narrow = transport.get_extra_info("socket")
    if narrow is not None and "narrow" not in request:
        # A small window: else the kernel takes megabytes before the sender feels anything.
        request["narrow"] = True
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    try:
        await asyncio.sleep(size / rate)
    finally:
        if not transport.is_closing():
            transport.resume_reading()
