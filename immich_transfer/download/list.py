"""First stage: list everything that is meant, and prove by the server's own count that it is all.

An album before 3.0 comes whole in one answer. From 3.0 on, and for the library everywhere, the
timeline tells the ids (recorded: complete, and its buckets carry their counts), searches tell what
the ids are, and the gaps are asked for one by one. A list that disagrees with the count is made
again; if it still does, the run goes on with what it has, ends with 3, and removes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from immich_transfer.errors import ItemError
from immich_transfer.immich.compat import ALBUMS_HOLD_ASSETS, VISIBILITY
from immich_transfer.immich.listing import album_filter
from immich_transfer.manifest.catalog import Member
from immich_transfer.model import AssetId, RemoteAsset

from .run import DownloadRun, Source

TRIES = 2
MONTHS_AT_ONCE = 4
ASKED_AT_ONCE = 8
"""`GET /assets/{id}` takes 4.5 ms of the server's single thread (recorded)."""
MANY_VIDEOS = 200
"""From here on one search for hidden assets is cheaper than asking for each live video."""
_EXIF_FIELDS = ("make", "model", "city", "state", "country")


async def list_sources(run: DownloadRun) -> None:
    """Fill the catalog. Raises ServerUnavailable when a list cannot be had at all."""
    for source in run.sources:
        if run.stopping:
            return
        if source.gone:
            continue
        for _ in range(TRIES):
            await run.in_thread(run.catalog.forget_members, source.number)
            told, found = await _list(run, source)
            if told is None or told == found or run.stopping:
                break
        else:
            source.complete = False
            run.note(
                f"{source.title}: the server counts {told:,} assets but lists {found:,}; "
                "what is listed is fetched, nothing is removed"
            )
    await _fill(run)


async def _list(run: DownloadRun, source: Source) -> tuple[int | None, int]:
    """List one source once: the server's own count (None: it has none), and ours."""
    if source.kind == "library":
        return await _timeline(run, source)
    if source.album_id is None:
        return await _search(run, source)
    album = await run.listing.album(source.album_id)
    if album is None:
        # It was listed a moment ago: what cannot be shown is not proven to be gone.
        source.complete = False
        run.note(f"{source.title}: listed, but the server cannot show it; nothing is removed")
        return None, 0
    if run.connection.release >= ALBUMS_HOLD_ASSETS:
        told, found = await _timeline(run, source)
        return (album.asset_count if told == found else told), found

    async def keep(assets: list[RemoteAsset]) -> None:
        await _keep(run, source, [asset for asset in assets if not asset.trashed])

    await run.listing.album_assets(album, keep)
    return album.asset_count, await run.in_thread(run.catalog.count, source.number)


async def _keep(run: DownloadRun, source: Source, assets: Sequence[RemoteAsset]) -> None:
    """Assets that are members, with what is known of them."""
    members = [Member(asset.id) for asset in assets]
    members += (Member(a.live_video, a.id, direct=False) for a in assets if a.live_video)
    await run.in_thread(run.catalog.add_members, source.number, members)
    await run.in_thread(run.catalog.add_assets, assets)


async def _timeline(run: DownloadRun, source: Source) -> tuple[int, int]:
    """Ids by month, then what they are."""
    months = await run.listing.months(source.album_id)
    me = run.connection.user.id if run.connection.user is not None else None
    room = asyncio.Semaphore(MONTHS_AT_ONCE)

    async def one(bucket: str) -> None:
        async with room:  # until it is stored: a quick server would fill the memory with months
            shown = await run.listing.month(bucket, source.album_id)
            if source.album_id is None and me is not None:
                shown = [row for row in shown if row.owner in ("", me)]
            members = [Member(row.asset_id) for row in shown]
            members += (
                Member(row.live_video, row.asset_id, direct=False)
                for row in shown
                if row.live_video
            )
            await run.in_thread(run.catalog.add_members, source.number, members)

    async with asyncio.TaskGroup() as group:
        for month in months:
            group.create_task(one(month.time_bucket))
    told = sum(month.count for month in months)
    found = await run.in_thread(run.catalog.count, source.number)
    if told == found:
        await _describe(run, source, told)
    return told, found


