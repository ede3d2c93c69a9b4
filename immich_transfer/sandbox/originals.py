"""`GET /assets/{id}/original`: who gets which stored file, and what is wrong with it.

What one may not see, what is gone and what is missing on the disk are told apart in 2.x and all 404
in 3.x (recorded). How the bytes are sent stands in `sending`.
"""

from __future__ import annotations

import os

from aiohttp import web

from .answers import Refusal
from .app import Call, Routes
from .faulting import on_name
from .rows import Asset
from .sending import failure, send
from .sight import readable


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/assets/{id}/original", original, name="original", permission="asset.download")
    add("GET", "/assets/{id}/thumbnail", thumbnail, name="thumbnail", permission="asset.view")


async def original(call: Call) -> web.StreamResponse:
    asset = _visible(call, "asset.download")
    await on_name(call, asset.name)
    if call.fault("gone"):
        call.store.delete([asset])
        _visible(call, "asset.download")
    if call.fault("missing"):
        raise failure(call)
    return await send(call, call.store.path_of(asset), asset.name)


async def thumbnail(call: Call) -> web.StreamResponse:
    """The original's bytes stand in for the thumbnail; there is none of an empty file."""
    asset = _visible(call, "asset.view")
    path = call.store.path_of(asset)
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        old = call.release.foreign_original == 400
        raise Refusal(404, "Asset media not found" if old else "Not Found")
    return await send(call, path, asset.name)


def _visible(call: Call, access: str) -> Asset:
    """The asset; what one may not see is 400 in 2.x and, like all of a download, 404 in 3.x."""
    asset = readable(call, call.id)
    if asset is not None:
        return asset
    status = call.release.foreign_original
    raise Refusal(status, "Not Found" if status == 404 else f"Not found or no {access} access")
