"""Assets, their files, trash and listings, with what each version leaves out.

Foreign and unknown ids are 400 `Not found or no … access`, never 404 (recorded). Pages of a search
are ordered by date alone, so equal dates may repeat and go missing, as on the real servers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp import web

from .albums import own_album
from .answers import Refusal, answer, asset_answer, members, nothing
from .server import Call, Routes
from .store import Asset
from .versions import VIDEOS

DELETE_JOB_SECONDS = 0.3
"""A delete for good is done by a job a moment later; until then checks still find the asset."""


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/assets/statistics", asset_statistics, permission="asset.statistics")
    add("GET", "/assets/{id}", show_asset, permission="asset.read")
    add("GET", "/assets/{id}/original", original, name="original", permission="asset.download")
    add("GET", "/assets/{id}/thumbnail", original, permission="asset.view")
    add("DELETE", "/assets", delete_assets, permission="asset.delete")
    add("PUT", "/assets", update_assets, permission="asset.update")
    add("POST", "/trash/restore/assets", restore, permission="asset.delete")
    add("POST", "/search/metadata", search, name="search", permission="asset.read")
    add("POST", "/search/statistics", count, permission="asset.statistics")
    add("POST", "/download/info", download_info, permission="asset.download")


def own_asset(call: Call, asset_id: str, access: str) -> Asset:
    asset = call.store.assets.get(asset_id)
    if asset is None or asset.owner != call.user.id or asset.id in call.store.dying:
        raise Refusal(400, f"Not found or no {access} access")
    return asset


def own_assets(call: Call, ids: Iterable[str], access: str) -> list[Asset]:
    """All or nothing: one foreign id refuses the whole call (recorded)."""
    return [own_asset(call, asset_id, access) for asset_id in ids]


async def asset_statistics(call: Call) -> web.StreamResponse:
    """Timeline and archive, not hidden, locked or trashed (recorded)."""
    shown = [
        os.path.splitext(asset.name)[1].lower() in VIDEOS
        for asset in call.store.assets.values()
        if asset.owner == call.user.id
        and not asset.trashed
        and asset.visibility in ("timeline", "archive")
    ]
    videos = sum(shown)
    return answer({"images": len(shown) - videos, "videos": videos, "total": len(shown)})


async def show_asset(call: Call) -> web.StreamResponse:
    asset = own_asset(call, call.request.match_info["id"], "asset.read")
    if asset.visibility == "locked":
        raise Refusal(400, "Not found or no asset.read access")
    return answer(asset_answer(call.release, call.store, asset))


async def original(call: Call) -> web.StreamResponse:
    """The stored bytes, with single ranges; failures are 500 in 2.x and 404 in 3.x."""
    fault = call.release.file_error
    text = "Not Found" if fault == 404 else "Internal server error"
    try:
        asset = own_asset(call, call.request.match_info["id"], "asset.download")
    except Refusal:
        if fault == 404:
            raise Refusal(404, "Not Found") from None
        raise
    path = call.store.path_of(asset.id)
    if not os.path.exists(path):
        raise Refusal(fault, text)
    status = os.stat(path)
    etag = f'W/"{status.st_size:x}-{int(status.st_mtime * 1000):x}"'
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Content-Type": "application/octet-stream",
        "Cache-Control": "private, max-age=86400, no-transform",
    }
    start, end = 0, status.st_size
    span = call.request.headers.get("Range", "")
    if_range = call.request.headers.get("If-Range", etag)
    code = 200
    if span.startswith("bytes=") and "," not in span and if_range == etag:
        first, _, last = span[6:].partition("-")
        start = int(first) if first else max(0, status.st_size - int(last))
        end = min(status.st_size, int(last) + 1) if first and last else status.st_size
        if start >= status.st_size or start >= end:
            response = answer({"message": text}, fault)
            response.headers["Content-Range"] = f"bytes */{status.st_size}"
            return response
        code = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{status.st_size}"
    response2 = web.StreamResponse(status=code, headers=headers)
    response2.content_length = end - start
    await response2.prepare(call.request)
    with open(path, "rb") as file:  # noqa: ASYNC230 - from the page cache, a MiB at a time
        file.seek(start)
        left = end - start
        while left > 0 and (chunk := file.read(min(left, 1 << 20))):
            await response2.write(chunk)
            left -= len(chunk)
    await response2.write_eof()
    return response2


async def delete_assets(call: Call) -> web.StreamResponse:
    body = await call.json()
    assets = own_assets(call, body.get("ids", []), "asset.delete")
    store = call.store
    if body.get("force"):
        store.dying.update(asset.id for asset in assets)
        call.box.later(DELETE_JOB_SECONDS, lambda: store.delete(assets))
    else:
        for asset in assets:
            asset.trashed = True
        store.save(*assets)
    return nothing()


async def update_assets(call: Call) -> web.StreamResponse:
    body = await call.json()
    assets = own_assets(call, body.get("ids", []), "asset.update")
    for asset in assets:
        asset.favorite = body.get("isFavorite", asset.favorite)
        asset.visibility = body.get("visibility", asset.visibility)
    if assets:
        call.store.save(*assets)
    return nothing()


async def restore(call: Call) -> web.StreamResponse:
    assets = own_assets(call, (await call.json()).get("ids", []), "asset.delete")
    trashed = [asset for asset in assets if asset.trashed]
    for asset in trashed:
        asset.trashed = False
    if trashed:
        call.store.save(*trashed)
    return answer({"count": len(trashed)})


def matching(call: Call, body: dict[str, Any]) -> list[Asset]:
    """Assets of a metadata search, newest first."""
    wanted = body.get("visibility")
    shown = {"timeline"} if call.release.search_timeline_only else {"timeline", "archive", "hidden"}
    if wanted is not None:
        shown = {wanted}
    albums = [call.store.albums.get(a) for a in body.get("albumIds", [])]
    name = body.get("originalFileName", "").lower()
    found = [
        asset
        for asset in call.store.assets.values()
        if asset.owner == call.user.id
        and asset.visibility in shown
        and (body.get("withDeleted") or not asset.trashed)
        and ("isFavorite" not in body or asset.favorite == body["isFavorite"])
        and all(album is not None and asset.id in album.assets for album in albums)
        and name in asset.name.lower()
    ]
    return sorted(found, key=lambda asset: asset.created, reverse=body.get("order") != "asc")


async def search(call: Call) -> web.StreamResponse:
    body = await call.json()
    size, page = body.get("size", 250), body.get("page", 1)
    if not 1 <= size <= 1000:
        raise Refusal(400, ["size must not be greater than 1000"])
    found = matching(call, body)
    start = (page - 1) * size
    items = found[start : start + size]
    if page > 1 and items and items[0].created == found[start - 1].created:
        items[0] = found[start - 1]  # no tie-break: a page repeats one and misses one (recorded)
    return answer(
        {
            "albums": {"total": 0, "count": 0, "items": [], "facets": []},
            "assets": {
                "total": len(items),
                "count": len(items),
                "facets": [],
                "items": [
                    asset_answer(call.release, call.store, a, exif=bool(body.get("withExif")))
                    for a in items
                ],
                "nextPage": str(page + 1) if start + size < len(found) else None,
            },
        }
    )


async def count(call: Call) -> web.StreamResponse:
    return answer({"total": len(matching(call, await call.json()))})


async def download_info(call: Call) -> web.StreamResponse:
    """Ids and sizes, unpaged: with a tiny `archiveSize` one archive per asset (201, recorded)."""
    body = await call.json()
    if "albumId" in body:
        assets: Sequence[Asset] = members(
            call.store, own_album(call, body["albumId"], "album.read")
        )
    elif "userId" in body:
        assets = [
            a
            for a in call.store.assets.values()
            if a.owner == call.user.id and not a.trashed and a.visibility != "hidden"
        ]
    else:
        assets = own_assets(call, body.get("assetIds", []), "asset.download")
    limit = body.get("archiveSize", 4 << 30)
    archives: list[dict[str, Any]] = []
    for asset in assets:
        if not archives or archives[-1]["size"] >= limit:
            archives.append({"size": 0, "assetIds": []})
        archives[-1]["size"] += asset.size
        archives[-1]["assetIds"].append(asset.id)
    return answer({"totalSize": sum(a.size for a in assets), "archives": archives}, 201)
