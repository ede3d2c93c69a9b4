"""What the server tells of itself, of keys and of users."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from .answers import Issue, Refusal, answer, gone, invalid
from .app import Call, Routes
from .checking import required
from .lifetimes import grantable, known
from .media import IMAGES, SIDECARS, VIDEOS, is_video
from .presenting import key_answer, user_answer, user_brief
from .rows import Asset, Key
from .versions import words

_FEATURES = words(
    """smartSearch facialRecognition duplicateDetection map reverseGeocoding importFaces
sidecar search trash oauth oauthAutoLaunch passwordLogin configFile email ocr realtimeTranscoding"""
)
_ON = frozenset(words("sidecar search smartSearch facialRecognition trash passwordLogin"))


def add_routes(routes: Routes) -> None:
    add = routes.add
    for prefix in ("/server", "/server-info"):
        add("GET", f"{prefix}/ping", ping, name="ping", key=False)
        add("GET", f"{prefix}/version", version, name="version", key=False)
        add("GET", f"{prefix}/config", config, name="config", key=False)
        add("GET", f"{prefix}/features", features, name="features", key=False)
        add("GET", f"{prefix}/media-types", media_types, name="media-types", key=False)
        add("GET", f"{prefix}/theme", theme, key=False)
        add("GET", f"{prefix}/about", about, name="about", permission="server.about")
        add("GET", f"{prefix}/storage", storage, name="storage", permission="server.storage")
        add(
            "GET",
            f"{prefix}/statistics",
            statistics,
            name="server-statistics",
            permission="server.statistics",
            admin=True,
        )
    add("GET", "/api-keys/me", key_me, name="key", any_key=True)
    add("GET", "/api-keys", keys, name="keys", permission="apiKey.read")
    add("POST", "/api-keys", new_key, name="keys", permission="apiKey.create")
    add("GET", "/api-keys/{id}", show_key, name="keys", permission="apiKey.read")
    add("DELETE", "/api-keys/{id}", delete_key, name="keys", permission="apiKey.delete")
    add("GET", "/users/me", user_me, name="me", permission="user.read")
    add("GET", "/users", users, name="users", permission="user.read")
    add("GET", "/users/{id}", user, name="users", permission="user.read")
    add("POST", "/sync/stream", sync, name="sync", permission="sync.stream")


async def ping(call: Call) -> web.StreamResponse:
    return answer({"res": "pong"})


async def version(call: Call) -> web.StreamResponse:
    major, minor, patch = call.release.number
    told: dict[str, Any] = {"major": major, "minor": minor, "patch": patch}
    if call.release.has((3,)):
        told["prerelease"] = None
    return answer(told)


async def config(call: Call) -> web.StreamResponse:
    told: dict[str, Any] = {
        "loginPageMessage": "",
        "trashDays": 30,
        "userDeleteDelay": 7,
        "oauthButtonText": "",
        "isInitialized": True,
        "isOnboarded": True,
        "externalDomain": "",
        "publicUsers": True,
        "mapDarkStyleUrl": "",
        "mapLightStyleUrl": "",
        "maintenanceMode": call.box.maintenance,
        "minFaces": 3,
    }
    return answer(known(call.release, "config", told))


async def features(call: Call) -> web.StreamResponse:
    told = {name: name in _ON for name in _FEATURES}
    return answer(known(call.release, "features", told))


async def media_types(call: Call) -> web.StreamResponse:
    return answer({"image": list(IMAGES), "video": list(VIDEOS), "sidecar": list(SIDECARS)})


async def theme(call: Call) -> web.StreamResponse:
    return answer({"customCss": ""})


async def about(call: Call) -> web.StreamResponse:
    return answer({"version": f"v{call.release.text}", "versionUrl": "", "licensed": False})


async def storage(call: Call) -> web.StreamResponse:
    disk = shutil.disk_usage(call.store.folder)
    return answer(
        {
            "diskSize": f"{disk.total >> 30} GiB",
            "diskUse": f"{disk.used >> 30} GiB",
            "diskAvailable": f"{disk.free >> 30} GiB",
            "diskSizeRaw": disk.total,
            "diskUseRaw": disk.used,
            "diskAvailableRaw": disk.free,
            "diskUsagePercentage": round(100 * disk.used / disk.total, 2),
        }
    )


def _usage(call: Call, assets: Iterable[Asset]) -> dict[str, int]:
    videos = usage = usage_videos = count = 0
    for asset in assets:
        count += 1
        usage += asset.size
        if is_video(asset.name):
            videos += 1
            usage_videos += asset.size
    told = {"photos": count - videos, "videos": videos, "usage": usage}
    if call.release.number >= (1, 120, 0):
        told |= {"usagePhotos": usage - usage_videos, "usageVideos": usage_videos}
    return told


async def statistics(call: Call) -> web.StreamResponse:
    everything = call.store.assets.values()
    by_user = [
        {
            "userId": user.id,
            "userName": user.name,
            **_usage(call, (asset for asset in everything if asset.owner == user.id)),
            "quotaSizeInBytes": user.quota,
        }
        for user in call.store.users.values()
    ]
    return answer({**_usage(call, everything), "usageByUser": by_user})


async def key_me(call: Call) -> web.StreamResponse:
    assert call.key is not None
    return answer(key_answer(call.release, call.key))


async def keys(call: Call) -> web.StreamResponse:
    mine = (key for key in call.store.keys.values() if key.user == call.user.id)
    return answer([key_answer(call.release, key) for key in mine])


async def show_key(call: Call) -> web.StreamResponse:
    return answer(key_answer(call.release, _key(call)))


def _key(call: Call) -> Key:
    """The caller's key of the id in the path."""
    wanted = call.id
    mine = (k for k in call.store.keys.values() if k.id == wanted and k.user == call.user.id)
    key = next(mine, None)
    if key is None:
        raise Refusal(400, "API Key not found")
    return key


