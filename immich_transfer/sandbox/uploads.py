"""`POST /assets`, bulk-upload-check and exist, with the recorded quirks.

The checksum header is answered before the body is read and never compared with the content; an
unsupported extension is refused only after the whole body; zero bytes are taken; a trashed
content is a duplicate that stays in the trash; a duplicate's sidecar and live video are dropped.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web

from .answers import Issue, Refusal, answer, invalid
from .app import Call, Routes
from .checking import (
    as_hex,
    as_text,
    instant,
    is_uuid,
    no_choice,
    received,
    required,
    wrong_type,
)
from .faulting import on_name, throttle
from .lifetimes import known
from .media import IMAGES, SIDECARS, VIDEOS, extension_of, is_video
from .multipart import Malformed, Parser, Part, boundary_of
from .recording import note_fields
from .rows import Asset
from .versions import VISIBILITIES, Release

CHECK_LIMIT = 65_532
"""Bind parameters of the real server's database; one more is a 500 (recorded)."""
NAME_LIMIT = 2700
"""Bytes of a name beyond which the real server's index fails (recorded, for random names)."""
_KNOWN = frozenset(IMAGES + VIDEOS)
_DEVICE_FIELDS = ("deviceAssetId", "deviceId")
_DATE_FIELDS = ("fileCreatedAt", "fileModifiedAt")


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("POST", "/assets", upload, name="upload", permission="asset.upload")
    add("POST", "/assets/bulk-upload-check", check, name="check", permission="asset.upload")
    add("POST", "/assets/exist", exist, name="exist", permission="asset.upload")


async def check(call: Call) -> web.StreamResponse:
    """`POST /assets/bulk-upload-check`."""
    items = required(await call.json(), "assets", list)
    if not items or len(items) > CHECK_LIMIT:
        raise Refusal(500, "Failed to check bulk upload")
    results: list[dict[str, Any]] = []
    owner, store = call.user.id, call.store
    for place, item in enumerate(items):
        item_id = item.get("id") if isinstance(item, dict) else None
        checksum = item.get("checksum") if isinstance(item, dict) else None
        for name, value in (("id", item_id), ("checksum", checksum)):
            if not isinstance(value, str):
                found = received(value) if isinstance(item, dict) and name in item else "undefined"
                raise invalid(wrong_type(("assets", place, name), str, found))
        if checksum == "" and not call.release.empty_checksum_taken:
            path = ("assets", place, "checksum")
            raise invalid(Issue(path, f"assets.{place}.checksum should not be empty", ""))
        asset = store.by_checksum.get((owner, as_hex(str(checksum))))
        if asset is None:
            results.append({"id": item_id, "action": "accept"})
        else:
            told = {"id": item_id, "action": "reject", "reason": "duplicate", "assetId": asset.id}
            if call.release.trash_told:
                told["isTrashed"] = asset.trashed or asset.id in store.dying
            results.append(told)
    return answer({"results": results})


async def exist(call: Call) -> web.StreamResponse:
    """`POST /assets/exist` (2.x): which device asset ids are there, one entry per asset."""
    body = await call.json()
    wanted = set(required(body, "deviceAssetIds", list))
    device, owner = required(body, "deviceId", str), call.user.id
    found = [
        a.device_asset
        for a in call.store.assets.values()
        if a.owner == owner and a.device == device and a.device_asset in wanted
    ]
    return answer({"existingIds": found})


