"""Users, keys, tags and people as the API shows them."""

from __future__ import annotations

from typing import Any

from .lifetimes import known
from .rows import Key, Person, Tag, User
from .store import Store
from .versions import Release

_STAMP = "2024-01-01T00:00:00.000Z"


def user_brief(release: Release, user: User) -> dict[str, Any]:
    """A user as others see them."""
    told = {
        "id": user.id,
        "name": user.name,
        "email": f"{user.id[:8]}@example.org",
        "avatarColor": "primary",
        "profileImagePath": "",
        "profileChangedAt": _STAMP,
    }
    return known(release, "user", told)


def user_answer(release: Release, store: Store, user: User) -> dict[str, Any]:
    """A user as they see themselves."""
    told = {
        **user_brief(release, user),
        "clusterGroupId": user.id,
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
    return known(release, "user", told)


def key_answer(release: Release, key: Key) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": key.id,
        "name": key.name,
        "createdAt": key.added,
        "updatedAt": key.added,
    }
    return told | {"permissions": key.permissions} if release.key_permissions else told


def tag_answer(release: Release, tag: Tag) -> dict[str, Any]:
    if not release.tag_paths:  # a slash is a letter like any other
        return {"id": tag.id, "name": tag.value, "type": "CUSTOM", "userId": tag.owner}
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


def person_answer(release: Release, person: Person) -> dict[str, Any]:
    told = {
        "id": person.id,
        "name": person.name,
        "birthDate": None,
        "thumbnailPath": "",
        "isHidden": person.hidden,
        "isFavorite": person.favorite,
        "updatedAt": person.added,
    }
    return known(release, "person", told)
