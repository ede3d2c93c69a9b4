"""`GET /assets/{id}/original`: who gets which stored file, and what is wrong with it.

What one may not see, what is gone and what is missing on the disk are told apart in 2.x and all 404
in 3.x (recorded). How the bytes are sent stands in `sending`.

What left is counted by what the kernel says it sent, not by what it was given: a client that dies
leaves megabytes behind in the socket, and those moved nowhere.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

from aiohttp import web

from .answers import Refusal
from .app import Call, Routes
from .checking import one_of
from .faulting import on_name
from .rows import Asset
from .sending import failure, send
from .sight import readable

SENT_AT_LEAST = 64 << 10
"""Bodies up to this are counted whole: they leave at once."""
LOOK_SECONDS = 0.02
_SIZES: dict[str, tuple[int, ...]] = {
    "preview": (1,),
    "thumbnail": (1,),
    "fullsize": (1, 131),
    "original": (2, 5),
}
"""Of thumbnails, with the first version that has them."""


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/assets/{id}/original", original, name="original", permission="asset.download")
    add("GET", "/assets/{id}/thumbnail", thumbnail, name="thumbnail", permission="asset.view")


async def original(call: Call) -> web.StreamResponse:
    asset = _visible(call, "asset.download")
    await on_name(call, asset.name)
    if call.fault("gone"):
        call.store.delete([asset])
        _visible(call, "asset.download")
    if call.fault("missing"):
        raise failure(call)
    line = _Line(call)
    try:
        response = await send(call, call.store.path_of(asset), asset.name)
    except BaseException:
        line.ended(None)
        raise
    line.ended(response)
    return response


class _Sent(NamedTuple):
    """What the kernel says of a connection."""

    bytes: int
    closed: bool


class _Line:
    """Counts the bytes of one answer as they leave through its socket."""

    def __init__(self, call: Call) -> None:
        self._counters = call.box.counters
        self._silent = call.request.method == "HEAD"
        self._socket: socket.socket | None = None
        transport = call.request.transport
        found = transport.get_extra_info("socket") if transport is not None else None
        if found is not None:
            # Our own descriptor: the transport closes its own before we hear that the line broke.
            with suppress(OSError):
                self._socket = found.dup()
        before = self._look()
        self._before = before.bytes if before is not None else 0
        self._counted = 0
        self._length: int | None = None
        """Of the answer, once it was given to the socket."""
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_later(LOOK_SECONDS, self._tick)

    def ended(self, response: web.StreamResponse | None) -> None:
        """The answer was given to the socket, or broke off (None)."""
        self._next.cancel()
        now = self._look()
        if response is None:
            self._count(now.bytes - self._before if now is not None else 0)
            self._close()
            return
        self._length = 0 if self._silent else response.content_length or 0
        if self._length <= SENT_AT_LEAST or now is None:
            self._count(self._length)
            self._close()
        else:
            self._tick()

    def _tick(self) -> None:
        """Until all of it has left, or nothing more will."""
        now = self._look()
        if now is None:
            return
        left = now.bytes - self._before
        self._count(left if self._length is None else min(left, self._length))
        if self._length is not None and (left >= self._length or now.closed):
            self._close()
        else:
            self._next = self._loop.call_later(LOOK_SECONDS, self._tick)

    def _count(self, so_far: int) -> None:
        self._counters.original_bytes += so_far - self._counted
        self._counted = so_far

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _look(self) -> _Sent | None:
        """None where the system does not tell."""
        option = getattr(socket, "TCP_INFO", None)
        if self._socket is None or option is None:
            return None
        info = self._socket.getsockopt(socket.IPPROTO_TCP, option, 256)
        if len(info) < 216:
            return None
        sent, again = struct.unpack_from("QQ", info, 200)  # tcpi_bytes_sent, tcpi_bytes_retrans
        return _Sent(sent - again, closed=info[0] == 7)  # tcpi_state: TCP_CLOSE


async def thumbnail(call: Call) -> web.StreamResponse:
    """The original's bytes stand in for the thumbnail; there is none of an empty file."""
    asset = _visible(call, "asset.view")
    sizes = [size for size, first in _SIZES.items() if call.release.number >= first]
    one_of(call.request.query, "size", sizes)
    path = call.store.path_of(asset)
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        old = call.release.foreign_original == 400
        raise Refusal(404, "Asset media not found" if old else "Not Found")
    return await send(call, path, asset.name)


def _visible(call: Call, access: str) -> Asset:
    """The asset; what one may not see is 400 in 2.x and, like all of a download, 404 in 3.x."""
    asset = readable(call, call.id)
    if asset is not None:
        return asset
    status = call.release.foreign_original
    raise Refusal(status, "Not Found" if status == 404 else f"Not found or no {access} access")
