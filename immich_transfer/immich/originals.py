"""The bytes of an asset, as they were uploaded: `GET /assets/{id}/original`."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from immich_transfer.errors import ConnectionFailed
from immich_transfer.model import AssetId

from .connect import Connection

if TYPE_CHECKING:
    import aiohttp

NEAR_SECONDS = 0.0005
NEAR_WINDOW = 256 << 10
"""A line this short carries 500 MB/s through such a window; without it the system takes up to 6 MiB
ahead of us (measured on loopback: 2.2-2.6 MB a transfer lost by a kill)."""
RTT_AT = 68
"""Offset of `tcpi_rtt`, in microseconds, in Linux's `struct tcp_info`."""
SLACK = 64 << 10
"""A body may be this much longer than listed before we stop reading: enough to see that it is."""


class Body(NamedTuple):
    """An original on its way to us."""

    status: int
    content_range: str | None
    content_length: int | None
    validator: str | None
    """ETag, or the date of the last change: what If-Range takes (recorded: both)."""
    pieces: AsyncIterator[bytes]


class Originals:
    """The download calls of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._http = connection.http

    async def read(self, asset_id: AssetId, size: int) -> bytes | memoryview:
        """One attempt to get a small original of this size whole, in memory. Raises as
        `Attempts.fetch` does."""
        headers, body = await self._http.fetch(_path(asset_id), size + SLACK)
        _must_be_photo(headers.get("Content-Type", ""))
        return body

    @asynccontextmanager
    async def open(
        self,
        asset_id: AssetId,
        *,
        offset: int = 0,
        validator: str | None = None,
        window: int | None = None,
    ) -> AsyncIterator[Body]:
        """One attempt, from `offset` on if the file still is the one with `validator`. The system
        takes about `window` bytes ahead of who reads; None leaves that to it.

        Raises as `Attempts.open` does; `RangeRefused` when the file ends at `offset` or before.
        """
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if validator is not None:
                headers["If-Range"] = validator
        path = _path(asset_id)
        async with self._http.open(path, headers=headers) as response:
            if response.status not in (200, 206):
                raise ConnectionFailed(f"answered with {response.status} instead of the photo")
            _must_be_photo(response.content_type)
            _narrow(response, window)
            answered = response.headers
            yield Body(
                response.status,
                answered.get("Content-Range"),
                response.content_length,
                answered.get("ETag") or answered.get("Last-Modified"),
                self._http.pieces(response.content),
            )


def _path(asset_id: AssetId) -> str:
    return f"assets/{quote(asset_id, safe='')}/original"


def _narrow(response: aiohttp.ClientResponse, window: int | None) -> None:
    """Megabytes that wait in the system are lost by a crash and have to come again. Who reads
    slowly on purpose names a `window`; a neighbour needs no large one either, for what it sends is
    here at once. On a longer line the system knows best."""
    connection = response.connection
    transport = connection.transport if connection is not None else None
    found = transport.get_extra_info("socket") if transport is not None else None
    if found is None:
        return
    with suppress(OSError, struct.error):
        if window is None and _round_trip(found) < NEAR_SECONDS:
            window = NEAR_WINDOW
        if window is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)


def _round_trip(found: socket.socket) -> float:
    """Seconds, as the system measured them (Linux); for ever where it does not tell."""
    if not hasattr(socket, "TCP_INFO"):
        return float("inf")
    told = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RTT_AT + 4)
    (microseconds,) = struct.unpack_from("=I", told, RTT_AT)
    return float(microseconds) / 1e6


def _must_be_photo(content_type: str) -> None:
    """Raises ConnectionFailed for a proxy's login page and the like; no photo has these types."""
    if content_type.startswith(("text/html", "application/json")):
        raise ConnectionFailed("answered with something that is not the photo")
