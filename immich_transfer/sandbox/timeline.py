"""`/timeline/buckets` and `/timeline/bucket`, and `POST /download/info`: the complete listings.

A bucket is a month; its assets come as columns, ids without names, sizes and checksums.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from aiohttp import web

from .answers import Issue, Refusal, answer, invalid
from .app import Call, Routes
from .checking import field, ids_of, required, visibility_of
from .rows import Asset
from .sight import COUNTED, album_for, members, need, readable
from .versions import is_video

ARCHIVE_BYTES = 4 << 30
"""Default size at which `download/info` begins another archive."""


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/timeline/buckets", buckets, name="timeline", permission="asset.read")
    add("GET", "/timeline/bucket", bucket, name="timeline", permission="asset.read")
    add("POST", "/download/info", info, name="download-info", permission="asset.download")


async def buckets(call: Call) -> web.StreamResponse:
    months = _months(call)
    order = sorted(months, reverse=call.request.query.get("order") != "asc")
    return answer([{"timeBucket": f"{month}-01", "count": len(months[month])} for month in order])


async def bucket(call: Call) -> web.StreamResponse:
    month = call.request.query.get("timeBucket")
    if month is None:
        old, new = "timeBucket must be a string", "Invalid input: expected string"
        raise invalid(Issue(("timeBucket",), old, new))
    found = sorted(
        _months(call).get(month[:7], []),
        key=lambda asset: asset.created,
        reverse=call.request.query.get("order") != "asc",
    )
    me, nothing = call.user.id, [None] * len(found)
    duration = "0:00:00.00000" if call.release.duration_text else None
    columns: dict[str, list[Any]] = {
        "id": [asset.id for asset in found],
        "ownerId": [asset.owner for asset in found],
        "fileCreatedAt": [asset.created for asset in found],
        "localOffsetHours": [0] * len(found),
        "visibility": [asset.visibility for asset in found],
        "isFavorite": [asset.favorite and asset.owner == me for asset in found],
        "isImage": [not is_video(asset.name) for asset in found],
        "isTrashed": [asset.trashed for asset in found],
        "livePhotoVideoId": [asset.live_video for asset in found],
        "duration": [duration if is_video(asset.name) else None for asset in found],
        "ratio": [1] * len(found),
        "thumbhash": nothing,
        "projectionType": nothing,
        "city": nothing,
        "country": nothing,
    }
    if not call.release.device_ids:
        columns["createdAt"] = [asset.added for asset in found]
    return answer(columns)


def _months(call: Call) -> dict[str, list[Asset]]:
    """What the timeline shows, by month."""
    query = {k: v for k, v in call.request.query.items() if k not in ("timeBucket", "order")}
    # Who may see an album may change without a change of its assets, but not without a save.
    question = ("timeline", call.user.id, *sorted(query.items()))
    return call.store.remember(question, lambda: _by_month(_shown(call)))


def _by_month(assets: list[Asset]) -> dict[str, list[Asset]]:
    months: defaultdict[str, list[Asset]] = defaultdict(list)
    for asset in assets:
        months[asset.created[:7]].append(asset)
    return months


def _shown(call: Call) -> list[Asset]:
    """What the timeline shows: timeline and archive, of an album or of the caller."""
    query, store = call.request.query, call.store
    visibility = visibility_of(dict(query))
    if visibility == "locked":
        raise Refusal(401, "Elevated permission is required")
    shown = COUNTED if visibility is None else {visibility}
    trashed = query.get("isTrashed") == "true"
    if "albumId" in query:
        album = album_for(call, query["albumId"], "album.read", "owner", "editor", "viewer")
        found = members(store, album, shown, trashed=trashed)
    else:
        me = call.user.id
        found = [
            asset
            for asset in store.assets.values()
            if asset.owner == me
            and asset.visibility in shown
            and asset.trashed == trashed
            and asset.id not in store.dying
        ]
    if "isFavorite" in query:
        favorite = query["isFavorite"] == "true"
        found = [asset for asset in found if asset.favorite == favorite]
    if query.get("withStacked") == "true":
        below = {asset for stack in store.stacks.values() for asset in list(stack.assets)[1:]}
        found = [asset for asset in found if asset.id not in below]
    return found


async def info(call: Call) -> web.StreamResponse:
    """Ids and sizes, unpaged: with `archiveSize` 1 one archive per asset (201, recorded)."""
    body = await call.json()
    limit = field(body, "archiveSize", int, ARCHIVE_BYTES)
    if limit < 1:
        new = "Too small: expected number to be >=1"
        old = "archiveSize must not be less than 1"
        raise invalid(Issue(("archiveSize",), old, new, "too_small"))
    assets = _asked(call, body)
    there = {asset.id for asset in assets}
    for asset in list(assets):
        video = call.store.assets.get(asset.live_video or "")
        if video is not None and video.id not in there:
            assets.append(video)
            there.add(video.id)
    archives: list[dict[str, Any]] = []
    size, ids = 0, list[str]()
    for asset in reversed(assets):  # not the order asked (recorded)
        size += asset.size
        ids.append(asset.id)
        if size > limit:
            archives.append({"size": size, "assetIds": ids})
            size, ids = 0, []
    if ids:
        archives.append({"size": size, "assetIds": ids})
    return answer({"totalSize": sum(a.size for a in assets), "archives": archives}, 201)


def _asked(call: Call, body: dict[str, Any]) -> list[Asset]:
    store, me = call.store, call.user.id
    if "assetIds" in body:
        ids = ids_of(call.release, body, "assetIds")
        return [need(readable(call, i), "asset.download") for i in ids]
    if "albumId" in body:
        album_id = required(body, "albumId", str)
        album = album_for(call, album_id, "album.download", "owner", "editor", "viewer")
        return members(store, album, [*COUNTED, "hidden"])
    if "userId" in body:
        if body["userId"] != me:
            raise Refusal(400, "Not found or no timeline.download access")
        return [
            asset
            for asset in store.assets.values()
            if asset.owner == me
            and not asset.trashed
            and asset.visibility != "hidden"
            and asset.id not in store.dying
        ]
    raise Refusal(400, "assetIds, albumId, or userId is required")