async def new_key(call: Call) -> web.StreamResponse:
    """`POST /api-keys`: a key may not give what it does not have."""
    assert call.key is not None
    body = await call.json()
    if not call.release.key_permissions:
        return _new_key(call, body, ["all"])
    permissions = required(body, "permissions", list)
    if not permissions:
        old, new = "permissions must contain at least 1 elements", "Too small: expected >=1 items"
        raise invalid(Issue(("permissions",), old, new, "too_small"))
    if not all(grantable(call.release, name) for name in permissions):
        old, new = "each value in permissions must be one of the known ones", "Invalid option"
        raise invalid(Issue(("permissions",), old, new, "invalid_value"))
    held = call.key.permissions
    if "all" not in held and not set(permissions) <= set(held):
        raise Refusal(400, "Cannot grant permissions you do not have")
    return _new_key(call, body, permissions)


def _new_key(call: Call, body: dict[str, Any], permissions: list[str]) -> web.StreamResponse:
    key = call.store.add_key(call.user, permissions, name=body.get("name") or "API Key")
    return answer({"secret": key.secret, "apiKey": key_answer(call.release, key)}, 201)


async def delete_key(call: Call) -> web.StreamResponse:
    call.store.remove_key(_key(call))
    return gone(call.release)


async def user_me(call: Call) -> web.StreamResponse:
    return answer(user_answer(call.release, call.store, call.user))


async def users(call: Call) -> web.StreamResponse:
    return answer([user_brief(call.release, user) for user in call.store.users.values()])


async def user(call: Call) -> web.StreamResponse:
    found = call.store.users.get(call.id)
    if found is None:
        raise Refusal(400, "User not found")
    return answer(user_brief(call.release, found))


async def sync(call: Call) -> web.StreamResponse:
    raise Refusal(403, "Sync endpoints cannot be used with API keys")
