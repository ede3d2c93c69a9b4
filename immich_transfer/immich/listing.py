"""Complete lists of assets, by whatever calls a server version needs for them.

Search pages have no tie-break: with equal dates they repeat and miss (recorded: 1.7 % of 100,000
missed at 1,000 a page). So a search is never paged by number here. It goes down by date, each
request asking for what is not newer than the last asset seen, so that every answer is a first page;
assets of one instant that do not fit in a page are split by when they were added.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from immich_transfer.errors import (
    ItemError,
    ServerRefused,
    Stumbled,
    Transient,
)
from immich_transfer.model import AssetId, RemoteAsset

from .arrays import Array
from .asset_answers import (
    AssetAnswer,
    BucketColumns,
    MonthAnswer,
    PeopleAnswer,
    SearchAnswer,
    StatisticsAnswer,
    instant,
    milliseconds,
)
from .compat import ALBUM_SEARCH, ALBUMS_HOLD_ASSETS, PEOPLE_PAGED, VISIBILITY
from .connect import Connection
from .paging import MOST_MONTHS, Pages, endless, lost, middle
from .reading import decode
from .verdicts import is_gone
from .wire import Album, Tag

T = TypeVar("T")

PAGE = 1000
"""The most a search answers at once (recorded: 1001 is a 400)."""
ASSET_BYTES = 1250
"""Of JSON for one (recorded: 20,000 are 25 MB)."""
OLDEST_MS = 0
"""Nothing was added to a server before 1970."""

Keep = Callable[[list[RemoteAsset]], Awaitable[None]]
"""What to do with assets as they come."""


class TimelineMember(msgspec.Struct, frozen=True, gc=False):
    """An id that the timeline shows."""

    asset_id: AssetId
    owner: str
    live_video: AssetId | None


class Listing:
    """The listing calls of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._http = connection.http
        self._release = connection.release

    # albums

    async def albums(self) -> list[Album]:
        """Every album the key's user can see, own and shared, in the order of ids."""
        seen = await self._http.call("GET", "albums", list[Album], what="listing albums")
        if self._release < ALBUMS_HOLD_ASSETS:
            # Before 3.0 the plain list holds one's own only (recorded on 2.7.5).
            seen += await self._http.call("GET", "albums?shared=true", list[Album])
        return [album for _, album in sorted({album.id: album for album in seen}.items())]

    async def album(self, album_id: str) -> Album | None:
        """One album without its assets; None when it is gone or was never ours to see."""
        path = f"albums/{quote(album_id, safe='')}"
        if self._release < ALBUMS_HOLD_ASSETS:
            path += "?withoutAssets=true"
        try:
            return await self._http.call("GET", path, Album)
        except ServerRefused:
            return None

    async def album_assets(self, album: Album, keep: Keep) -> None:
        """All assets of an album on a server before 3.0: `GET /albums/{id}` holds them in one
        answer, 20,000 in 25 MB. Told again from the start when the line breaks."""

        async def convert(answers: list[AssetAnswer]) -> None:
            await keep([answer.remote() for answer in answers])

        await array_of_album(album.id).read(
            self._http, AssetAnswer, convert, about=album.asset_count * ASSET_BYTES
        )

    # the timeline: complete, but with ids only

    async def months(self, album_id: str | None = None) -> list[MonthAnswer]:
        """How many assets the timeline and the archive show, by month (recorded: complete, for
        an album equal to its `assetCount`)."""
        told = await self._http.call(
            "GET", f"timeline/buckets?{self._timeline(album_id)}", list[MonthAnswer]
        )
        if len(told) > MOST_MONTHS:
            raise endless()
        return told

    async def month(self, bucket: str, album_id: str | None = None) -> list[TimelineMember]:
        """The ids of one month."""
        query = self._timeline(album_id, timeBucket=bucket)
        path = f"timeline/bucket?{query}"
        if self._release < VISIBILITY:
            # Whole assets in an array, before buckets became columns.
            answer = await self._http.call("GET", path, list[AssetAnswer])
            return [
                TimelineMember(asset.id, asset.owner, asset.live_video)
                for asset in (a.remote() for a in answer)
            ]
        columns = await self._http.call("GET", path, BucketColumns)
        rows = len(columns.id)
        owners = columns.owner_id or [""] * rows
        videos = columns.live_photo_video_id or [None] * rows
        return [
            TimelineMember(AssetId(i), owner, AssetId(video) if video else None)
            for i, owner, video in zip(columns.id, owners, videos, strict=True)
        ]

    def _timeline(self, album_id: str | None, **more: str) -> str:
        query = dict(more)
        if album_id is not None:
            query["albumId"] = album_id
        if self._release < VISIBILITY:
            query["size"] = "MONTH"
        return urlencode(query)

    # searching

    async def search(self, filters: Mapping[str, Any], keep: Keep, *, exif: bool) -> None:
        """Everything that matches, some of it more than once; see the head of this module."""
        body = {**filters, "size": PAGE, "withExif": exif}
        before: int | None = None
        pages = Pages(PAGE)
        while True:
            if before is not None:
                body["takenBefore"] = instant(before)
            items, more = await self._page(body, pages)
            await keep(items)
            if not more or not items:
                return
            last = items[-1].taken
            # Instants are shown in ms and kept in us: what shows as `last` may lie 1 ms behind it.
            if before is None or last + 1 < before:
                before = last + 1
                continue
            await self._tied(filters, last, keep, pages, exif=exif)
            older = {**filters, "takenAfter": instant(last - 1), "takenBefore": instant(last)}
            body_of_last = {**older, "size": PAGE, "withExif": exif, "order": "asc"}
            items, _ = await self._page(body_of_last, pages)
            await keep(items)
            before = last - 1

    async def _tied(
        self, filters: Mapping[str, Any], at: int, keep: Keep, pages: Pages, *, exif: bool
    ) -> None:
        """More than a page of assets taken at one instant: by when they were added, dividing the
        time until what was added in each piece fits in a page."""
        tied = {**filters, "takenAfter": instant(at), "takenBefore": instant(at + 1)}
        spans = [(OLDEST_MS, int(time.time() * 1000) + 86_400_000)]
        while spans:
            first, last = spans.pop()
            window = {"createdAfter": instant(first), "createdBefore": instant(last)}
            body = {**tied, **window, "size": PAGE, "withExif": exif}
            found, more = await self._answers(body)
            pages.saw([asset.id for asset in found], more=more)
            await keep([asset.remote() for asset in found])
            if not more:
                continue
            if last - first > 1:
                parted = middle(first, last, [milliseconds(a.created_at) for a in found])
                spans += [(first, parted), (parted, last)]
                continue
            # Added in the very same instant, too: pages by number are all there is. What they
            # miss is found by the caller's count.
            number = 2
            while more and found:
                items, more = await self._page({**body, "page": number}, pages)
                await keep(items)
                number += 1

    async def smart(self, query: str, limit: int, filters: Mapping[str, Any], keep: Keep) -> None:
        """The `limit` best matches of the server's own search (`POST /search/smart`)."""
        number, left = 1, limit
        size = min(PAGE, limit)
        pages = Pages(size)
        while left > 0:
            body = {**filters, "query": query, "size": size, "page": number}
            items, more = await self._page(body, pages, "search/smart")
            await keep(items[:left])
            left -= len(items)
            number += 1
            if not more:
                return

    async def _page(
        self, body: Mapping[str, Any], pages: Pages, route: str = "search/metadata"
    ) -> tuple[list[RemoteAsset], bool]:
        found, more = await self._answers(body, route)
        pages.saw([asset.id for asset in found], more=more)
        return [asset.remote() for asset in found], more

    async def _answers(
        self, body: Mapping[str, Any], route: str = "search/metadata"
    ) -> tuple[list[AssetAnswer], bool]:
        answer = await self._http.call(
            "POST", route, SearchAnswer, json=body, what="listing assets"
        )
        return answer.assets.items, answer.assets.next_page is not None

    async def count(self, filters: Mapping[str, Any]) -> int | None:
        """The server's own count of a search, of one's own assets only; None when this server or
        key cannot tell (`POST /search/statistics`, >= 1.135, `asset.statistics`)."""
        if self._release < ALBUM_SEARCH or self._connection.missing("asset.statistics"):
            return None
        answer = await self._http.call(
            "POST", "search/statistics", StatisticsAnswer, json=dict(filters)
        )
        return answer.total

    # one by one, and by name

    async def asset(self, asset_id: AssetId) -> RemoteAsset | None:
        """`GET /assets/{id}`; None when it is gone, locked or not ours to see."""

        async def attempt(_: int) -> RemoteAsset:
            _status, body = await self._http.once("GET", f"assets/{quote(asset_id, safe='')}")
            return decode(body, AssetAnswer).remote()

        try:
            return await self._persist(attempt, f"asking for asset {asset_id}", stumbling=True)
        except Stumbled as failure:
            raise ItemError(failure.message) from None
        except ServerRefused as refusal:
            if is_gone(refusal):
                return None
            raise

    async def people(self) -> dict[str, str]:
        """Ids of people by id and by name; of equal names the first counts."""
        found: dict[str, str] = {}
        number = 1
        pages = Pages(PAGE)
        while True:
            query = "withHidden=true"
            if self._release >= PEOPLE_PAGED:
                query += f"&page={number}&size={PAGE}"
            answer = await self._http.call("GET", f"people?{query}", PeopleAnswer)
            pages.saw([person.id for person in answer.people], more=answer.has_next_page)
            for person in answer.people:
                found.setdefault(person.name, person.id)
                found[person.id] = person.id
            if not answer.has_next_page or not answer.people:
                return found
            number += 1

    async def tags(self) -> dict[str, str]:
        """Ids of tags by their full paths."""
        tags = await self._http.call("GET", "tags", list[Tag])
        return {tag.value: tag.id for tag in tags}

    async def _persist(
        self, attempt: Callable[[int], Awaitable[T]], what: str, *, stumbling: bool = False
    ) -> T:
        """Raises ServerUnavailable; with `stumbling` a Stumbled stays what it is."""
        try:
            return await self._http.persist(attempt, what)
        except Transient as failure:
            if stumbling and isinstance(failure, Stumbled):
                raise
            raise lost(what, failure) from None


def array_of_album(album_id: str) -> Array:
    """The assets of an album, in the answer of a server before 3.0."""
    return Array("listing an album", f"albums/{quote(album_id, safe='')}", "assets")


def album_filter(album_id: str) -> dict[str, Sequence[str]]:
    """The search that finds an album's assets, of all owners from 3.0 on."""
    return {"albumIds": [album_id]}
