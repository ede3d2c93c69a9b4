"""The shapes of answers and errors, per version (recorded on 2.7.5 and 3.0.3)."""

from __future__ import annotations

import base64
import os
from typing import Any

import msgspec
from aiohttp import web

from .store import Album, Asset, Store, User
from .versions import VIDEOS, Release


class Refusal(Exception):
    """An error answer: the message is the server's own text."""

    def __init__(self, status: int, message: str | list[Any]) -> None:
        super().__init__(str(message))
        self.status = status
        self.message = message


_NAMES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
}


def answer(data: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(data), status=status, content_type="application/json"
    )


def nothing() -> web.Response:
    return web.Response(status=204)


def error(release: Release, status: int, message: str | list[Any]) -> web.Response:
    """2.x: message, error, statusCode, correlationId; 3.x: message, and `errors` when several."""
    body: dict[str, Any] = {"message": message}
    if release.long_errors:
        body |= {"statusCode": status, "correlationId": "sandbox1"}
        if status != 500:
            body["error"] = _NAMES.get(status, "Error")
    elif isinstance(message, list):
        body = {
            "message": "Validation failed",
            "errors": [
                {
                    "code": "invalid_type",
                    "path": [str(m).split(" ", 1)[0]],
                    "message": f"Invalid input: {m}",
                }
                for m in message
            ],
        }
    return answer(body, status)


def asset_answer(
    release: Release, store: Store, asset: Asset, *, exif: bool = True
) -> dict[str, Any]:
    video = os.path.splitext(asset.name)[1].lower() in VIDEOS
    data: dict[str, Any] = {
        "id": asset.id,
        "createdAt": asset.added,
        "ownerId": asset.owner,
        "libraryId": None,
        "type": "VIDEO" if video else "IMAGE",
        "originalPath": f"upload/{asset.id}",
        "originalFileName": asset.name,
        "originalMimeType": "video/mp4" if video else "image/jpeg",
        "thumbhash": None,
        "fileCreatedAt": asset.created,
        "fileModifiedAt": asset.modified,
        "localDateTime": asset.created,
        "updatedAt": asset.added,
        "isFavorite": asset.favorite,
        "isArchived": asset.visibility == "archive",
        "isTrashed": asset.trashed,
        "visibility": asset.visibility,
        "duration": ("0:00:00.00000" if release.device_ids_required else None),
        "livePhotoVideoId": asset.live_video,
        "tags": [
            {"id": t.id, "name": t.value.rsplit("/", 1)[-1], "value": t.value}
            for t in store.tags.values()
            if asset.id in t.assets
        ],
        "people": [],
        "checksum": base64.b64encode(bytes.fromhex(asset.sha1)).decode(),
        "stack": None,
        "isOffline": False,
        "hasMetadata": True,
        "duplicateId": None,
        "resized": True,
        "width": None,
        "height": None,
        "isEdited": False,
    }
    if exif:
        data["exifInfo"] = {"fileSizeInByte": asset.size}
    if release.device_ids_required:
        data |= {"deviceAssetId": asset.id, "deviceId": "sandbox", "unassignedFaces": []}
    return data


def user_answer(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "email": f"{user.name.lower()}@example.org",
        "isAdmin": user.admin,
        "avatarColor": "primary",
        "profileImagePath": "",
        "profileChangedAt": "2024-01-01T00:00:00.000Z",
        "createdAt": "2024-01-01T00:00:00.000Z",
        "updatedAt": "2024-01-01T00:00:00.000Z",
        "deletedAt": None,
        "storageLabel": None,
        "oauthId": "",
        "shouldChangePassword": False,
        "status": "active",
        "license": None,
        "quotaSizeInBytes": user.quota,
        "quotaUsageInBytes": user.usage,
    }


def short_user(user: User) -> dict[str, Any]:
    wanted = ("id", "name", "email", "avatarColor", "profileImagePath", "profileChangedAt")
    return {key: value for key, value in user_answer(user).items() if key in wanted}


def members(store: Store, album: Album) -> list[Asset]:
    """What counts as in the album: timeline and archive, not trashed (recorded)."""
    return [
        asset
        for asset_id in album.assets
        if (asset := store.assets.get(asset_id)) is not None
        and not asset.trashed
        and asset.visibility in ("timeline", "archive")
    ]


def album_answer(
    release: Release, store: Store, album: Album, *, with_assets: bool = False
) -> dict[str, Any]:
    assets = members(store, album)
    owner = short_user(store.users[album.owner])
    data: dict[str, Any] = {
        "id": album.id,
        "albumName": album.name,
        "description": album.description,
        "assetCount": len(assets),
        "order": "desc",
        "shared": False,
        "hasSharedLink": False,
        "isActivityEnabled": True,
        "albumThumbnailAssetId": assets[0].id if assets else None,
        "createdAt": album.created,
        "updatedAt": album.created,
        "albumUsers": [],
    }
    if assets:
        dates = sorted(asset.created for asset in assets)
        data |= {"startDate": dates[0], "endDate": dates[-1]}
    if release.albums_hold_assets:
        data |= {"ownerId": album.owner, "owner": owner, "assets": []}
        if with_assets:
            data["assets"] = [asset_answer(release, store, asset) for asset in assets]
    else:
        data["albumUsers"] = [{"user": owner, "role": "owner"}]
    return data
