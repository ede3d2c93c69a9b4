"""Single assets: show, edit, trash, restore, delete, stacks."""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from .answers import Issue, Refusal, answer, invalid, nothing
from .app import Call, Routes
from .asset_answers import asset_answer, whole_asset_answer
from .checking import as_text, field, flag_of, ids_of, instant, number_of, visibility_of, zone_of
from .lifetimes import known
from .media import is_video
from .rows import Album, Asset, Stack, Tag
from .sight import COUNTED, need, own, own_all, readable

DELETE_JOB_SECONDS = 0.3
"""A delete for good is done by a job a moment later; until then checks still find the asset."""


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/assets/statistics", count, name="asset-statistics", permission="asset.statistics")
    add("GET", "/assets/{id}", show, name="asset", permission="asset.read")
    add("PUT", "/assets", edit_many, name="asset-update", permission="asset.update")
    add("PUT", "/assets/{id}", edit, name="asset-update", permission="asset.update")
    add("DELETE", "/assets", delete, name="asset-delete", permission="asset.delete")
    add("POST", "/trash/restore/assets", restore, name="trash", permission="asset.delete")
    add("POST", "/trash/restore", restore_all, name="trash", permission="asset.delete")
    add("POST", "/trash/empty", empty, name="trash", permission="asset.delete")
    add("POST", "/stacks", stack, name="stacks", permission="stack.create")


async def show(call: Call) -> web.StreamResponse:
    asset = need(readable(call, call.id), "asset.read")
    return answer(whole_asset_answer(call.release, call.store, asset, call.user.id))


async def count(call: Call) -> web.StreamResponse:
    """Timeline and archive, unless a visibility is asked for (recorded)."""
    query = call.request.query
    trashed = flag_of(query, "isTrashed") is True
    wanted = _asked_visibility(call)
    if wanted == "locked":
        raise Refusal(401, "Elevated permission is required")
    favorite = flag_of(query, "isFavorite")
    shown = {wanted} if wanted else COUNTED
    found = [
        asset
        for asset in call.store.assets.values()
        if asset.owner == call.user.id
        and asset.visibility in shown
        and asset.trashed == trashed
        and (favorite is None or asset.favorite == favorite)
        and asset.id not in call.store.dying
    ]
    videos = sum(is_video(asset.name) for asset in found)
    return answer({"images": len(found) - videos, "videos": videos, "total": len(found)})


def _asked_visibility(call: Call) -> str | None:
    """The visibility a query names: by its word, before 1.133 by `isArchived`."""
    if call.release.visibility:
        return visibility_of(call.request.query)
    archived = flag_of(call.request.query, "isArchived")
    return None if archived is None else ("archive" if archived else "timeline")


async def edit_many(call: Call) -> web.StreamResponse:
    """`PUT /assets`: one foreign id refuses all; unknown fields are ignored silently."""
    body = await call.json()
    assets = own_all(call, ids_of(call.release, body), "asset.update")
    for asset in assets:
        _edit(call, asset, known(call.release, "edit many", body))
    if assets:
        call.store.touch(*assets)
    return nothing()


async def edit(call: Call) -> web.StreamResponse:
    asset = need(own(call, call.id), "asset.update")
    body = await call.json()
    _edit(call, asset, body)
    if "livePhotoVideoId" in known(call.release, "edit", body):
        video_id = body["livePhotoVideoId"]
        if video_id is not None:
            video = call.store.assets.get(video_id)
            if video is None:
                raise Refusal(400, "Live photo video not found")
            if not is_video(video.name):
                raise Refusal(400, "Live photo video must be a video")
            if video.owner != call.user.id:
                raise Refusal(400, "Live photo video does not belong to the user")
            video.visibility = "hidden"
            call.store.touch(video)
        asset.live_video = video_id
    call.store.touch(asset)
    return answer(whole_asset_answer(call.release, call.store, asset, call.user.id))