async def _describe(run: DownloadRun, source: Source, count: int) -> None:
    """What the members are, by searches: quick, if not proven to be complete."""

    async def keep(assets: list[RemoteAsset]) -> None:
        await run.in_thread(run.catalog.add_assets, assets, wanted_only=True)

    exif = needs_exif(run, source)
    if not exif:
        await _size(run, source, count)
    if source.album_id is not None:
        await run.listing.search(album_filter(source.album_id), keep, exif=exif)
    elif run.connection.release >= ALBUMS_HOLD_ASSETS:
        await run.listing.search({}, keep, exif=exif)  # all but locked ones (recorded on 3.0.3)
    elif run.connection.release >= VISIBILITY:
        for visibility in ("timeline", "archive"):
            await run.listing.search({"visibility": visibility}, keep, exif=exif)
    else:
        await run.listing.search({"withArchived": True}, keep, exif=exif)


async def _size(run: DownloadRun, source: Source, count: int) -> None:
    """How many bytes there are, in one request instead of with every page."""

    async def keep(sizes: list[tuple[AssetId, int]]) -> None:
        await run.in_thread(run.catalog.add_sizes, sizes)

    user = run.connection.user
    if source.album_id is not None:
        await run.archives.sizes(count, keep, album_id=source.album_id)
    elif user is not None:
        await run.archives.sizes(count, keep, user_id=user.id)


def needs_exif(run: DownloadRun, source: Source) -> bool:
    """Searches are six times slower with it (recorded), so only a layout that asks gets it."""
    return any(f"{{{field}}}" in source.layout.text for field in _EXIF_FIELDS)


async def _search(run: DownloadRun, source: Source) -> tuple[int | None, int]:
    """A search is its own list of ids; the server counts the same search."""
    me = run.connection.user.id if run.connection.user is not None else None
    foreign: set[AssetId] = set()

    async def keep(assets: list[RemoteAsset]) -> None:
        # Partners' assets are mixed in and counted, too, but are not ours to keep.
        own = [asset for asset in assets if me is None or asset.owner in ("", me)]
        foreign.update({asset.id for asset in assets}.difference(asset.id for asset in own))
        await _keep(run, source, own)

    told: int | None = None
    for filters in source.searches:
        if source.smart is not None:
            limit = run.options.selection.limit
            await run.listing.smart(source.smart, limit, filters, keep)
            continue
        await run.listing.search(filters, keep, exif=True)
        count = await run.listing.count(filters)
        if count is not None:
            told = count + (told or 0)
    found = await run.in_thread(run.catalog.count, source.number)
    return told, found + len(foreign)


async def _fill(run: DownloadRun) -> None:
    """Ask for what the lists left unknown: gaps of the searches, and videos of live photos."""
    unknown = await run.in_thread(run.catalog.unknown_count)
    if unknown > MANY_VIDEOS and VISIBILITY <= run.connection.release < ALBUMS_HOLD_ASSETS:

        async def keep(assets: list[RemoteAsset]) -> None:
            await run.in_thread(run.catalog.add_assets, assets, wanted_only=True)

        await run.listing.search({"visibility": "hidden"}, keep, exif=False)
    left = 0
    room = asyncio.Semaphore(ASKED_AT_ONCE)
    while not run.stopping:
        ids = await run.in_thread(run.catalog.unknown)
        if not ids:
            break
        found: list[RemoteAsset] = []
        gone: list[AssetId] = []

        async def ask(asset_id: AssetId, found: list[RemoteAsset], gone: list[AssetId]) -> None:
            async with room:
                if run.stopping:
                    return
                try:
                    asset = await run.listing.asset(asset_id)
                except ItemError as error:
                    gone.append(asset_id)
                    for source in run.sources:
                        source.complete = False
                    run.fail_unlisted(asset_id, error)
                    return
            if asset is None or asset.trashed:
                gone.append(asset_id)
            else:
                found.append(asset)

        async with asyncio.TaskGroup() as group:
            for asset_id in ids:
                group.create_task(ask(asset_id, found, gone))
        await run.in_thread(run.catalog.add_assets, found)
        await run.in_thread(run.catalog.remove_members, gone)
        left += len(gone)
    if left:
        run.note(f"{left:,} assets left the server, or are out of reach, since they were listed")