async def upload(call: Call) -> web.StreamResponse:
    """`POST /assets`."""
    request, store = call.request, call.store
    header = request.headers.get("x-immich-checksum")
    if header:
        there = store.by_checksum.get((call.user.id, as_hex(header)))
        if there is not None:
            return answer({"status": "duplicate", "id": there.id})
    boundary = boundary_of(request.headers.get("Content-Type", ""))
    if not boundary:
        async for _ in request.content.iter_any():
            pass
        if boundary is not None:
            raise Refusal(400, "Multipart: Boundary not found")
        _check_fields(call.release, {})
        raise Refusal(400, "File is required")
    asset_id, path = store.new_path()
    parser = Parser(boundary, path, call.box.workers, durable=store.durable)
    counters, labour = call.box.counters, call.box.labour
    counters.in_flight += 1
    counters.peak = max(counters.peak, counters.in_flight)
    began = time.monotonic()
    try:
        parts = await parser.parse(_chunks(call))
        counters.bodies += 1
        note_fields(request, (part.name for part in parts))
        if labour is not None:
            await labour.work(counters.in_flight)
            labour.done(began)
        return await _judge(call, parts, asset_id, path)
    except Malformed as malformed:
        raise Refusal(400, str(malformed)) from None
    finally:
        parser.discard()
        counters.in_flight -= 1


async def _chunks(call: Call) -> AsyncIterator[bytes]:
    slow = call.fault("slow")
    rate = slow.number("rate", 100_000) if slow is not None else 0.0
    content = call.request.content
    while chunk := await content.readany():
        call.box.counters.body_bytes += len(chunk)
        if rate:
            await throttle(call.request, len(chunk), rate)
        yield chunk


async def _judge(call: Call, parts: list[Part], asset_id: str, path: str) -> web.StreamResponse:
    """Judge a whole body in the order the real server does, then keep or drop it."""
    store, user = call.store, call.user
    fields = known(call.release, "upload", {p.name: p.text for p in parts if not p.is_file})
    photo, sidecar = _files(call.release, parts)
    name = fields.get("filename") or photo.filename or ""
    await on_name(call, name)
    created, modified = _check_fields(call.release, fields)
    if "\0" in name or len(name.encode("utf-8", "replace")) > NAME_LIMIT:
        raise Refusal(500, "Failed to upload asset")
    if user.quota is not None and store.usage[user.id] + photo.size > user.quota:
        raise Refusal(400, "Quota has been exceeded!")
    live = fields.get("livePhotoVideoId")
    video = _live_video(call, live) if live is not None else None
    sha1 = photo.sha1.hex()
    there = store.by_checksum.get((user.id, sha1))
    if there is not None:
        return answer({"status": "duplicate", "id": there.id})
    photo.keep(path)
    seconds = modified.timestamp()
    with contextlib.suppress(OSError, OverflowError):
        os.utime(path, (seconds, seconds))
    if sidecar is not None:
        sidecar.keep(path + ".xmp")
    asset = Asset(
        asset_id,
        user.id,
        sha1,
        name,
        photo.size,
        # Without an EXIF date the metadata job takes the earlier one (recorded).
        as_text(min(created, modified)),
        as_text(modified),
        visibility=_visibility(fields),
        favorite=fields.get("isFavorite") == "true",
        sidecar=sidecar is not None,
        live_video=live,
        device_asset=fields.get("deviceAssetId", ""),
        device=fields.get("deviceId", ""),
    )
    if video is not None and video.visibility != "hidden":
        video.visibility = "hidden"
        store.save(asset, video)
    else:
        store.save(asset)
    return answer({"id": asset_id, "status": "created"}, 201)


def _visibility(fields: dict[str, Any]) -> str:
    """By its word, before 1.133 by two flags."""
    if fields.get("isVisible") == "false":
        return "hidden"
    told = "archive" if fields.get("isArchived") == "true" else "timeline"
    return str(fields.get("visibility", told))


def _files(release: Release, parts: list[Part]) -> tuple[Part, Part | None]:
    """The photo and the sidecar; refuses what the recorded servers refuse."""
    photo: Part | None = None
    sidecar: Part | None = None
    named: str | None = None
    for part in parts:
        if not part.is_file:
            if part.name == "filename" and release.has((2, 3)):
                named = part.text
            continue
        if not part.filename:
            continue  # a part without a name is no file
        seen = photo if part.name == "assetData" else sidecar
        if part.name not in ("assetData", "sidecarData") or seen is not None:
            raise Refusal(400, f"Unexpected field - {part.name}")
        # From 2.3 the extension is that of the `filename` field if it came first (recorded trap).
        name = named if named is not None else part.filename
        if part.name == "assetData":
            if extension_of(name) not in _KNOWN:
                raise Refusal(400, f"Unsupported file type {name}")
            photo = part
        else:
            if extension_of(name) not in SIDECARS:
                raise Refusal(400, f"Unsupported file type {name}")
            sidecar = part
    if photo is None:
        raise Refusal(400, "File is required")
    return photo, sidecar


