"""`GET /assets/{id}/original`: the stored bytes, sent as by the real servers.

Single ranges, a weak ETag of size and mtime, If-Range with tag or date. What is wrong while a file
is served is 500 in 2.x and 404 in 3.x, a range past the end and a stale If-Match included; there is
no 416 and no 412 (recorded).
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
from .app import Call, Routes
from .faulting import leave_hanging, on_name
from .faults import Action
from .rows import Asset
from .sight import readable
from .versions import media_type

CHUNK = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/assets/{id}/original", original, name="original", permission="asset.download")
    add("GET", "/assets/{id}/thumbnail", thumbnail, name="thumbnail", permission="asset.view")


class Span(NamedTuple):
    """Bytes to send: from `start` up to `end`, of `size`."""

    start: int
    end: int
    size: int


async def original(call: Call) -> web.StreamResponse:
    asset = _visible(call, "asset.download")
    await on_name(call, asset.name)
    return await _send(call, call.store.path_of(asset), asset.name)


async def thumbnail(call: Call) -> web.StreamResponse:
    """The original's bytes stand in for the thumbnail; there is none of an empty file."""
    asset = _visible(call, "asset.view")
    path = call.store.path_of(asset)
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        old = call.release.foreign_original == 400
        raise Refusal(404, "Asset media not found" if old else "Not Found")
    return await _send(call, path, asset.name)


def _visible(call: Call, access: str) -> Asset:
    """The asset; what one may not see is 400 in 2.x and, like all of a download, 404 in 3.x."""
    asset = readable(call, call.id)
    if asset is not None:
        return asset
    status = call.release.foreign_original
    raise Refusal(status, "Not Found" if status == 404 else f"Not found or no {access} access")


async def _send(call: Call, path: str, name: str) -> web.StreamResponse:
    request, fault = call.request, call.action
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise _failure(call) from None
    etag = f'W/"{status.st_size:x}-{int(status.st_mtime * 1000):x}"'
    if call.fault("etag"):
        etag = f'W/"{status.st_size:x}-{os.urandom(5).hex()}"'
    basename = name.replace("\\", "/").rsplit("/", 1)[-1]
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=86400, no-transform",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(basename, safe='')}",
        "Content-Type": media_type(name),
        "ETag": etag,
        "Last-Modified": formatdate(int(status.st_mtime), usegmt=True),
    }
    if request.headers.get("If-Match", "*") not in ("*", etag):
        raise _failure(call)
    if _unchanged(request, etag, status.st_mtime):
        return web.Response(status=304, headers=headers)
    span = None if call.fault("no-range") else _span(call, etag, status)
    if span is None:
        response = web.StreamResponse(headers=headers)
        span = Span(0, status.st_size, status.st_size)
    else:
        response = web.StreamResponse(status=206, headers=headers)
        response.headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{span.size}"
    if fault is not None and fault.kind == "short":
        span = span._replace(end=max(span.start, span.end - int(fault.number("by", 1))))
    response.content_length = span.end - span.start
    await response.prepare(request)
    if request.method != "HEAD":
        await _stream(call, response, path, span)
    await response.write_eof()
    return response


async def _stream(call: Call, response: web.StreamResponse, path: str, span: Span) -> None:
    fault = call.action
    rate = fault.number("rate", 100_000) if fault is not None and fault.kind == "slow" else 0.0
    stop = _stop_at(fault, span)
    with open(path, "rb") as file:  # noqa: ASYNC230 - from the page cache, a piece at a time
        file.seek(span.start)
        left = span.end - span.start
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
    if fault is None or fault.kind not in ("cut", "hang", "truncated"):
        return None
    return int(fault.number("at", (span.end - span.start) // 2))


def _failure(call: Call, headers: dict[str, str] | None = None) -> Refusal:
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
        raise _failure(call, {"Content-Range": f"bytes */{size}", "ETag": etag})
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
