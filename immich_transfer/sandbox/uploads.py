"""`POST /assets` and bulk-upload-check, with the recorded quirks.

The checksum header is answered before the body is read and never compared with the content; an
unsupported extension is refused only after the whole body; zero bytes are taken; a trashed
content is a duplicate that stays in the trash.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import re
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from .answers import Refusal, answer
from .multipart import Malformed, Parser, Part, boundary_of
from .server import Call, Routes
from .store import Asset
from .versions import IMAGES, VIDEOS

CHECK_LIMIT = 65_532
"""Bind parameters of the real server's database; one more is a 500 (recorded)."""
_KNOWN = frozenset(IMAGES + VIDEOS)
_STRICT_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_LOOSE_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def add_routes(routes: Routes) -> None:
    routes.add("POST", "/assets", upload, name="upload", permission="asset.upload")
    routes.add("POST", "/assets/bulk-upload-check", check, name="check", permission="asset.upload")


async def check(call: Call) -> web.StreamResponse:
    """`POST /assets/bulk-upload-check`."""
    items = (await call.json()).get("assets")
    if not isinstance(items, list):
        raise Refusal(400, ["assets must be an array"])
    if not items or len(items) > CHECK_LIMIT:
        raise Refusal(500, "Failed to check bulk upload")
    results: list[dict[str, Any]] = []
    owner = call.user.id
    for place, item in enumerate(items):
        if not isinstance(item.get("id"), str):
            raise Refusal(400, [f"assets.{place}.id must be a string"])
        asset = call.store.by_checksum.get((owner, as_hex(item.get("checksum", ""))))
        if asset is None:
            results.append({"id": item["id"], "action": "accept"})
        else:
            results.append(
                {
                    "id": item["id"],
                    "action": "reject",
                    "reason": "duplicate",
                    "assetId": asset.id,
                    "isTrashed": asset.trashed or asset.id in call.store.dying,
                }
            )
    return answer({"results": results})


def as_hex(text: str) -> str:
    """A checksum as the server reads it: 28 characters are base64, anything else hex."""
    text = text.strip()
    if len(text) == 28:
        try:
            return base64.b64decode(text, validate=True).hex()
        except (binascii.Error, ValueError):
            return ""
    return text.lower()


async def upload(call: Call) -> web.StreamResponse:
    """`POST /assets`."""
    request, store = call.request, call.store
    header = request.headers.get("x-immich-checksum")
    if header:
        there = store.by_checksum.get((call.user.id, as_hex(header)))
        if there is not None:
            return answer({"status": "duplicate", "id": there.id})
    boundary = boundary_of(request.headers.get("Content-Type", ""))
    if boundary is None:
        async for _ in request.content.iter_any():
            pass
        raise Refusal(400, ["fileCreatedAt must be a date string"])
    asset_id, path = store.new_path()
    parser = Parser(boundary, path)
    counters = call.box.counters
    counters.in_flight += 1
    counters.peak = max(counters.peak, counters.in_flight)
    try:
        parts = await parser.parse(_chunks(call))
        counters.bodies += 1
        return _accept(call, parts, asset_id, path, parser)
    except Malformed as malformed:
        parser.discard()
        raise Refusal(400, str(malformed)) from None
    except BaseException:
        parser.discard()
        raise
    finally:
        counters.in_flight -= 1


async def _chunks(call: Call) -> AsyncIterator[bytes]:
    rate = call.request.get("rate")
    counters = call.box.counters
    content = call.request.content
    while True:
        chunk = await content.readany()
        if not chunk:
            return
        counters.body_bytes += len(chunk)
        if rate:
            await asyncio.sleep(len(chunk) / rate)
        yield chunk


