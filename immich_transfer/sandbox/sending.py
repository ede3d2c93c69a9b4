"""A stored file on its way out, as the real servers send it.

Single ranges, a weak ETag of size and mtime, If-Range with tag or date. What is wrong while a file
is served is 500 in 2.x and 404 in 3.x, a range past the end and a stale If-Match included; there is
no 416 and no 412 (recorded).

Without a fault a small file goes out in one write with its head, and a large one from the page
cache by the kernel; faults send piece by piece.
"""

from __future__ import annotations

import asyncio
import os
import re
from email.utils import formatdate, parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import quote

from aiohttp import web

from .answers import Refusal
from .app import Call
from .faulting import leave_hanging
from .faults import Action
from .media import media_type
from .versions import Release

CHUNK = 1 << 20
ONE_WRITE = 256 << 10
"""Bytes up to which reading and one write beat handing the file to the kernel."""
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


class Span(NamedTuple):
    """Bytes to send: from `start` up to `end`, of `size`."""

    start: int
    end: int
    size: int

    @property
    def length(self) -> int:
        return self.end - self.start


async def send(call: Call, path: str, name: str) -> web.StreamResponse:
    request = call.request
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise failure(call) from None
    etag = f'W/"{status.st_size:x}-{int(status.st_mtime * 1000):x}"'
    if call.fault("etag"):
        etag = f'W/"{status.st_size:x}-{os.urandom(5).hex()}"'
    headers = _headers(call.release, name, etag, status)
    if request.headers.get("If-Match", "*") not in ("*", etag):
        raise failure(call)
    if _unchanged(request, etag, status.st_mtime):
        return web.Response(status=304, headers=headers)
    span = None if call.fault("no-range") else _span(call, etag, status)
    code = 200 if span is None else 206
    if span is None:
        span = Span(0, status.st_size, status.st_size)
    else:
        span = _elsewhere(call.fault("other-range"), span)
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{span.size}"
    if call.action is None and request.method != "HEAD":
        return await _swiftly(request, path, span, code, headers)
    span = _shorter(call.action, span)
    response = web.StreamResponse(status=code, headers=headers)
    if call.fault("chunked"):
        response.enable_chunked_encoding()
    else:
        response.content_length = span.length
    await response.prepare(request)
    if request.method != "HEAD":
        await _spoiled(call, response, path, span)
    await response.write_eof()
    return response


def _headers(release: Release, name: str, etag: str, status: os.stat_result) -> dict[str, str]:
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=86400, no-transform",
        "Content-Type": media_type(name),
        "ETag": etag,
        "Last-Modified": formatdate(int(status.st_mtime), usegmt=True),
    }
    if release.disposition:
        basename = name.replace("\\", "/").rsplit("/", 1)[-1]
        headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(basename, safe='')}"
    return headers


async def _swiftly(
    request: web.Request, path: str, span: Span, code: int, headers: dict[str, str]
) -> web.StreamResponse:
    with open(path, "rb") as file:  # noqa: ASYNC230 - from the page cache
        if span.length <= ONE_WRITE:
            file.seek(span.start)
            return web.Response(body=file.read(span.length), status=code, headers=headers)
        response = web.StreamResponse(status=code, headers=headers)
        response.content_length = span.length
        await response.prepare(request)
        transport = request.transport
        if transport is None or transport.is_closing():
            raise asyncio.CancelledError
        loop = asyncio.get_running_loop()
        try:
            sent = await loop.sendfile(transport, file, span.start, span.length)
        except ConnectionError:  # the client went away: nobody to answer
            transport.abort()
            raise asyncio.CancelledError from None
        if sent < span.length:
            transport.abort()  # the file shrank meanwhile: no end where none was promised
        await response.write_eof()
        return response


def _shorter(fault: Action | None, span: Span) -> Span:
    """The declared length of a download that is not whole."""
    if fault is not None and fault.kind == "short":
        return span._replace(end=max(span.start, span.end - int(fault.number("by", 1))))
    if fault is not None and fault.kind == "truncated":
        return span._replace(end=span.start + span.length // 2)
    return span


def _elsewhere(fault: Action | None, span: Span) -> Span:
    """A range that begins elsewhere than it was asked to."""
    if fault is None:
        return span
    return span._replace(start=min(span.end - 1, span.start + int(fault.number("by", 1))))


async def _spoiled(call: Call, response: web.StreamResponse, path: str, span: Span) -> None:
    """Piece by piece, as the fault has it."""
    fault = call.action
    rate = 0.0
    if fault is not None and fault.kind == "slow":
        rate = fault.number("rate", 100_000)
    elif fault is not None and fault.kind == "drip":
        rate = span.length / max(0.1, fault.number("seconds", 1))
    stop = _stop_at(fault, span)
    with open(path, "rb") as file:  # noqa: ASYNC230 - from the page cache, a piece at a time
        file.seek(span.start)
        left = span.length
        sent = 0
        while left > 0:
            size = min(left, CHUNK if not rate else max(1, min(CHUNK, int(rate / 10))))
            if stop is not None:
                size = min(size, stop - sent)
                if size == 0:
                    assert fault is not None
                    await leave_hanging(call, fault)
            chunk = file.read(size)
            if not chunk:
                break
            if fault is not None and fault.kind == "corrupt":
                chunk = bytes([chunk[0] ^ 0xFF]) + chunk[1:]
            await response.write(chunk)
            left -= len(chunk)
            sent += len(chunk)
            if rate:
                await asyncio.sleep(len(chunk) / rate)


def _stop_at(fault: Action | None, span: Span) -> int | None:
    """After how many bytes of the answer a fault ends it."""
    if fault is None or fault.kind not in ("cut", "hang"):
        return None
    return int(fault.number("at", span.length // 2))


def failure(call: Call, headers: dict[str, str] | None = None) -> Refusal:
    """The recorded answer to whatever is wrong with a file."""
    status = call.release.file_error
    text = "Not Found" if status == 404 else "Internal server error"
    return Refusal(status, text, headers=headers)


def _unchanged(request: web.Request, etag: str, mtime: float) -> bool:
    if "If-None-Match" in request.headers:
        return etag in request.headers["If-None-Match"]
    since = request.headers.get("If-Modified-Since")
    return since is not None and _as_seconds(since) >= int(mtime)


def _span(call: Call, etag: str, status: os.stat_result) -> Span | None:
    """What Range asks for; None for the whole file. Raises for a range past the end."""
    asked = call.request.headers.get("Range", "")
    match = _RANGE.fullmatch(asked.strip())
    if match is None or not (match[1] or match[2]):
        return None  # several ranges or another unit: the whole file (recorded)
    condition = call.request.headers.get("If-Range")
    if condition is not None and condition != etag and not _fresh(condition, status):
        return None
    size = status.st_size
    if match[1]:
        start = int(match[1])
        end = min(size, int(match[2]) + 1) if match[2] else size
    else:
        start, end = max(0, size - int(match[2])), size
    if start >= end:
        raise failure(call, {"Content-Range": f"bytes */{size}", "ETag": etag})
    return Span(start, end, size)


def _fresh(condition: str, status: os.stat_result) -> bool:
    """Whether an If-Range date still holds; another tag never does."""
    return '"' not in condition and _as_seconds(condition) >= int(status.st_mtime)


def _as_seconds(date: str) -> float:
    """An HTTP date; before all time when it is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return float("-inf")
