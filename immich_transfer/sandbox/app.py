"""One request on its way through the sandbox: its route, its key, its faults, its answer.

An independent reading of the API: it shares no code with the client, so that a misreading in one
shows up against the other.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from .answers import Answered, Refusal, error
from .checking import uuid_of
from .faulting import after, before
from .faults import Action, Faults
from .labour import Labour
from .lifetimes import lives, permission_of
from .recording import Recorder, note_status
from .rows import Key, User
from .store import Store
from .versions import Release, words

Item = TypeVar("Item")
Handler = Callable[["Call"], Awaitable[web.StreamResponse]]

JSON_LIMIT = 10_000_000
"""Above this the real server's body parser fails with a 500 (recorded)."""
COUNTED_AS_OTHER = frozenset(
    words(
        """features about storage server-statistics keys users asset asset-update asset-delete
    asset-statistics exist thumbnail trash album-remove stacks search-statistics timeline
    download-info jobs queues libraries maintenance sync people
    asset-files"""
    )
)
"""Routes that are counted under `other` as well as under their own name."""
ALIVE = frozenset(["ping", "version", "config", "maintenance"])
"""What still answers in maintenance mode."""


class Call:
    """One request: who asks, and what the route needs."""

    def __init__(self, box: Box, request: web.Request, names: tuple[str, ...]) -> None:
        self.box = box
        self.request = request
        self.names = names
        self.key: Key | None = None
        self.action: Action | None = None
        """The fault in force for this request."""

    @property
    def store(self) -> Store:
        return self.box.store

    @property
    def release(self) -> Release:
        return self.box.release

    @property
    def user(self) -> User:
        assert self.key is not None
        return self.store.users[self.key.user]

    @property
    def id(self) -> str:
        """The id in the path; 400 when it is none."""
        return uuid_of(self.release, self.request.match_info["id"])

    def fault(self, kind: str) -> Action | None:
        """The fault in force, if it is of this kind."""
        return self.action if self.action is not None and self.action.kind == kind else None

    def kept(self, items: Sequence[Item]) -> Sequence[Item]:
        """What of a listing's items is told: a `miss` fault leaves out the last ones."""
        fault = self.fault("miss")
        if fault is None:
            return items
        return items[: max(0, len(items) - int(fault.number("by", 1)))]

    async def json(self) -> dict[str, Any]:
        """The decoded body, an object; {} when there is none."""
        body = await self.request.read()
        if len(body) > JSON_LIMIT:
            raise Refusal(500, "Internal server error")
        try:
            data = msgspec.json.decode(body) if body else {}
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refusal(400, "Unexpected token in JSON") from None
        return data if isinstance(data, dict) else {}

    def cut(self) -> None:
        """Close the connection without a word (RST where unread data waits)."""
        if self.request.transport is not None:
            self.request.transport.abort()


class Counters:
    """What the sandbox has seen since it started or was reset."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Count anew. Uploads that are under way stay in flight, and are counted out."""
        self.requests = 0
        self.routes: Counter[str] = Counter()
        self.connections = 0
        self.body_bytes = 0
        self.bodies = 0
        self.original_bytes = 0
        """Of originals, that left through the socket; a client that died may not have read them."""
        self.peak = self.in_flight

    def saw(self, name: str) -> None:
        self.requests += 1
        self.routes[name] += 1
        if name in COUNTED_AS_OTHER:
            self.routes["other"] += 1

    def tell(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "routes": dict(self.routes),
            "connections": self.connections,
            "upload_bytes": self.body_bytes,
            "upload_bodies": self.bodies,
            "original_bytes": self.original_bytes,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak,
        }


class Box:
    """The running state: store, version, faults, counters, and whether it is away."""

    def __init__(
        self, store: Store, release: Release, faults: list[str], labour: Labour | None = None
    ) -> None:
        self.store = store
        self.release = release
        self.faults = Faults(faults)
        self.counters = Counters()
        self.recorder = Recorder()
        self.labour = labour
        self.maintenance = False
        self.paused_queues: set[str] = set()
        self.go_away: Callable[[float, bool], None] = lambda seconds, unheard: None
        self.workers = ThreadPoolExecutor(4, "sandbox-body")
        """Hash and write large bodies."""
        self._jobs: set[asyncio.Task[None]] = set()

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """What a job of the server would do in a moment."""

        async def job() -> None:
            await asyncio.sleep(seconds)
            work()

        task = asyncio.get_running_loop().create_task(job())
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    def close(self) -> None:
        """Forget the jobs and end the worker threads."""
        for job in self._jobs:
            job.cancel()
        self.workers.shutdown(wait=False)

    def obey(self, action: Action) -> None:
        """A fault of the whole server."""
        seconds = action.number("seconds", 8)
        if action.kind == "away":
            self.go_away(seconds, action.has("unheard"))
        else:
            self.maintenance = True
            self.later(seconds, self._end_maintenance)

    def _end_maintenance(self) -> None:
        self.maintenance = False


