"""For admins: queues and jobs, maintenance mode, external libraries."""

from __future__ import annotations

import fnmatch
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from .answers import Issue, Refusal, answer, invalid, nothing
from .app import Call, Handler, Routes
from .checking import as_text, field, path_checksum, required
from .media import IMAGES, VIDEOS, extension_of, is_video
from .queues import Queues, queue_names
from .rows import Asset, Library, now_text

_COMMANDS = ("start", "pause", "resume", "empty", "clear-failed")
SCAN_JOB_SECONDS = 0.05
_KNOWN = frozenset(IMAGES + VIDEOS)


def add_routes(routes: Routes) -> None:
    jobs = Jobs(Queues(routes.box))

    def add(method: str, path: str, handler: Handler, name: str, permission: str) -> None:
        routes.add(method, path, handler, name=name, permission=permission, admin=True)

    add("GET", "/jobs", jobs.every, "jobs", "job.read")
    add("PUT", "/jobs/{name}", jobs.command, "jobs", "job.create")
    add("POST", "/jobs", new_job, "jobs", "job.create")
    add("GET", "/queues", jobs.queues, "queues", "queue.read")
    add("GET", "/queues/{name}", jobs.queue, "queues", "queue.read")
    add("PUT", "/queues/{name}", jobs.set_queue, "queues", "queue.update")
    add("DELETE", "/queues/{name}/jobs", jobs.drop, "queues", "queueJob.delete")
    add("POST", "/admin/maintenance", maintain, "maintenance", "maintenance")
    routes.add("GET", "/admin/maintenance/status", maintained, name="maintenance", key=False)
    add("GET", "/libraries", libraries, "libraries", "library.read")
    add("POST", "/libraries", new_library, "libraries", "library.create")
    add("GET", "/libraries/{id}", show_library, "libraries", "library.read")
    add("DELETE", "/libraries/{id}", delete_library, "libraries", "library.delete")
    add("POST", "/libraries/{id}/scan", jobs.scan, "libraries", "library.update")
    add("POST", "/libraries/{id}/validate", validate, "libraries", "all")
    add("GET", "/libraries/{id}/statistics", library_statistics, "libraries", "library.statistics")


class Jobs:
    """The routes that need the queues."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    def _legacy(self, name: str) -> dict[str, Any]:
        status = {"isActive": self._queues.active(name), "isPaused": self._queues.paused(name)}
        return {"queueStatus": status, "jobCounts": self._queues.counts(name)}

    def _told(self, name: str) -> dict[str, Any]:
        counts = self._queues.counts(name)
        return {"name": name, "isPaused": self._queues.paused(name), "statistics": counts}

    def _named(self, call: Call) -> str:
        return self._queues.known(call.request.match_info["name"])

    def _pause(self, name: str, paused: bool | None) -> None:
        if paused:
            self._queues.pause(name)
        elif paused is False:
            self._queues.resume(name)

    async def every(self, call: Call) -> web.StreamResponse:
        return answer({name: self._legacy(name) for name in queue_names(call.release)})

    async def command(self, call: Call) -> web.StreamResponse:
        """`PUT /jobs/{name}`: here even backgroundTask can be paused (recorded)."""
        name, body = self._named(call), await call.json()
        command = required(body, "command", str)
        if command not in _COMMANDS:
            old = f"command must be one of the following values: {', '.join(_COMMANDS)}"
            raise invalid(Issue(("command",), old, "Invalid option", "invalid_value"))
        if call.release.number < (1, 118, 0):
            required(body, "force", bool)
        if command == "start":
            self._queues.start(name, force=field(body, "force", bool, False))
        elif command == "empty":
            self._queues.empty(name)
        self._pause(name, {"pause": True, "resume": False}.get(command))
        return answer(self._legacy(name))

    async def queues(self, call: Call) -> web.StreamResponse:
        return answer([self._told(name) for name in queue_names(call.release)])

    async def queue(self, call: Call) -> web.StreamResponse:
        return answer(self._told(self._named(call)))

    async def set_queue(self, call: Call) -> web.StreamResponse:
        name, paused = self._named(call), field(await call.json(), "isPaused", bool)
        if paused and name == "backgroundTask":
            raise Refusal(400, "Queue backgroundTask cannot be paused")
        self._pause(name, paused)
        return answer(self._told(name))

    async def drop(self, call: Call) -> web.StreamResponse:
        """`DELETE /queues/{name}/jobs`: what waits; with `failed` those that failed, too."""
        name = self._named(call)
        field(await call.json(), "failed", bool)
        self._queues.empty(name)
        return nothing()

    async def scan(self, call: Call) -> web.StreamResponse:
        """204 at once; a job takes in what is new and marks what is gone offline and trashed."""
        library = _library(call)
        if call.release.number < (1, 116, 0):
            # The body is required there, its fields are not.
            if not await call.request.read():
                raise Refusal(400, "request body is missing")
            body = await call.json()
            field(body, "refreshModifiedFiles", bool)
            field(body, "refreshAllFiles", bool)
        self._queues.put("library", SCAN_JOB_SECONDS, lambda: _scan(call, library))
        return nothing()


async def new_job(call: Call) -> web.StreamResponse:
    required(await call.json(), "name", str)
    return nothing() if call.release.deletes_say_nothing else web.Response(status=201)


async def maintain(call: Call) -> web.StreamResponse:
    """`POST /admin/maintenance`: the mode begins; its end is the sandbox's control route."""
    action = required(await call.json(), "action", str)
    call.box.maintenance = action == "start"
    return answer({"active": call.box.maintenance, "action": action}, 201)