def _check_fields(release: Release, fields: dict[str, str]) -> tuple[datetime, datetime]:
    """The dates, when every field is as the version wants it; else the recorded 400."""
    issues: list[Issue] = []
    if release.device_ids:
        for name in _DEVICE_FIELDS:
            if name not in fields:
                issues.append(Issue((name,), f"{name} must be a string", ""))
            if not fields.get(name):
                issues.append(Issue((name,), f"{name} should not be empty", ""))
    dates: list[datetime] = []
    for name in _DATE_FIELDS:
        found = instant(release, fields[name]) if name in fields else None
        if found is not None:
            dates.append(found)
        elif name in fields and release.long_errors:
            # 2.x: a plain text here, not a list (recorded).
            raise Refusal(400, f"{name} must be a date string")
        elif name in fields:
            issues.append(Issue((name,), "", "Invalid ISO datetime", "invalid_format"))
        else:
            issues += [
                Issue(
                    (name,),
                    f"{name} must be a Date instance",
                    "Invalid input: expected string, received undefined",
                )
            ]
            if release.long_errors:
                issues.append(Issue((name,), f"{name} should not be empty", ""))
    issues += _check_options(release, fields)
    if issues:
        raise invalid(*issues)
    return dates[0], dates[1]


def _check_options(release: Release, fields: dict[str, str]) -> list[Issue]:
    issues: list[Issue] = []
    for name in ("isFavorite", "isArchived", "isVisible"):
        if fields.get(name, "true") not in ("true", "false"):
            new = 'Invalid option: expected one of "true"|"false"'
            old = f"{name} must be a boolean value"
            issues.append(Issue((name,), old, new, "invalid_value"))
    if fields.get("visibility", "timeline") not in VISIBILITIES:
        issues.append(no_choice("visibility", VISIBILITIES))
    live = fields.get("livePhotoVideoId")
    if live is not None and not is_uuid(release, live):
        old = "livePhotoVideoId must be a UUID"
        issues.append(Issue(("livePhotoVideoId",), old, "Invalid UUID", "invalid_format"))
    if "metadata" in fields:
        issues += _check_metadata(fields["metadata"])
    duration = fields.get("duration", "")
    if not release.duration_text and duration:
        if not re.fullmatch(r"\d+", duration, re.ASCII):
            new = "Invalid input: expected number, received NaN"
            issues.append(Issue(("duration",), "", new))
        elif int(duration) > 2**31 - 1:
            raise Refusal(500, "Failed to upload asset")
    return issues


def _check_metadata(text: str) -> list[Issue]:
    try:
        items = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return [Issue(("metadata",), "metadata must be valid JSON", "Invalid JSON", "custom")]
    issues: list[Issue] = []
    for place, item in enumerate(items if isinstance(items, list) else []):
        value = item.get("value") if isinstance(item, dict) else None
        if not isinstance(value, dict):
            new = f"Invalid input: expected record, received {received(value)}"
            old = f"metadata.{place}.value must be an object"
            issues.append(Issue(("metadata", place, "value"), old, new))
    return issues


def _live_video(call: Call, video_id: str) -> Asset:
    """The motion part of a live photo."""
    video = call.store.assets.get(video_id)
    if video is None:
        raise Refusal(400, "Live photo video not found")
    if not is_video(video.name):
        raise Refusal(400, "Live photo video must be a video")
    if video.owner != call.user.id:
        raise Refusal(400, "Live photo video does not belong to the user")
    return video
