"""`/_sandbox/…`: what tests ask of the sandbox itself, outside the API and its counters.

GET  stats, state
POST faults {faults: [rule…]} replaces the rules; answers 400 {error} for a bad one
     reset-stats · keys {permissions, user?} → {id, key} · users {name, quota?, admin?} → {id, key}
     seed {assets, user?, equal_dates?} rows without files · away {seconds} · maintenance {on}
     trash {ids}, restore {ids}, edit {ids, visibility?, favorite?}, delete {ids} as if the user
     did it in the web page, at once · corrupt {id}, lose {id} the stored file rots or vanishes
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from .admin import queue_names
from .answers import answer
from .app import Box, Counters
from .faults import BadFault, Faults
from .rows import Asset

Command = Callable[[dict[str, Any]], dict[str, Any] | None]


def add_control(app: web.Application, box: Box) -> None:
    """Register the control routes; call before the catch-all."""

    async def stats(request: web.Request) -> web.Response:
        return answer(box.counters.tell())

    async def state(request: web.Request) -> web.Response:
        return answer(tell(box))

    app.router.add_get("/_sandbox/stats", stats)
    app.router.add_get("/_sandbox/state", state)
    for name, command in _commands(box).items():
        app.router.add_post(f"/_sandbox/{name}", _handler(command))


def _handler(command: Command) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else {}
        try:
            return answer(command(body) or {})
        except BadFault as bad:
            return answer({"error": str(bad)}, 400)
        except KeyError as missing:
            return answer({"error": f"unknown or missing: {missing}"}, 400)

    return handle


def _commands(box: Box) -> dict[str, Command]:
    store = box.store

    def assets(body: dict[str, Any]) -> list[Asset]:
        return [store.assets[asset_id] for asset_id in body["ids"]]

    def faults(body: dict[str, Any]) -> None:
        box.faults = Faults(body["faults"])
        for action in box.faults.at_once:
            box.obey(action)

    def reset(body: dict[str, Any]) -> None:
        # Uploads that are under way stay in flight.
        flying, box.counters = box.counters.in_flight, Counters()
        box.counters.in_flight = box.counters.peak = flying

    def keys(body: dict[str, Any]) -> dict[str, Any]:
        user = store.users[body["user"]] if body.get("user") else store.admin
        key = store.add_key(user, body["permissions"])
        return {"id": key.id, "key": key.secret}

    def users(body: dict[str, Any]) -> dict[str, Any]:
        admin, quota = body.get("admin", False), body.get("quota")
        user = store.add_user(body["name"], admin=admin, quota=quota)
        return {"id": user.id, "key": store.add_key(user, ["all"]).secret}

    def seed(body: dict[str, Any]) -> None:
        user = store.users[body["user"]] if body.get("user") else store.admin
        store.seed(user, body["assets"], equal_dates=body.get("equal_dates", 700))

    def away(body: dict[str, Any]) -> None:
        box.go_away(body["seconds"])

    def maintenance(body: dict[str, Any]) -> None:
        box.maintenance = body["on"]

    def trash(body: dict[str, Any], *, trashed: bool = True) -> None:
        found = assets(body)
        for asset in found:
            asset.trashed = trashed
        store.touch(*found)

    def restore(body: dict[str, Any]) -> None:
        trash(body, trashed=False)

    def edit(body: dict[str, Any]) -> None:
        found = assets(body)
        for asset in found:
            asset.visibility = body.get("visibility", asset.visibility)
            asset.favorite = body.get("favorite", asset.favorite)
        store.touch(*found)

    def delete(body: dict[str, Any]) -> None:
        store.delete(assets(body))

    def corrupt(body: dict[str, Any]) -> None:
        path = store.path_of(store.assets[body["id"]])
        with open(path, "r+b") as file:
            first = file.read(1)
            file.seek(0)
            file.write(bytes([first[0] ^ 0xFF]))

    def lose(body: dict[str, Any]) -> None:
        os.unlink(store.path_of(store.assets[body["id"]]))

    commands: list[Command] = [
        faults,
        keys,
        users,
        seed,
        away,
        maintenance,
        trash,
        restore,
        edit,
        delete,
        corrupt,
        lose,
    ]
    named: dict[str, Command] = {command.__name__: command for command in commands}
    return named | {"reset-stats": reset}


def tell(box: Box) -> dict[str, Any]:
    """Everything on the server, for asserting on."""
    store = box.store
    albums: defaultdict[str, list[str]] = defaultdict(list)
    tags: defaultdict[str, list[str]] = defaultdict(list)
    for album in store.albums.values():
        for asset_id in album.assets:
            albums[asset_id].append(album.name)
    for tag in store.tags.values():
        for asset_id in tag.assets:
            tags[asset_id].append(tag.value)
    return {
        "assets": [
            {
                "id": a.id,
                "checksum": a.sha1,
                "originalFileName": a.name,
                "owner": a.owner,
                "size": a.size,
                "trashed": a.trashed,
                "visibility": a.visibility,
                "favorite": a.favorite,
                "sidecar": a.sidecar,
                "live_video": a.live_video,
                "library": a.library,
                "created": a.created,
                "modified": a.modified,
                "albums": sorted(albums[a.id]) if a.id in albums else [],
                "tags": sorted(tags[a.id]) if a.id in tags else [],
            }
            for a in store.assets.values()
        ],
        "albums": [
            {
                "id": a.id,
                "name": a.name,
                "description": a.description,
                "owner": a.owner,
                "roles": a.roles,
                "assets": list(a.assets),
            }
            for a in store.albums.values()
        ],
        "stacks": [{"id": s.id, "assets": list(s.assets)} for s in store.stacks.values()],
        "queues": {name: name in box.paused_queues for name in queue_names(box.release)},
        "paused_queues": sorted(box.paused_queues),
    }
