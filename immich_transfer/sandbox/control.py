"""`/_sandbox/…`: what tests ask of the sandbox itself, outside the API.

GET stats, state · POST faults {faults}, reset-stats, keys {permissions, user}, users {name, quota,
admin}, seed {assets}, away {seconds}, maintenance {on}, trash {ids}, delete {ids}
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .answers import answer
from .faults import BadFault, Faults
from .server import Box, Counters


def add_control(app: web.Application, box: Box) -> None:
    """Register the control routes; call before the catch-all."""

    async def stats(request: web.Request) -> web.Response:
        return answer(box.counters.tell())

    async def state(request: web.Request) -> web.Response:
        return answer(tell(box))

    async def faults(request: web.Request) -> web.Response:
        try:
            box.faults = Faults((await request.json())["faults"])
        except BadFault as bad:
            return answer({"error": str(bad)}, 400)
        return answer({})

    async def reset(request: web.Request) -> web.Response:
        box.counters = Counters()
        return answer({})

    async def keys(request: web.Request) -> web.Response:
        body = await request.json()
        user = box.store.users.get(body.get("user", "")) or next(iter(box.store.users.values()))
        return answer({"key": box.store.add_key(user, body["permissions"]).secret})

    async def users(request: web.Request) -> web.Response:
        body = await request.json()
        user = box.store.add_user(
            body["name"], admin=body.get("admin", False), quota=body.get("quota")
        )
        return answer({"id": user.id, "key": box.store.add_key(user, ["all"]).secret})

    async def seed(request: web.Request) -> web.Response:
        user = next(iter(box.store.users.values()))
        box.store.seed(user, (await request.json())["assets"])
        return answer({})

    async def away(request: web.Request) -> web.Response:
        box.go_away((await request.json())["seconds"])
        return answer({})

    async def maintenance(request: web.Request) -> web.Response:
        box.maintenance = (await request.json())["on"]
        return answer({})

    async def trash(request: web.Request) -> web.Response:
        assets = [box.store.assets[i] for i in (await request.json())["ids"]]
        for asset in assets:
            asset.trashed = True
        box.store.save(*assets)
        return answer({})

    async def delete(request: web.Request) -> web.Response:
        box.store.delete([box.store.assets[i] for i in (await request.json())["ids"]])
        return answer({})

    app.router.add_get("/_sandbox/stats", stats)
    app.router.add_get("/_sandbox/state", state)
    for handler in (faults, keys, users, seed, away, maintenance, trash, delete):
        app.router.add_post(f"/_sandbox/{handler.__name__}", handler)
    app.router.add_post("/_sandbox/reset-stats", reset)


def tell(box: Box) -> dict[str, Any]:
    """Everything on the server, for asserting on."""
    store = box.store
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
                "albums": sorted(x.name for x in store.albums.values() if a.id in x.assets),
                "tags": sorted(t.value for t in store.tags.values() if a.id in t.assets),
            }
            for a in store.assets.values()
        ],
        "albums": [
            {"id": a.id, "name": a.name, "owner": a.owner, "assets": list(a.assets)}
            for a in store.albums.values()
        ],
        "paused_queues": sorted(box.paused_queues),
    }
