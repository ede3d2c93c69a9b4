"""The bytes of an asset, as they were uploaded: `GET /assets/{id}/original`."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple
from urllib.parse import quote

import aiohttp

from immich_transfer.errors import ConnectionFailed
from immich_transfer.model import AssetId

from .connect import Connection

SLACK = 64 << 10
"""A body may be this much longer than listed before we stop reading: enough to see that it is."""


class Body(NamedTuple):
    """An original on its way to us."""

    status: int
    content_range: str | None
    content_length: int | None
    validator: str | None
    """ETag, or the date of the last change: what If-Range takes (recorded: both)."""
    content: aiohttp.StreamReader


class Originals:
    """The download calls of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._http = connection.http

    async def read(self, asset_id: AssetId, size: int) -> bytes:
        """One attempt to get a small original of this size whole, in memory. Raises as
        `Http.fetch` does."""
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

        Raises as `Http.open` does; `RangeRefused` when the file ends at `offset` or before.
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
            if window is not None:
                _narrow(response, window)
            answered = response.headers
            yield Body(
                response.status,
                answered.get("Content-Range"),
                response.content_length,
                answered.get("ETag") or answered.get("Last-Modified"),
                response.content,
            )


def _path(asset_id: AssetId) -> str:
    return f"assets/{quote(asset_id, safe='')}/original"


def _narrow(response: aiohttp.ClientResponse, window: int) -> None:
    """Who reads slowly on purpose is not to have megabytes sent that wait in the system: a crash
    would lose them, and they would have to come again."""
    connection = response.connection
    transport = connection.transport if connection is not None else None
    found = transport.get_extra_info("socket") if transport is not None else None
    if found is not None:
        with suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)


def _must_be_photo(content_type: str) -> None:
    """Raises ConnectionFailed for a proxy's login page and the like; no photo has these types."""
    if content_type.startswith(("text/html", "application/json")):
        raise ConnectionFailed("answered with something that is not the photo")
