"""`/_sandbox/…`: what tests ask of the sandbox itself, outside the API and its counters.

GET  stats (`faults` in it: requests spoiled since the rules were set; `by_rule` in their order),
     state
     recorded: the requests since `record` (see `recording`)
POST faults {faults: [rule…]} replaces the rules; answers 400 {error} for a bad one
     reset-stats · keys {permissions, user?} → {id, key} · users {name, quota?, admin?} → {id, key}
     seed {assets, bytes?, names?, album?, live?, user?, …} → {ids, videos, albums} (see `seeding`)
     edit {ids, name?, people?, library?, …} changes assets (see `editing`)
     people {name, user?, hidden?, favorite?, ids?} → {id} a person, and the assets that show them
     albums {name, user?, ids?, description?, order?, roles?: {user id: editor|viewer}} → {id}
     away {seconds} · maintenance {on} · record {on}
     trash {ids}, restore {ids}, delete {ids} as if the user did it in the web page, at once
     corrupt {id}, lose {id} the stored file rots or vanishes
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from .answers import answer
from .app import Box
from .editing import edit as edit_assets
from .editing import person, put_into_album
from .faults import Faults
from .rows import Asset
from .seeding import seed as seed_library
from .telling import tell

Command = Callable[[dict[str, Any]], dict[str, Any] | None]


def add_control(app: web.Application, box: Box) -> None:
    """Register the control routes; call before the catch-all."""

    async def stats(request: web.Request) -> web.Response:
        labour = {} if box.labour is None else box.labour.tell()
        faults = {"faults": box.faults.hits, "by_rule": [rule.hits for rule in box.faults.rules]}
        return answer(box.counters.tell() | faults | labour)

    async def state(request: web.Request) -> web.Response:
        return answer(tell(box))

    app.router.add_get("/_sandbox/stats", stats)

    async def recorded(request: web.Request) -> web.Response:
        return answer(box.recorder.tell())

    app.router.add_get("/_sandbox/state", state)
    app.router.add_get("/_sandbox/recorded", recorded)
    for name, command in _commands(box).items():
        app.router.add_post(f"/_sandbox/{name}", _handler(command))


def _handler(command: Command) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else {}
        try:
            return answer(command(body) or {})
        except (ValueError, TypeError) as bad:  # BadFault is one
            return answer({"error": str(bad)}, 400)
        except KeyError as missing:
            return answer({"error": f"unknown or missing: {missing}"}, 400)

    return handle


def _commands(box: Box) -> dict[str, Command]:
    store = box.store

    def assets(body: dict[str, Any]) -> list[Asset]:
        return [store.assets[asset_id] for asset_id in body["ids"]]

    def owner(body: dict[str, Any]) -> str:
        return store.users[body["user"]].id if body.get("user") else store.admin.id

    def faults(body: dict[str, Any]) -> None:
        before, box.faults = box.faults, Faults(body["faults"])
        before.replaced.set()
        for action in box.faults.at_once:
            box.obey(action)

    def reset(body: dict[str, Any]) -> None:
        box.counters.reset()

    def keys(body: dict[str, Any]) -> dict[str, Any]:
        user = store.users[owner(body)]
        key = store.add_key(user, body["permissions"])
        return {"id": key.id, "key": key.secret}

    def users(body: dict[str, Any]) -> dict[str, Any]:
        admin, quota = body.get("admin", False), body.get("quota")
        user = store.add_user(body["name"], admin=admin, quota=quota)
        return {"id": user.id, "key": store.add_key(user, ["all"]).secret}

    def seed(body: dict[str, Any]) -> dict[str, Any]:
        return seed_library(store, body)

    def people(body: dict[str, Any]) -> dict[str, Any]:
        found = person(store, owner(body), body["name"])
        found.hidden = body.get("hidden", found.hidden)
        found.favorite = body.get("favorite", found.favorite)
        found.assets |= dict.fromkeys(store.assets[i].id for i in body.get("ids", ()))
        store.save(found)
        return {"id": found.id}

    def albums(body: dict[str, Any]) -> dict[str, Any]:
        ids = [store.assets[i].id for i in body.get("ids", ())]
        album = put_into_album(store, owner(body), body["name"], ids)
        album.description = body.get("description", album.description)
        album.order = body.get("order", album.order)
        album.roles |= body.get("roles", {})
        store.save(album)
        return {"id": album.id}

    def away(body: dict[str, Any]) -> None:
        box.go_away(body["seconds"], False)

    def maintenance(body: dict[str, Any]) -> None:
        box.maintenance = body["on"]

    def record(body: dict[str, Any]) -> None:
        box.recorder.start(body["on"])

    def trash(body: dict[str, Any], *, trashed: bool = True) -> None:
        found = assets(body)
        for asset in found:
            asset.trashed = trashed
        store.touch(*found)

    def restore(body: dict[str, Any]) -> None:
        trash(body, trashed=False)

    def edit(body: dict[str, Any]) -> None:
        edit_assets(store, assets(body), {k: v for k, v in body.items() if k != "ids"})

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
        people,
        albums,
        away,
        maintenance,
        record,
        trash,
        restore,
        edit,
        delete,
        corrupt,
        lose,
    ]
    named: dict[str, Command] = {command.__name__: command for command in commands}
    return named | {"reset-stats": reset}