async def maintained(call: Call) -> web.StreamResponse:
    action = "start" if call.box.maintenance else "end"
    return answer({"active": call.box.maintenance, "action": action})


def _library(call: Call) -> Library:
    library = call.store.libraries.get(call.id)
    if library is None:
        raise Refusal(400, "Library not found")
    return library


def _content(call: Call, library: Library) -> list[Asset]:
    return [asset for asset in call.store.assets.values() if asset.library == library.id]


def _tell(call: Call, library: Library) -> dict[str, Any]:
    return {
        "id": library.id,
        "ownerId": library.owner,
        "name": library.name,
        "importPaths": library.paths,
        "exclusionPatterns": library.exclusions,
        "assetCount": len(_content(call, library)),
        "createdAt": library.added,
        "updatedAt": library.added,
        "refreshedAt": library.scanned,
    }


async def libraries(call: Call) -> web.StreamResponse:
    return answer([_tell(call, library) for library in call.store.libraries.values()])


async def new_library(call: Call) -> web.StreamResponse:
    body = await call.json()
    owner = required(body, "ownerId", str)
    if owner not in call.store.users:
        raise Refusal(400, "User not found")
    library = Library(
        str(uuid.uuid4()),
        owner,
        field(body, "name", str, "New External Library"),
        field(body, "importPaths", list, []),
        field(body, "exclusionPatterns", list, []),
    )
    call.store.save(library)
    return answer(_tell(call, library), 201)


async def show_library(call: Call) -> web.StreamResponse:
    return answer(_tell(call, _library(call)))


async def delete_library(call: Call) -> web.StreamResponse:
    library = _library(call)
    call.store.delete(_content(call, library))
    call.store.remove_library(library)
    return nothing()


async def validate(call: Call) -> web.StreamResponse:
    _library(call)
    body = await call.json()
    results = []
    for path in field(body, "importPaths", list, []):
        good = os.path.isdir(path)
        told: dict[str, Any] = {"importPath": path, "isValid": good}
        if not good:
            told["message"] = "Path does not exist (ENOENT)"
        results.append(told)
    return answer({"importPaths": results})


async def library_statistics(call: Call) -> web.StreamResponse:
    assets = _content(call, _library(call))
    videos = sum(is_video(asset.name) for asset in assets)
    usage = sum(asset.size for asset in assets)
    photos = len(assets) - videos
    return answer({"photos": photos, "videos": videos, "total": len(assets), "usage": usage})


def _scan(call: Call, library: Library) -> None:
    known = {asset.place: asset for asset in _content(call, library)}
    found = dict.fromkeys(_files(library))
    fresh = [_external(library, path) for path in found if path not in known]
    lost = [asset for path, asset in known.items() if path not in found]
    for asset in lost:
        asset.offline = asset.trashed = True
    library.scanned = now_text()
    call.store.save(*fresh, *lost, library)


def _files(library: Library) -> Iterator[str]:
    for root in library.paths:
        for folder, _, names in os.walk(root):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if extension_of(name) in _KNOWN and not any(
                    fnmatch.fnmatch(path, pattern) for pattern in library.exclusions
                ):
                    yield path


def _external(library: Library, path: str) -> Asset:
    status = os.stat(path)
    stamp = as_text(datetime.fromtimestamp(status.st_mtime, UTC))
    return Asset(
        str(uuid.uuid4()),
        library.owner,
        path_checksum(path),
        os.path.basename(path),
        status.st_size,
        stamp,
        stamp,
        library=library.id,
        place=path,
    )
