"""The sandbox's front door: one aiohttp application, keys, routes, faults and counters.

An independent reading of the API: it shares no code with the client, so that a misreading in one
shows up against the other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from .answers import Refusal, error
from .faults import Action, Faults
from .store import Key, Store, User
from .versions import Release

Handler = Callable[["Call"], Awaitable[web.StreamResponse]]

JSON_LIMIT = 10_000_000
"""Above this the real server's body parser fails with a 500 (recorded)."""
KEEPALIVE_SECONDS = 6.0
"""Announced as 5, closed at 6 (recorded)."""


class Call:
    """One request on its way: who asks, and what the route needs."""

    def __init__(self, box: Box, request: web.Request, route: str) -> None:
        self.box = box
        self.request = request
        self.route = route
        self.key: Key | None = None
        self.lost = False
        """The answer is to be dropped after the work is done."""

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

    async def json(self) -> Any:
        """The decoded body; {} when there is none."""
        body = await self.request.read()
        if len(body) > JSON_LIMIT:
            raise Refusal(500, "Internal server error")
        try:
            return msgspec.json.decode(body) if body else {}
        except msgspec.DecodeError:
            raise Refusal(400, "Unexpected token in JSON") from None

    def cut(self) -> None:
        """Close the connection without a word (RST where unread data waits)."""
        if self.request.transport is not None:
            self.request.transport.abort()


class Counters:
    """What the sandbox has seen since it started or was reset."""

    def __init__(self) -> None:
        self.routes: Counter[str] = Counter()
        self.body_bytes = 0
        self.bodies = 0
        self.in_flight = 0
        self.peak = 0

    def tell(self) -> dict[str, Any]:
        return {
            "requests": sum(self.routes.values()),
            "routes": dict(self.routes),
            "upload_bytes": self.body_bytes,
            "upload_bodies": self.bodies,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak,
        }


class Box:
    """The running state: store, version, faults, counters, and whether it is away."""

    def __init__(self, store: Store, release: Release, faults: list[str]) -> None:
        self.store = store
        self.release = release
        self.faults = Faults(faults)
        self.counters = Counters()
        self.maintenance = False
        self.paused_queues: set[str] = set()
        self.go_away: Callable[[float], None] = lambda seconds: None
        self.jobs: set[asyncio.Task[None]] = set()

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """What a job of the server would do in a moment."""

        async def job() -> None:
            await asyncio.sleep(seconds)
            work()

        task = asyncio.get_running_loop().create_task(job())
        self.jobs.add(task)
        task.add_done_callback(self.jobs.discard)


