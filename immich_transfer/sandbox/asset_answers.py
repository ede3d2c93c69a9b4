"""Assets as the API shows them, per version: in lists, and alone with all that belongs to them."""

from __future__ import annotations

import base64
import uuid
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from .lifetimes import known, unknown
from .media import is_video, media_type
from .presenting import person_answer, tag_answer, user_brief
from .rows import Asset, Person
from .store import Store
from .versions import Release, words

_NO_EXIF: Mapping[str, None] = dict.fromkeys(
    words(
        """exifImageWidth exifImageHeight orientation modifyDate lensModel fNumber focalLength iso
    exposureTime projectionType"""
    )
)
_FACE = {
    "imageHeight": 100,
    "imageWidth": 100,
    "boundingBoxX1": 10,
    "boundingBoxX2": 20,
    "boundingBoxY1": 10,
    "boundingBoxY2": 20,
    "sourceType": "machine-learning",
}


def asset_answer(
    release: Release, store: Store, asset: Asset, viewer: str, *, exif: bool = True
) -> dict[str, Any]:
    """An asset as `viewer` (a user's id) sees it in a list."""
    video = is_video(asset.name)
    data: dict[str, Any] = {
        "id": asset.id,
        "createdAt": asset.added,
        "ownerId": asset.owner,
        "libraryId": asset.library,
        "type": "VIDEO" if video else "IMAGE",
        "originalPath": asset.place or f"upload/upload/{asset.owner}/{asset.id}",
        "originalFileName": asset.name,
        "originalMimeType": media_type(asset.name),
        "thumbhash": None,
        "fileCreatedAt": asset.created,
        "fileModifiedAt": asset.modified,
        "localDateTime": wall_clock(asset) if asset.zone else asset.created,
        "updatedAt": asset.updated,
        "isFavorite": asset.favorite and asset.owner == viewer,
        "isArchived": asset.visibility == "archive",
        "isTrashed": asset.trashed,
        "visibility": asset.visibility,
        "duration": "0:00:00.00000" if release.duration_text else None,
        "livePhotoVideoId": asset.live_video,
        "people": [],
        "checksum": base64.b64encode(bytes.fromhex(asset.sha1)).decode(),
        "isOffline": asset.offline,
        "hasMetadata": True,
        "duplicateId": None,
        "resized": True,
        "width": None,
        "height": None,
        "isEdited": False,
        "stackCount": None,
        "deviceAssetId": asset.device_asset or asset.id,
        "deviceId": asset.device or ("Library Import" if asset.library else "sandbox"),
        "unassignedFaces": [],
    }
    for name in unknown(release, "asset"):
        del data[name]
    if exif:
        shown: dict[str, Any] = {
            **_NO_EXIF,
            "make": asset.make,
            "model": asset.model,
            "dateTimeOriginal": asset.created,
            "timeZone": asset.zone,
            "city": asset.city,
            "state": asset.state,
            "country": asset.country,
            "fileSizeInByte": asset.size,
            "description": asset.description,
            "rating": asset.rating,
            "latitude": asset.latitude,
            "longitude": asset.longitude,
        }
        for name in unknown(release, "exif"):
            del shown[name]
        data["exifInfo"] = shown
    return data


def whole_asset_answer(release: Release, store: Store, asset: Asset, viewer: str) -> dict[str, Any]:
    """As `GET /assets/{id}`: with owner, tags, people and stack, which lists leave out."""
    data = asset_answer(release, store, asset, viewer)
    tags = [tag for tag in store.tags.values() if asset.id in tag.assets and tag.owner == viewer]
    people = [person for person in store.people.values() if asset.id in person.assets]
    data["owner"] = user_brief(release, store.users[asset.owner])
    data["tags"] = [tag_answer(release, tag) for tag in tags]
    data["people"] = people_answer(release, asset, people, viewer)
    if release.stack_objects:
        stack = store.stack_of(asset.id)
        data["stack"] = stack and {
            "id": stack.id,
            "primaryAssetId": next(iter(stack.assets)),
            "assetCount": len(stack.assets),
        }
    return data


def people_answer(
    release: Release, asset: Asset, people: list[Person], viewer: str
) -> list[dict[str, Any]]:
    """Who is on an own asset; others see nobody (recorded). 2.x tells where the face is, too."""
    if asset.owner != viewer:
        return []
    told = []
    for person in people:
        data = person_answer(release, person)
        if release.device_ids:
            face = uuid.uuid5(uuid.UUID(person.id), asset.id)
            data["faces"] = [known(release, "face", {"id": str(face), **_FACE})]
        told.append(data)
    return told


def people_by_asset(store: Store) -> Mapping[str, list[Person]]:
    """Who is on which asset, for whole pages of them."""

    def work() -> Mapping[str, list[Person]]:
        found: defaultdict[str, list[Person]] = defaultdict(list)
        for person in store.people.values():
            for asset_id in person.assets:
                found[asset_id].append(person)
        return dict(found)

    return store.remember("people", work)


def wall_clock(asset: Asset) -> str:
    """The asset's local time written as if it were UTC, as the API does."""
    minutes = zone_minutes(asset)
    if not minutes:
        return asset.created
    local = datetime.fromisoformat(asset.created) + timedelta(minutes=minutes)
    return local.isoformat(timespec="milliseconds")[:23] + "Z"


def zone_minutes(asset: Asset) -> int:
    """The offset of a zone like `UTC-3:30`; other names have none here."""
    text = (asset.zone or "").removeprefix("UTC")
    hours, _, minutes = text[1:].partition(":")
    if not (text and text[0] in "+-" and hours.isdigit()):
        return 0
    size = 60 * int(hours) + int(minutes or 0)
    return -size if text[0] == "-" else size