class Routes:
    """A table of routes under /api, each with its permission and its name for faults."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.known: list[tuple[str, str]] = []
        """Method and path below /api of every route."""
        self.app = web.Application(client_max_size=1 << 40)
        self.app.on_response_prepare.append(self._heads)

    async def _heads(self, request: web.Request, response: web.StreamResponse) -> None:
        """The headers every answer carries (recorded)."""
        headers = response.headers
        if response.keep_alive:
            headers["Connection"] = "keep-alive"
            headers["Keep-Alive"] = "timeout=5"
        name = self.box.release.correlation_header
        headers[name] = request.headers.get(name) or request.get("cid") or _correlation()

    def add(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        name: str = "other",
        permission: str | None = None,
        key: bool = True,
        any_key: bool = False,
        admin: bool = False,
    ) -> None:
        """Register `handler` if the version has the route.

        A route without a `permission` takes every valid key, and from 1.136 on one with `all`
        unless it says `any_key`.
        """
        box = self.box
        if not lives(box.release, method, path):
            return
        if permission is None and box.release.unnamed_needs_all and not any_key:
            permission = "all"
        permission = permission_of(box.release, path, permission)
        names = (name, "other") if name in COUNTED_AS_OTHER else (name,)

        async def serve(request: web.Request) -> web.StreamResponse:
            box.counters.saw(name)
            if box.recorder.on:
                await box.recorder.note(request, path)
            call = Call(box, request, names)
            response: web.StreamResponse
            try:
                if box.maintenance and name not in ALIVE:
                    raise Refusal(404, f"Cannot {request.method} {request.path}")
                call.action = box.faults.for_request(names, request.content_length or 0)
                if call.action is not None:
                    await before(call)
                if key:
                    authorise(call, permission, admin)
                response = await handler(call)
            except Refusal as refusal:
                response = refuse(box.release, request, refusal)
            except Answered as answered:
                return answered.response
            if call.action is not None:
                response = await after(call, response)
            note_status(request, response.status)
            return response

        self.known.append((method, path))
        self.app.router.add_route(method, "/api" + path, serve)
        if method == "GET":
            self.app.router.add_route("HEAD", "/api" + path, serve)

    def finish(self) -> web.Application:
        """Add the answers to everything else: 404 below /api, a web page elsewhere."""
        box = self.box

        async def unknown(request: web.Request) -> web.StreamResponse:
            # Before any look at the key (recorded).
            box.counters.saw("unknown")
            if box.recorder.on:
                await box.recorder.note(request, None)
                note_status(request, 404)
            return refuse(
                box.release, request, Refusal(404, f"Cannot {request.method} {request.path}")
            )

        async def page(request: web.Request) -> web.Response:
            box.counters.saw("page")
            return web.Response(
                text="<!DOCTYPE html><title>Immich</title>", content_type="text/html"
            )

        async def well_known(request: web.Request) -> web.Response:
            box.counters.saw("well-known")
            return web.json_response({"api": {"endpoint": "/api"}})

        self.app.router.add_get("/.well-known/immich", well_known)
        self.app.router.add_route("*", "/api/{tail:.*}", unknown)
        self.app.router.add_route("*", "/{tail:.*}", page)
        return self.app


def _correlation() -> str:
    return secrets.token_hex(4)


def refuse(release: Release, request: web.Request, refusal: Refusal) -> web.Response:
    """The error answer, its correlation id in header and (2.x) body."""
    cid = request.headers.get(release.correlation_header) or _correlation()
    request["cid"] = cid
    return error(release, refusal, cid)


def authorise(call: Call, permission: str | None, admin: bool) -> None:
    """Raise the recorded 401 or 403 unless the key may do this."""
    request = call.request
    if request.query_string and "key" in request.query:
        # A share key wins over everything, and the sandbox has no shares.
        raise Refusal(401, "Invalid share key")
    secret = request.headers.get("x-api-key") or (
        request.query.get("apiKey") if request.query_string else None
    )
    if not secret:
        if "Authorization" in request.headers or "x-immich-user-token" in request.headers:
            raise Refusal(401, "Invalid user token")
        raise Refusal(401, "Authentication required")
    key = call.store.keys.get(secret)
    if key is None:
        raise Refusal(401, "Invalid API key")
    call.key = key
    if admin and not call.user.admin:
        raise Refusal(403, "Forbidden")
    held = key.permissions
    if permission is not None and "all" not in held and permission not in held:
        raise Refusal(403, f"Missing required permission: {permission}")
