"""Albums and tags: names are not unique, results are per asset, and 3.x lists no assets.

Foreign and unknown ids are 400 `Not found or no … access`, never 404 (recorded).
"""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from .answers import Refusal, album_answer, answer, nothing
from .server import Call, Routes
from .store import Album, Tag


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/albums", list_albums, name="album-list", permission="album.read")
    add("POST", "/albums", create_album, name="albums", permission="album.create")
    add("GET", "/albums/{id}", show_album, name="albums", permission="album.read")
    add("DELETE", "/albums/{id}", delete_album, permission="album.delete")
    add(
        "PUT", "/albums/{id}/assets", add_to_album, name="album-add", permission="albumAsset.create"
    )
    add("DELETE", "/albums/{id}/assets", remove_from_album, permission="albumAsset.delete")
    add("GET", "/tags", list_tags, name="tags", permission="tag.read")
    add("PUT", "/tags", upsert_tags, name="tags", permission="tag.create")
    add("PUT", "/tags/{id}/assets", add_to_tag, name="tag-add", permission="tag.asset")


def own_album(call: Call, album_id: str, access: str) -> Album:
    album = call.store.albums.get(album_id)
    if album is None or album.owner != call.user.id:
        raise Refusal(400, f"Not found or no {access} access")
    return album


async def list_albums(call: Call) -> web.StreamResponse:
    return answer(
        [
            album_answer(call.release, call.store, album)
            for album in call.store.albums.values()
            if album.owner == call.user.id
        ]
    )


async def create_album(call: Call) -> web.StreamResponse:
    body = await call.json()
    if not isinstance(body.get("albumName"), str):
        raise Refusal(400, ["albumName must be a string"])
    album = Album(str(uuid.uuid4()), call.user.id, body["albumName"], body.get("description") or "")
    album.assets = dict.fromkeys(
        a
        for a in body.get("assetIds", [])
        if a in call.store.assets and call.store.assets[a].owner == call.user.id
    )
    call.store.save(album)
    return answer(album_answer(call.release, call.store, album, with_assets=True), 201)


async def show_album(call: Call) -> web.StreamResponse:
    album = own_album(call, call.request.match_info["id"], "album.read")
    whole = call.request.query.get("withoutAssets") != "true"
    return answer(album_answer(call.release, call.store, album, with_assets=whole))


async def delete_album(call: Call) -> web.StreamResponse:
    album = own_album(call, call.request.match_info["id"], "album.delete")
    call.store.remove_album(album)
    return nothing()


async def add_to_album(call: Call) -> web.StreamResponse:
    album_id = call.request.match_info["id"]
    if album_id not in call.store.albums:
        raise Refusal(400, "Album not found")
    album = own_album(call, album_id, "albumAsset.create")
    return await _put_in(call, album)


async def _put_in(call: Call, collection: Album | Tag) -> web.StreamResponse:
    """Per-id results: `duplicate` when in already, `no_permission` for what is not ours."""
    results: list[dict[str, Any]] = []
    for asset_id in (await call.json()).get("ids", []):
        asset = call.store.assets.get(asset_id)
        if asset_id in collection.assets:
            results.append({"id": asset_id, "success": False, "error": "duplicate"})
        elif asset is None or asset.owner != call.user.id:
            results.append({"id": asset_id, "success": False, "error": "no_permission"})
        else:
            collection.assets[asset_id] = None
            results.append({"id": asset_id, "success": True})
    call.store.save(collection)
    return answer(results)


async def remove_from_album(call: Call) -> web.StreamResponse:
    album = own_album(call, call.request.match_info["id"], "albumAsset.delete")
    results: list[dict[str, Any]] = []
    for asset_id in (await call.json()).get("ids", []):
        there = asset_id in album.assets
        album.assets.pop(asset_id, None)
        results.append(
            {"id": asset_id, "success": True}
            if there
            else {"id": asset_id, "success": False, "error": "not_found"}
        )
    call.store.save(album)
    return answer(results)


def tag_answer(tag: Tag) -> dict[str, Any]:
    return {
        "id": tag.id,
        "name": tag.value.rsplit("/", 1)[-1],
        "value": tag.value,
        "createdAt": "2024-01-01T00:00:00.000Z",
        "updatedAt": "2024-01-01T00:00:00.000Z",
    }


async def list_tags(call: Call) -> web.StreamResponse:
    return answer([tag_answer(t) for t in call.store.tags.values() if t.owner == call.user.id])


async def upsert_tags(call: Call) -> web.StreamResponse:
    """`PUT /tags`: makes the chain of parents, answers the leaves."""
    leaves = []
    for path in (await call.json()).get("tags", []):
        parts = [part for part in path.split("/") if part]
        tag = None
        for depth in range(1, len(parts) + 1):
            value = "/".join(parts[:depth])
            tag = next(
                (
                    t
                    for t in call.store.tags.values()
                    if t.owner == call.user.id and t.value == value
                ),
                None,
            )
            if tag is None:
                tag = Tag(str(uuid.uuid4()), call.user.id, value)
                call.store.save(tag)
        if tag is not None:
            leaves.append(tag_answer(tag))
    return answer(leaves)


async def add_to_tag(call: Call) -> web.StreamResponse:
    tag = call.store.tags.get(call.request.match_info["id"])
    if tag is None or tag.owner != call.user.id:
        raise Refusal(400, "Not found or no tag.asset access")
    return await _put_in(call, tag)
