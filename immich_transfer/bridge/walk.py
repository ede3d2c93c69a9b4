"""Every asset of the library or an album, streamed and complete, whatever the dates are.

The timeline tells the ids of a month (recorded: complete), a search within that month what they
are, and what the search missed is asked for one by one. So the memory a list takes is that of its
fullest month, and its order is the months', newest first. Albums before 3.0 come whole in one
answer, which is read in pieces.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import date, timedelta
from typing import Any

from immich_transfer.errors import ServerRefused
from immich_transfer.immich.asset_answers import AssetAnswer
from immich_transfer.immich.compat import ALBUMS_HOLD_ASSETS, VISIBILITY
from immich_transfer.immich.listing import Keep, Listing, album_filter, array_of_album
from immich_transfer.immich.reading import decode
from immich_transfer.model import AssetId

from .answers import AssetWire, SearchWire
from .calls import path_of
from .models import Asset
from .streams import pump

ASKED_AT_ONCE = 8
"""`GET /assets/{id}` takes 4.5 ms of the server's single thread (recorded)."""
_MARGIN = timedelta(days=1)
"""Months are of local time, searches of instants: no zone is further from UTC than this."""
_FIRST = date(1, 1, 2)


class FullListing(Listing):
    """The lists of the engine, with every field that an answer tells: what it keeps is `Asset`."""

    async def _answers(
        self, body: Mapping[str, Any], route: str = "search/metadata"
    ) -> tuple[list[AssetAnswer], bool]:
        answer = await self._http.call("POST", route, SearchWire, json=body, what="listing assets")
        return [*answer.assets.items], answer.assets.next_page is not None

    async def asset(self, asset_id: AssetId) -> Asset | None:
        """`GET /assets/{id}`, tags and people included; None when it is gone or not ours to see."""

        async def attempt(_: int) -> Asset:
            _status, body = await self._http.once("GET", path_of("assets", asset_id))
            return decode(body, AssetWire).remote()

        try:
            return await self._persist(attempt, f"asking for asset {asset_id}")
        except ServerRefused as refusal:
            if refusal.status in (400, 404):
                return None
            raise

    # streams

    async def whole(
        self, *, album_id: str | None = None, owner: str | None = None, details: bool = False
    ) -> AsyncGenerator[Asset, None]:
        """Every asset of the library or of an album that is not in the trash, once, archived ones
        included; only those of `owner`, if given."""
        if album_id is not None and self._release < ALBUMS_HOLD_ASSETS:
            async with aclosing(self._album_answer(album_id)) as found:
                async for asset in found:
                    yield asset
            return
        for month in await self.months(album_id):
            rows = await self.month(month.time_bucket, album_id)
            wanted = {row.asset_id for row in rows if owner is None or row.owner in ("", owner)}
            for filters in self._within(month.time_bucket, album_id):
                if not wanted:
                    break
                async with aclosing(self.matches(filters, details=details)) as found:
                    async for asset in found:
                        if asset.id in wanted:
                            wanted.discard(asset.id)
                            yield asset
            async with aclosing(self._missed(sorted(wanted))) as missed:
                async for asset in missed:
                    yield asset

    async def matches(
        self, filters: Mapping[str, Any], *, details: bool = False
    ) -> AsyncGenerator[Asset, None]:
        """What a metadata search finds, newest first, once."""

        def work(keep: Keep) -> Awaitable[None]:
            return self.search(filters, keep, exif=details)

        async with aclosing(_once(work)) as found:
            async for asset in found:
                yield asset

    async def ranked(
        self, query: str, limit: int, filters: Mapping[str, Any], *, details: bool = False
    ) -> AsyncGenerator[Asset, None]:
        """The best matches of a smart search, the best first."""

        def work(keep: Keep) -> Awaitable[None]:
            return self.smart(query, limit, {**filters, "withExif": details}, keep)

        async with aclosing(_once(work)) as found:
            async for asset in found:
                yield asset

    async def _album_answer(self, album_id: str) -> AsyncGenerator[Asset, None]:
        def work(keep: Keep) -> Awaitable[None]:
            async def convert(answers: list[AssetWire]) -> None:
                await keep([answer.remote() for answer in answers])

            return array_of_album(album_id).read(self._http, AssetWire, convert)

        async with aclosing(_once(work)) as found:
            async for asset in found:
                if not asset.trashed:
                    yield asset

    def _within(self, bucket: str, album_id: str | None) -> Iterator[dict[str, Any]]:
        """The searches that find the assets of a month and a little more."""
        first = date.fromisoformat(bucket[:10])
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        window = {
            "takenAfter": f"{first - _MARGIN if first > _FIRST else first}T00:00:00.000Z",
            "takenBefore": f"{following + _MARGIN}T00:00:00.000Z",
        }
        if album_id is not None:
            yield {**window, **album_filter(album_id)}
        elif self._release >= ALBUMS_HOLD_ASSETS:
            yield window  # all but locked ones (recorded on 3.0.3)
        elif self._release >= VISIBILITY:
            yield from ({**window, "visibility": kind} for kind in ("timeline", "archive"))
        else:
            yield {**window, "withArchived": True}

    async def _missed(self, ids: Sequence[AssetId]) -> AsyncGenerator[Asset, None]:
        """One by one what a search left out; what is gone meanwhile is left out, too."""
        for at in range(0, len(ids), ASKED_AT_ONCE):
            some = ids[at : at + ASKED_AT_ONCE]
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(self.asset(asset_id)) for asset_id in some]
            for task in asked:
                asset = task.result()
                if asset is not None and not asset.trashed:
                    yield asset


async def _once(work: Callable[[Keep], Awaitable[None]]) -> AsyncGenerator[Asset, None]:
    """Assets as they are kept, without those that come again."""
    seen: set[int] = set()
    async with aclosing(pump(work)) as batches:
        async for batch in batches:
            for asset in batch:
                number = _number(asset.id)
                if number not in seen:
                    seen.add(number)
                    assert isinstance(asset, Asset)
                    yield asset


def _number(asset_id: str) -> int:
    """An id in a quarter of its memory."""
    try:
        return int(asset_id.replace("-", ""), 16)
    except ValueError:
        return hash(asset_id)