def _edit(call: Call, asset: Asset, body: dict[str, Any]) -> None:
    body = known(call.release, "edit", body)
    visibility = visibility_of(body)
    if "isArchived" in body and asset.visibility != "hidden":
        visibility = "archive" if field(body, "isArchived", bool) else "timeline"
    asset.favorite = field(body, "isFavorite", bool, asset.favorite)
    asset.description = field(body, "description", str, asset.description)
    if "rating" in body:
        asset.rating = _rating(call, body)
    both = "latitude" in body and "longitude" in body
    if both:
        asset.latitude, asset.longitude = body["latitude"], body["longitude"]
    elif ("latitude" in body or "longitude" in body) and not call.release.long_errors:
        new = "Latitude and longitude must be provided together"
        raise invalid(Issue(("latitude",), "", new, "custom"))
    if "dateTimeOriginal" in body:
        text = field(body, "dateTimeOriginal", str)
        moment = instant(call.release, text)
        if moment is None:
            name = "dateTimeOriginal"
            old = f"{name} must be a valid ISO 8601 date string"
            raise invalid(Issue((name,), old, "Invalid ISO datetime", "invalid_format"))
        asset.created, asset.zone = as_text(moment), zone_of(text)
    if visibility is not None:
        asset.visibility = visibility
        if visibility == "locked":
            # Locked assets leave every album (recorded).
            albums = [a for a in call.store.albums.values() if a.assets.pop(asset.id, 0) is None]
            call.store.save(*albums)


def _rating(call: Call, body: dict[str, Any]) -> int | None:
    """2.x keeps -1 to 5; in 3.x there is no 0, and -1 takes a rating away."""
    rating = None if body["rating"] is None else number_of(body, "rating", 0, -1, 5)
    if call.release.long_errors:
        return rating
    if rating == 0:
        raise invalid(Issue(("rating",), "", "Invalid input", "invalid_union"))
    return None if rating == -1 else rating


async def delete(call: Call) -> web.StreamResponse:
    body = await call.json()
    assets = own_all(call, ids_of(call.release, body), "asset.delete")
    if field(body, "force", bool, False):
        _delete_later(call, assets)
    else:
        for asset in assets:
            asset.trashed = True
        call.store.touch(*assets)
    return nothing()


def _delete_later(call: Call, assets: list[Asset]) -> None:
    """As the job does: for a moment checks still say duplicate and GET already says 400."""
    store = call.store
    store.dying.update(asset.id for asset in assets)
    store.generation += 1
    call.box.later(DELETE_JOB_SECONDS, lambda: store.delete(assets))


async def restore(call: Call) -> web.StreamResponse:
    ids = ids_of(call.release, await call.json())
    return _restore(call, own_all(call, ids, "asset.delete"))


async def restore_all(call: Call) -> web.StreamResponse:
    return _restore(call, _trash(call))


def _restore(call: Call, assets: list[Asset]) -> web.StreamResponse:
    trashed = [asset for asset in assets if asset.trashed]
    for asset in trashed:
        asset.trashed = False
    call.store.touch(*trashed)
    return _counted(call, len(trashed))


async def empty(call: Call) -> web.StreamResponse:
    doomed = _trash(call)
    _delete_later(call, doomed)
    return _counted(call, len(doomed))


def _counted(call: Call, count: int) -> web.StreamResponse:
    return answer({"count": count}) if call.release.trash_counted else nothing()


def _trash(call: Call) -> list[Asset]:
    user, dying = call.user.id, call.store.dying
    everything = call.store.assets.values()
    return [a for a in everything if a.owner == user and a.trashed and a.id not in dying]


async def stack(call: Call) -> web.StreamResponse:
    """`POST /stacks`: the first on top; an asset of another stack brings that stack along."""
    store = call.store
    ids = ids_of(call.release, await call.json(), "assetIds")
    if len(ids) < 2:
        old = "assetIds must contain at least 2 elements"
        new = "Too small: expected array to have >=2 items"
        raise invalid(Issue(("assetIds",), old, new, "too_small"))
    own_all(call, ids, "asset.update")
    made = Stack(str(uuid.uuid4()), call.user.id, dict.fromkeys(ids))
    old_stacks = {s.id: s for asset_id in ids if (s := store.stack_of(asset_id)) is not None}
    for absorbed in old_stacks.values():
        made.assets |= absorbed.assets
    store.remove_stacks(old_stacks.values())
    store.save(made)
    assets = [
        asset_answer(call.release, store, store.assets[asset_id], call.user.id)
        for asset_id in made.assets
    ]
    return answer({"id": made.id, "primaryAssetId": ids[0], "assets": assets}, 201)


def put_in(call: Call, collection: Album | Tag, ids: list[str]) -> list[dict[str, Any]]:
    """Into an album or under a tag: a result per id, in order (recorded).

    `duplicate` when it is in already (also earlier in this call), `no_permission` for what is
    not the caller's or not there at all.
    """
    results: list[dict[str, Any]] = []
    for asset_id in ids:
        if asset_id in collection.assets:
            results.append({"id": asset_id, "success": False, "error": "duplicate"})
        elif own(call, asset_id) is None:
            results.append({"id": asset_id, "success": False, "error": "no_permission"})
        else:
            collection.assets[asset_id] = None
            results.append({"id": asset_id, "success": True})
    return results
