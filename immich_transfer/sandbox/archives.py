"""`POST /download/info`: ids and sizes of an album, a user or a list, in one answer."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .answers import Refusal, answer
from .app import Call, Routes
from .checking import ids_of, number_of, required
from .rows import Asset
from .sight import COUNTED, album_for, members, need, readable

ARCHIVE_BYTES = 4 << 30
"""Default size at which another archive begins."""


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("POST", "/download/info", info, name="download-info", permission="asset.download")


async def info(call: Call) -> web.StreamResponse:
    """Ids and sizes, unpaged: with `archiveSize` 1 one archive per asset (201, recorded)."""
    body = await call.json()
    limit = number_of(body, "archiveSize", ARCHIVE_BYTES, 1)
    assets = _asked(call, body)
    there = {asset.id for asset in assets}
    for asset in list(assets):
        video = call.store.assets.get(asset.live_video or "")
        if video is not None and video.id not in there:
            assets.append(video)
            there.add(video.id)
    assets = [*call.kept(assets)]
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
