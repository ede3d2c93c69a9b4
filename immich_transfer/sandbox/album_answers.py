"""Albums as the API shows them, per version."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .asset_answers import asset_answer
from .presenting import user_brief
from .rows import Album
from .sight import members
from .store import Store
from .versions import Release


def album_answer(
    release: Release,
    store: Store,
    album: Album,
    viewer: str,
    *,
    assets: bool = False,
    alone: bool = False,
) -> dict[str, Any]:
    """An album; `assets` puts the members in where the version does so.

    `alone` tells more, as `GET /albums/{id}` does: of a shared one, who gave how many.
    """
    inside = members(store, album)
    owner = user_brief(release, store.users[album.owner])
    others: list[dict[str, Any]] = [
        {"user": user_brief(release, store.users[user]), "role": role}
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
    if album.roles and alone and release.has((2,)):
        counts = Counter(asset.owner for asset in inside)
        data["contributorCounts"] = [
            {"userId": user, "assetCount": count} for user, count in counts.most_common()
        ]
    return data