class Routes:
    """A table of routes under /api, each with its permission and its name for faults."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.app = web.Application(client_max_size=1 << 40, middlewares=[])
        self.api: list[tuple[str, str]] = []

    def add(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        name: str = "other",
        permission: str | None = None,
        key: bool = True,
        admin: bool = False,
    ) -> None:
        """Register `handler`; `permission` None with `key` means any valid key."""
        box = self.box
        alive = name in ("ping", "version", "config")

        async def serve(request: web.Request) -> web.StreamResponse:
            box.counters.routes[name] += 1
            call = Call(box, request, name)
            if box.maintenance and not alive:
                return error(box.release, 404, f"Cannot {request.method} {request.path}")
            action = box.faults.for_request(name, request.content_length or 0)
            try:
                if action is not None:
                    early = await before(call, action)
                    if early is not None:
                        return early
                if key:
                    authorise(call, permission, admin)
                response = await handler(call)
            except Refusal as refusal:
                response = error(box.release, refusal.status, refusal.message)
            if action is not None:
                response = await after(call, action, response)
            return response

        self.app.router.add_route(method, "/api" + path, serve)

    def finish(self) -> web.Application:
        """Add the answers to everything else: 404 below /api, a web page elsewhere."""
        box = self.box

        async def unknown(request: web.Request) -> web.Response:
            box.counters.routes["unknown"] += 1
            return error(box.release, 404, f"Cannot {request.method} {request.path}")

        async def page(request: web.Request) -> web.Response:
            return web.Response(
                text="<!DOCTYPE html><title>Immich</title>", content_type="text/html"
            )

        async def well_known(request: web.Request) -> web.Response:
            return web.json_response({"api": {"endpoint": "/api"}})

        self.app.router.add_get("/.well-known/immich", well_known)
        self.app.router.add_route("*", "/api/{tail:.*}", unknown)
        self.app.router.add_route("*", "/{tail:.*}", page)
        return self.app


def authorise(call: Call, permission: str | None, admin: bool) -> None:
    """Raise the recorded 401 or 403 unless the key may do this."""
    secret = call.request.headers.get("x-api-key") or call.request.query.get("apiKey")
    if not secret:
        raise Refusal(401, "Authentication required")
    key = call.store.keys.get(secret)
    if key is None:
        raise Refusal(401, "Invalid API key")
    call.key = key
    if (
        permission is not None
        and "all" not in key.permissions
        and permission not in key.permissions
    ):
        raise Refusal(403, f"Missing required permission: {permission}")
    if admin and not call.user.admin:
        raise Refusal(403, "Forbidden")


async def before(call: Call, action: Action) -> web.StreamResponse | None:
    """Faults that show before the work is done; None lets the request pass."""
    request = call.request
    match action.kind:
        case "reset":
            left = int(action.number("at", 0))
            while left > 0:
                chunk = await request.content.readany()
                if not chunk:
                    break
                left -= len(chunk)
            call.cut()
            raise asyncio.CancelledError
        case "stall":
            await asyncio.sleep(action.number("seconds", 3600))
            call.cut()
            raise asyncio.CancelledError
        case "slow":
            request["rate"] = action.number("rate", 100_000)
            return None
        case "html":
            return web.Response(text="<!DOCTYPE html><h1>proxy</h1>", content_type="text/html")
        case "redirect":
            return web.Response(
                status=int(action.number("status", 302)),
                headers={"Location": action.options.get("to", "/elsewhere")},
            )
    if action.status is not None:
        if "early" not in action.options:
            async for _ in request.content.iter_any():
                pass
        headers = {}
        if "retry-after" in action.options:
            headers["Retry-After"] = action.options["retry-after"]
        response = web.Response(
            status=action.status, headers=headers, text="<h1>fault</h1>", content_type="text/html"
        )
        if "early" in action.options:
            response.force_close()
        return response
    return None


async def after(call: Call, action: Action, response: web.StreamResponse) -> web.StreamResponse:
    """Faults that spoil the answer of work that was done."""
    match action.kind:
        case "lost":
            call.cut()
            raise asyncio.CancelledError
        case "delay":
            await asyncio.sleep(action.number("seconds", 1))
        case "truncated" if isinstance(response, web.Response) and isinstance(response.body, bytes):
            return web.Response(
                body=response.body[: len(response.body) // 2],
                status=response.status,
                content_type="application/json",
            )
    return response


class Listener:
    """The socket: can go away for a while and come back on the same port."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=KEEPALIVE_SECONDS,
            handle_signals=False,
            handler_cancellation=True,
            shutdown_timeout=0.5,
            # Large bodies come in large pieces: three times the throughput of the default 64 KiB.
            read_bufsize=1 << 20,
        )
        self._host = host
        self.port = port
        self._site: web.TCPSite | None = None
        self._back: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._runner.setup()
        await self._listen()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, self._host, self.port, reuse_address=True)
        await self._site.start()
        if self.port == 0:
            self.port = self._runner.addresses[0][1]

    def go_away(self, seconds: float) -> None:
        """Refuse connections and drop live ones for so long."""
        self._back = asyncio.get_running_loop().create_task(self._away(seconds))

    async def _away(self, seconds: float) -> None:
        if self._site is not None:
            await self._site.stop()
            self._site = None
        server = self._runner.server
        if server is not None:
            for connection in list(server.connections):
                if connection.transport is not None:
                    connection.transport.abort()
        await asyncio.sleep(seconds)
        await self._listen()

    async def stop(self) -> None:
        if self._back is not None:
            self._back.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._back
        await self._runner.cleanup()
