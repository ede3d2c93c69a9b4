"""Albums, as recorded on both majors: per-id results, roles, and what lists leave out."""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from .album_answers import album_answer
from .answers import Refusal, answer, gone
from .app import Call, Routes
from .assets import put_in
from .checking import field, flag_of, ids_of, required, uuid_of
from .rows import Album, later_than
from .sight import album_for, own, role_in

ANYONE = ("owner", "editor", "viewer")
WRITERS = ("owner", "editor")


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/albums", listing, name="album-list", permission="album.read")
    add("POST", "/albums", create, name="albums", permission="album.create")
    add("PUT", "/albums/assets", put_many, name="album-add", permission="albumAsset.create")
    add("GET", "/albums/{id}", show, name="albums", permission="album.read")
    add("PATCH", "/albums/{id}", edit, name="albums", permission="album.update")
    add("DELETE", "/albums/{id}", delete, name="albums", permission="album.delete")
    add("PUT", "/albums/{id}/assets", put, name="album-add", permission="albumAsset.create")
    add("DELETE", "/albums/{id}/assets", take, name="album-remove", permission="albumAsset.delete")
    add("PUT", "/albums/{id}/users", share, name="albums", permission="albumUser.create")


def _tell(call: Call, album: Album, *, assets: bool = False, alone: bool = False) -> dict[str, Any]:
    me = call.user.id
    return album_answer(call.release, call.store, album, me, assets=assets, alone=alone)


async def listing(call: Call) -> web.StreamResponse:
    """2.x: owned, or with `shared` what is shared; 3.x: all, `shared` silently ignored."""
    query, me = call.request.query, call.user.id
    albums = [a for a in call.store.albums.values() if role_in(a, me) is not None]
    if call.release.albums_list_shared:
        owned, shared = flag_of(query, "isOwned"), flag_of(query, "isShared")
        if owned is not None:
            albums = [a for a in albums if (a.owner == me) == owned]
        if shared is not None:
            albums = [a for a in albums if bool(a.roles) == shared]
        if "name" in query:
            albums = [a for a in albums if a.name == query["name"]]
        if "id" in query:
            albums = [a for a in albums if a.id == query["id"]]
    elif "assetId" not in query:
        asked = flag_of(query, "shared")
        if asked is None:
            albums = [a for a in albums if a.owner == me]
        elif asked:
            albums = [a for a in albums if a.roles]
        else:
            albums = [a for a in albums if a.owner == me and not a.roles]
    if "assetId" in query:
        asset_id = uuid_of(call.release, query["assetId"], "assetId")
        albums = [a for a in albums if asset_id in a.assets]
    albums.sort(key=lambda album: album.added, reverse=True)
    return answer([_tell(call, album) for album in albums])


async def create(call: Call) -> web.StreamResponse:
    """Names are not unique; ids one has no right to are dropped without a word."""
    body = await call.json()
    name = required(body, "albumName", str)
    album = Album(str(uuid.uuid4()), call.user.id, name, field(body, "description", str, ""))
    ids = ids_of(call.release, body, "assetIds") if "assetIds" in body else []
    album.assets = dict.fromkeys(a for a in ids if own(call, a) is not None)
    _invite(call, album, body.get("albumUsers", []))
    call.store.save(album)
    return answer(_tell(call, album, assets=True), 201)


async def show(call: Call) -> web.StreamResponse:
    album = album_for(call, call.id, "album.read", *ANYONE)
    assets = call.request.query.get("withoutAssets") != "true"
    told = _tell(call, album, assets=assets, alone=True)
    if "assets" in told:
        told["assets"] = call.kept(told["assets"])
    return answer(told)


async def edit(call: Call) -> web.StreamResponse:
    album = album_for(call, call.id, "album.update", *WRITERS)
    body = await call.json()
    album.name = field(body, "albumName", str, album.name)
    album.description = field(body, "description", str, album.description)
    album.order = field(body, "order", str, album.order)
    _changed(call, album)
    return answer(_tell(call, album))


async def delete(call: Call) -> web.StreamResponse:
    call.store.remove_album(album_for(call, call.id, "album.delete", "owner"))
    return gone(call.release)


async def put(call: Call) -> web.StreamResponse:
    if call.id not in call.store.albums:
        raise Refusal(400, "Album not found")
    album = album_for(call, call.id, "albumAsset.create", *WRITERS)
    results = put_in(call, album, ids_of(call.release, await call.json()))
    _changed(call, album)
    return answer(results)


async def put_many(call: Call) -> web.StreamResponse:
    """`PUT /albums/assets`: one word for all; true even when some were refused (recorded)."""
    body = await call.json()
    albums = [call.store.albums.get(a) for a in ids_of(call.release, body, "albumIds")]
    ids = ids_of(call.release, body, "assetIds")
    mine = [a for a in albums if a is not None and role_in(a, call.user.id) in WRITERS]
    results = [result for album in mine for result in put_in(call, album, ids)]
    for album in mine:
        _changed(call, album)
    if any(result["success"] for result in results):
        return answer({"success": True})
    errors = {result["error"] for result in results}
    return answer(
        {"success": False, "error": "duplicate" if "duplicate" in errors else "no_permission"}
    )


async def take(call: Call) -> web.StreamResponse:
    """`DELETE /albums/{id}/assets`: an editor may take out only their own."""
    album = album_for(call, call.id, "albumAsset.delete", *WRITERS)
    results: list[dict[str, Any]] = []
    for asset_id in ids_of(call.release, await call.json()):
        if asset_id not in album.assets:
            results.append({"id": asset_id, "success": False, "error": "not_found"})
        elif album.owner != call.user.id and own(call, asset_id) is None:
            results.append({"id": asset_id, "success": False, "error": "no_permission"})
        else:
            del album.assets[asset_id]
            results.append({"id": asset_id, "success": True})
    _changed(call, album)
    return answer(results)


async def share(call: Call) -> web.StreamResponse:
    album = album_for(call, call.id, "albumUser.create", "owner")
    _invite(call, album, required(await call.json(), "albumUsers", list))
    _changed(call, album)
    return answer(_tell(call, album))


def _invite(call: Call, album: Album, guests: list[dict[str, str]]) -> None:
    for guest in guests:
        user = guest.get("userId", "")
        if user not in call.store.users:
            raise Refusal(400, "User not found")
        album.roles[user] = guest.get("role", "editor")


def _changed(call: Call, album: Album) -> None:
    album.updated = later_than(album.updated)
    call.store.save(album)
