"""The bytes of one asset as a stream: originals that go on where a line broke, and thumbnails."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Literal

from immich_transfer.errors import (
    ItemError,
    ServerRefused,
    ServerUnavailable,
    Stumbled,
    Transient,
)
from immich_transfer.immich.attempts import RangeRefused
from immich_transfer.immich.compat import Version
from immich_transfer.immich.originals import Originals
from immich_transfer.model import AssetId

from .calls import Calls, no_such, path_of
from .streams import pump

Size = Literal["thumbnail", "preview", "fullsize"]

FULLSIZE = Version(1, 131, 0)
"""Thumbnails of the photo's own size."""

_Put = Callable[[bytes], Awaitable[None]]


class Bodies(Calls):
    """The calls that answer with a file."""

    async def original(self, asset_id: str) -> AsyncGenerator[bytes, None]:
        """An original as it was uploaded, in pieces (`GET /assets/{id}/original`, permission
        `asset.download`, on all versions).

        Goes on from where it was when the line breaks. Its end is the whole file's; who wants to
        be sure compares the SHA-1 with that of `assets.get`. Raises UsageError when there is no
        such asset.
        """
        self._need("asset.download", purpose="fetching an original")
        originals = Originals(self._connection)
        got = 0
        validator: str | None = None

        async def attempt(put: _Put) -> None:
            nonlocal got, validator
            try:
                async with originals.open(
                    AssetId(asset_id), offset=got, validator=validator
                ) as body:
                    if got and body.status != 206:
                        raise ItemError("the file changed on the server while it was read")
                    validator = body.validator
                    async for piece in body.pieces:
                        got += len(piece)
                        await put(piece)
            except RangeRefused as end:
                if end.size != got:
                    raise ItemError("the file changed on the server while it was read") from None

        async with aclosing(self._pieces(asset_id, attempt, "fetching an original")) as pieces:
            async for piece in pieces:
                yield piece

    async def thumbnail(self, asset_id: str, size: Size = "preview") -> AsyncGenerator[bytes, None]:
        """A picture made by the server, in pieces (`GET /assets/{id}/thumbnail`, permission
        `asset.view`): small as `thumbnail`, about 1440 pixels as `preview`, the photo's own size as
        `fullsize` (since 1.131).

        Where the original itself does for `fullsize` the server leads there, and it is fetched:
        permission `asset.download`. Raises UsageError when there is no such asset or picture.
        """
        self._need("asset.view", purpose="fetching a thumbnail")
        if size == "fullsize":
            self._since(FULLSIZE, "a thumbnail of full size")
        # A redirect, as to the original where that does for `fullsize`, is followed by the call.
        async with aclosing(self._picture(asset_id, size)) as pieces:
            async for piece in pieces:
                yield piece

    async def _picture(self, asset_id: str, size: Size) -> AsyncGenerator[bytes, None]:
        path = f"{path_of('assets', asset_id, 'thumbnail')}?size={size}"
        sent = 0

        async def attempt(put: _Put) -> None:
            # Small: one that broke is fetched again, and what was read already is passed over.
            nonlocal sent
            at = 0
            async with self._http.open(path, headers={"Accept-Encoding": "identity"}) as response:
                async for piece in self._http.pieces(response.content):
                    at += len(piece)
                    if at > sent:
                        fresh = piece[len(piece) - (at - sent) :]
                        sent = at
                        await put(fresh)

        async with aclosing(self._pieces(asset_id, attempt, "fetching a thumbnail")) as pieces:
            async for piece in pieces:
                yield piece

    async def _pieces(
        self, asset_id: str, attempt: Callable[[_Put], Awaitable[None]], what: str
    ) -> AsyncGenerator[bytes, None]:
        """A body, made again as often as any call is."""

        async def work(put: _Put) -> None:
            try:
                await self._http.persist(lambda _: attempt(put), what)
            except ServerRefused as refusal:
                no_such("file of an asset", asset_id, refusal)
            except Stumbled as failure:
                raise ItemError(f"{what} failed: {failure.message}") from None
            except Transient as failure:
                raise ServerUnavailable(
                    f"{what} failed: {failure.message}", hint="run the same command again later"
                ) from None

        async with aclosing(pump(work)) as pieces:
            async for piece in pieces:
                yield piece
