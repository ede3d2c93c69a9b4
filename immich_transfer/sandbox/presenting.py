"""Users, keys, tags and people as the API shows them."""

from __future__ import annotations

from typing import Any

from .rows import Key, Person, Tag, User
from .store import Store

_STAMP = "2024-01-01T00:00:00.000Z"


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


def person_answer(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "birthDate": None,
        "thumbnailPath": "",
        "isHidden": person.hidden,
        "isFavorite": person.favorite,
        "updatedAt": person.added,
    }