def _accept(
    call: Call, parts: list[Part], asset_id: str, path: str, parser: Parser
) -> web.StreamResponse:
    """Judge a whole body in the order the real server does, then keep or drop it."""
    store, user, release = call.store, call.user, call.release
    fields = {
        part.name: part.value.decode("utf-8", "replace") for part in parts if part.filename is None
    }
    photo, sidecar = _files(parts)
    action = call.box.faults.for_name("upload", fields.get("filename") or photo.filename or "")
    if action is not None and action.status is not None:
        parser.discard()
        raise Refusal(action.status, "Internal server error")
    problem = _problem(release.device_ids_required, release.strict_dates, fields)
    if problem is not None:
        raise Refusal(400, problem)
    if user.quota is not None and user.usage + photo.size > user.quota:
        raise Refusal(400, "Quota has been exceeded!")
    live = fields.get("livePhotoVideoId")
    if live is not None:
        _link(call, live)
    sha1 = photo.sha1.hex()
    there = store.by_checksum.get((user.id, sha1))
    if there is not None:
        parser.discard()
        return answer({"status": "duplicate", "id": there.id})
    assert photo.path is not None
    os.replace(photo.path, path)
    if sidecar is not None and sidecar.path is not None:
        os.replace(sidecar.path, path + ".xmp")
    asset = Asset(
        asset_id,
        user.id,
        sha1,
        fields.get("filename") or photo.filename or "",
        photo.size,
        fields["fileCreatedAt"],
        fields["fileModifiedAt"],
        visibility=fields.get("visibility", "timeline"),
        favorite=fields.get("isFavorite") == "true",
        sidecar=sidecar is not None,
        live_video=live,
    )
    store.add_asset(asset)
    return answer({"id": asset_id, "status": "created"}, 201)


def _files(parts: list[Part]) -> tuple[Part, Part | None]:
    """The photo and the sidecar; refuses what the recorded servers refuse."""
    photo = sidecar = None
    named: str | None = None
    for part in parts:
        if part.filename is None:
            if part.name == "filename":
                named = part.value.decode("utf-8", "replace")
            continue
        if part.name not in ("assetData", "sidecarData") or (part.name == "assetData" and photo):
            raise Refusal(400, f"Unexpected field - {part.name}")
        # The extension is that of the `filename` field if it came first (recorded trap).
        name = named if named is not None else part.filename
        dot = name.rfind(".")
        extension = name[dot:].lower() if dot > 0 else ""
        if part.name == "assetData":
            if not part.filename:
                raise Refusal(400, "File is required")
            if extension not in _KNOWN:
                raise Refusal(400, f"Unsupported file type {name}")
            photo = part
        else:
            if extension != ".xmp":
                raise Refusal(400, f"Unsupported file type {name}")
            sidecar = part
    if photo is None:
        raise Refusal(400, "File is required")
    return photo, sidecar


def _problem(
    device_ids: bool, strict_dates: bool, fields: dict[str, str]
) -> str | list[str] | None:
    if device_ids:
        missing = [name for name in ("deviceAssetId", "deviceId") if not fields.get(name)]
        if missing:
            return [
                f"{name} {rule}"
                for name in missing
                for rule in ("must be a string", "should not be empty")
            ]
    dates = _STRICT_DATE.fullmatch if strict_dates else _LOOSE_DATE.match
    for name in ("fileCreatedAt", "fileModifiedAt"):
        if not dates(fields.get(name, "")):
            return (
                [f"{name} must be a date string"]
                if strict_dates
                else f"{name} must be a date string"
            )
    if fields.get("isFavorite", "true") not in ("true", "false"):
        return ["isFavorite must be a boolean value"]
    if fields.get("visibility", "timeline") not in ("timeline", "archive", "hidden", "locked"):
        return ["visibility must be one of the following values: timeline, archive, hidden, locked"]
    if "\0" in fields.get("filename", ""):
        raise Refusal(500, "Failed to upload asset")
    return None


def _link(call: Call, video_id: str) -> None:
    """The motion part of a live photo: it becomes hidden."""
    if not _UUID.fullmatch(video_id):
        raise Refusal(400, ["livePhotoVideoId must be a UUID"])
    video = call.store.assets.get(video_id)
    if video is None:
        raise Refusal(400, "Live photo video not found")
    if os.path.splitext(video.name)[1].lower() not in VIDEOS:
        raise Refusal(400, "Live photo video must be a video")
    if video.owner != call.user.id:
        raise Refusal(400, "Live photo video does not belong to the user")
    video.visibility = "hidden"
    call.store.save(video)
