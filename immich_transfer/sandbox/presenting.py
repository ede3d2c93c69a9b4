"""Rows as the API shows them, per version."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from .rows import Album, Asset, Key, Tag, User
from .sight import members
from .store import Store
from .versions import Release, is_video, media_type, words

_STAMP = "2024-01-01T00:00:00.000Z"
_NO_EXIF: Mapping[str, None] = dict.fromkeys(
    words(
        """make model exifImageWidth exifImageHeight orientation dateTimeOriginal modifyDate
    timeZone lensModel fNumber focalLength iso exposureTime city state country projectionType"""
    )
)


def asset_answer(
    release: Release, store: Store, asset: Asset, viewer: str, *, exif: bool = True
) -> dict[str, Any]:
    """An asset as `viewer` (a user's id) sees it."""
    video = is_video(asset.name)
    mine = asset.owner == viewer
    duration: str | int | None = "0:00:00.00000" if release.duration_text else None
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
        "localDateTime": asset.created,
        "updatedAt": asset.updated,
        "isFavorite": asset.favorite and mine,
        "isArchived": asset.visibility == "archive",
        "isTrashed": asset.trashed,
        "visibility": asset.visibility,
        "duration": duration,
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
    }
    if exif:
        data["exifInfo"] = {
            **_NO_EXIF,
            "fileSizeInByte": asset.size,
            "description": asset.description,
            "rating": asset.rating,
            "latitude": asset.latitude,
            "longitude": asset.longitude,
        }
    if release.device_ids:
        device = asset.device or ("Library Import" if asset.library else "sandbox")
        data["deviceAssetId"], data["deviceId"] = asset.device_asset or asset.id, device
        data["unassignedFaces"] = []
    return data


def whole_asset_answer(release: Release, store: Store, asset: Asset, viewer: str) -> dict[str, Any]:
    """As `GET /assets/{id}`: with owner, tags and stack, which lists leave out."""
    data = asset_answer(release, store, asset, viewer)
    tags = [tag for tag in store.tags.values() if asset.id in tag.assets and tag.owner == viewer]
    data["owner"] = user_brief(store.users[asset.owner])
    data["tags"] = [tag_answer(tag) for tag in tags]
    stack = store.stack_of(asset.id)
    data["stack"] = stack and {
        "id": stack.id,
        "primaryAssetId": next(iter(stack.assets)),
        "assetCount": len(stack.assets),
    }
    return data


def user_brief(user: User) -> dict[str, Any]:
    """A user as others see them."""
    return {
        "id": user.id,
        "name": user.name,
        "email": f"{user.id[:8]}@example.org",
        "avatarColor": "primary",
        "profileImagePath": "",
        "profileChangedAt": _STAMP,
    }


def user_answer(store: Store, user: User) -> dict[str, Any]:
    """A user as they see themselves."""
    return {
        **user_brief(user),
        "isAdmin": user.admin,
        "createdAt": user.added,
        "updatedAt": user.added,
        "deletedAt": None,
        "storageLabel": "admin" if user.admin else None,
        "oauthId": "",
        "shouldChangePassword": False,
        "status": "active",
        "license": None,
        "quotaSizeInBytes": user.quota,
        "quotaUsageInBytes": store.usage[user.id],
    }


def key_answer(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "createdAt": key.added,
        "updatedAt": key.added,
        "permissions": key.permissions,
    }


def tag_answer(tag: Tag) -> dict[str, Any]:
    data = {
        "id": tag.id,
        "name": tag.value.rsplit("/", 1)[-1],
        "value": tag.value,
        "createdAt": tag.added,
        "updatedAt": tag.added,
    }
    if tag.parent is not None:
        data["parentId"] = tag.parent
    return data


def album_answer(
    release: Release, store: Store, album: Album, viewer: str, *, assets: bool = False
) -> dict[str, Any]:
    """An album; `assets` puts the members in where the version does so."""
    inside = members(store, album)
    owner = user_brief(store.users[album.owner])
    others: list[dict[str, Any]] = [
        {"user": user_brief(store.users[user]), "role": role}
        for user, role in album.roles.items()
        if user in store.users
    ]
    data: dict[str, Any] = {
        "id": album.id,
        "albumName": album.name,
        "description": album.description,
        "assetCount": len(inside),
        "order": album.order,
        "shared": bool(album.roles),
        "hasSharedLink": False,
        "isActivityEnabled": True,
        "albumThumbnailAssetId": inside[0].id if inside else None,
        "createdAt": album.added,
        "updatedAt": album.updated,
        "albumUsers": others,
    }
    if inside:
        data["startDate"] = min(asset.created for asset in inside)
        data["endDate"] = max(asset.created for asset in inside)
        data["lastModifiedAssetTimestamp"] = max(asset.updated for asset in inside)
    if release.albums_hold_assets:
        newest = sorted(inside, key=lambda a: a.created, reverse=album.order != "asc")
        data |= {"ownerId": album.owner, "owner": owner, "assets": []}
        if assets:
            data["assets"] = [asset_answer(release, store, asset, viewer) for asset in newest]
    else:
        # The owner first, then the caller, then by name (recorded).
        others.sort(key=lambda o: (o["user"]["id"] != viewer, o["user"]["name"]))
        data["albumUsers"] = [{"user": owner, "role": "owner"}, *others]
    return data
