"""What the server tells of itself, of keys, users, queues and libraries."""

from __future__ import annotations

import shutil
from typing import Any

from aiohttp import web

from .answers import Refusal, answer, nothing, user_answer
from .server import Call, Routes
from .versions import IMAGES, VIDEOS

QUEUES = [
    "thumbnailGeneration",
    "metadataExtraction",
    "videoConversion",
    "faceDetection",
    "facialRecognition",
    "smartSearch",
    "duplicateDetection",
    "backgroundTask",
    "storageTemplateMigration",
    "migration",
    "search",
    "sidecar",
    "library",
    "notifications",
    "backupDatabase",
    "ocr",
    "workflow",
    "editor",
]


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/server/ping", ping, name="ping", key=False)
    add("GET", "/server/version", version, name="version", key=False)
    add("GET", "/server/config", config, name="config", key=False)
    add("GET", "/server/features", features, key=False)
    add("GET", "/server/media-types", media_types, name="media-types", key=False)
    add("GET", "/server/about", about, permission="server.about")
    add("GET", "/server/storage", storage, permission="server.storage")
    add("GET", "/server/statistics", statistics, permission="server.statistics", admin=True)
    add("GET", "/api-keys/me", key_me, name="key")
    add("GET", "/users/me", user_me, name="me", permission="user.read")
    add("GET", "/users", users, permission="user.read")
    add("GET", "/jobs", jobs, permission="job.read", admin=True)
    add("PUT", "/jobs/{name}", set_job, permission="job.create", admin=True)
    add("GET", "/queues", queues, permission="queue.read", admin=True)
    add("PUT", "/queues/{name}", set_queue, permission="queue.update", admin=True)
    add("GET", "/libraries", libraries, permission="library.read", admin=True)


async def ping(call: Call) -> web.StreamResponse:
    return answer({"res": "pong"})


async def version(call: Call) -> web.StreamResponse:
    major, minor, patch = call.release.number
    told: dict[str, Any] = {"major": major, "minor": minor, "patch": patch}
    if not call.release.long_errors:
        told["prerelease"] = None
    return answer(told)


async def config(call: Call) -> web.StreamResponse:
    return answer(
        {
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
        }
    )


async def features(call: Call) -> web.StreamResponse:
    names = [
        "smartSearch",
        "facialRecognition",
        "duplicateDetection",
        "map",
        "reverseGeocoding",
        "importFaces",
        "sidecar",
        "search",
        "trash",
        "oauth",
        "oauthAutoLaunch",
        "passwordLogin",
        "configFile",
        "email",
        "ocr",
    ]
    return answer({name: name in ("sidecar", "search", "trash", "passwordLogin") for name in names})


async def media_types(call: Call) -> web.StreamResponse:
    return answer({"image": list(IMAGES), "video": list(VIDEOS), "sidecar": [".xmp"]})


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


async def statistics(call: Call) -> web.StreamResponse:
    assets = call.store.assets.values()
    return answer(
        {
            "photos": len(assets),
            "videos": 0,
            "usage": sum(a.size for a in assets),
            "usagePhotos": 0,
            "usageVideos": 0,
            "usageByUser": [
                {
                    "userId": u.id,
                    "userName": u.name,
                    "photos": 0,
                    "videos": 0,
                    "usage": u.usage,
                    "usagePhotos": 0,
                    "usageVideos": 0,
                    "quotaSizeInBytes": u.quota,
                }
                for u in call.store.users.values()
            ],
        }
    )


async def key_me(call: Call) -> web.StreamResponse:
    assert call.key is not None
    stamp = "2024-01-01T00:00:00.000Z"
    return answer(
        {
            "id": call.key.id,
            "name": "key",
            "createdAt": stamp,
            "updatedAt": stamp,
            "permissions": call.key.permissions,
        }
    )


async def user_me(call: Call) -> web.StreamResponse:
    return answer(user_answer(call.user))


async def users(call: Call) -> web.StreamResponse:
    return answer([user_answer(user) for user in call.store.users.values()])


async def jobs(call: Call) -> web.StreamResponse:
    quiet = {"active": 0, "completed": 0, "failed": 0, "delayed": 0, "waiting": 0, "paused": 0}
    return answer(
        {
            name: {
                "jobCounts": quiet,
                "queueStatus": {"isActive": False, "isPaused": name in call.box.paused_queues},
            }
            for name in QUEUES
        }
    )


async def queues(call: Call) -> web.StreamResponse:
    quiet = {"active": 0, "completed": 0, "failed": 0, "delayed": 0, "waiting": 0, "paused": 0}
    return answer(
        [
            {"name": name, "isPaused": name in call.box.paused_queues, "statistics": quiet}
            for name in QUEUES
        ]
    )


async def set_job(call: Call) -> web.StreamResponse:
    command = (await call.json()).get("command")
    name = _queue(call)
    if command == "pause":
        call.box.paused_queues.add(name)
    elif command == "resume":
        call.box.paused_queues.discard(name)
    return nothing()


async def set_queue(call: Call) -> web.StreamResponse:
    name = _queue(call)
    if (await call.json()).get("isPaused"):
        if name == "backgroundTask":
            raise Refusal(400, "Queue backgroundTask cannot be paused")
        call.box.paused_queues.add(name)
    else:
        call.box.paused_queues.discard(name)
    return nothing()


def _queue(call: Call) -> str:
    name = call.request.match_info["name"]
    if name not in QUEUES:
        raise Refusal(400, [f"name must be one of the following values: {', '.join(QUEUES)}"])
    return name


async def libraries(call: Call) -> web.StreamResponse:
    return answer([])
