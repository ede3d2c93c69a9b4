"""`/asset-files` (3.2): what lies beside an original on the server; here only its sidecar."""

from __future__ import annotations

import os
import uuid
from typing import Any

from aiohttp import web

from .answers import Refusal, answer
from .app import Call, Routes
from .checking import flag_of, one_of, uuid_of
from .rows import Asset
from .sending import send
from .sight import need, readable

TYPES = ("fullsize", "preview", "thumbnail", "sidecar", "encoded_video")


def add_routes(routes: Routes) -> None:
    add, read = routes.add, "assetFile.read"
    add("GET", "/asset-files", listing, name="asset-files", permission=read)
    add("GET", "/asset-files/{id}", show, name="asset-files", permission=read)
    add(
        "GET",
        "/asset-files/{id}/download",
        download,
        name="asset-files",
        permission="assetFile.download",
    )


def _id_of(asset: Asset) -> str:
    """The sidecar's id: made of the asset's, so that it need not be kept."""
    made = uuid.uuid5(uuid.UUID(asset.id), "sidecar")
    return str(uuid.UUID(bytes=made.bytes, version=4))


def _place(call: Call, asset: Asset) -> str:
    return call.store.upload_path(asset.id) + ".xmp"


def _tell(call: Call, asset: Asset) -> dict[str, Any]:
    return {
        "id": _id_of(asset),
        "type": "sidecar",
        "path": _place(call, asset),
        "createdAt": asset.added,
        "updatedAt": asset.updated,
        "isEdited": False,
        "isProgressive": False,
        "isTransparent": False,
    }


async def listing(call: Call) -> web.StreamResponse:
    """The files of one asset, of one type if it is named."""
    query = call.request.query
    kind, edited = one_of(query, "type", TYPES), flag_of(query, "isEdited")
    asset_id = uuid_of(call.release, query.get("assetId", ""), "assetId")
    asset = need(readable(call, asset_id), "asset.read")
    shown = asset.sidecar and kind in (None, "sidecar") and edited is not True
    return answer([_tell(call, asset)] if shown else [])


def _named(call: Call) -> Asset:
    wanted = call.id
    for asset in call.store.assets.values():
        if asset.sidecar and _id_of(asset) == wanted and readable(call, asset.id) is not None:
            return asset
    raise Refusal(400, "Not found or no assetFile.read access")


async def show(call: Call) -> web.StreamResponse:
    return answer(_tell(call, _named(call)))


async def download(call: Call) -> web.StreamResponse:
    asset = _named(call)
    if not os.path.exists(_place(call, asset)):
        raise Refusal(404, "Not Found")
    return await send(call, _place(call, asset), f"{asset.name}.xmp")
