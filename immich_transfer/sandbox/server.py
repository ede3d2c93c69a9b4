"""An Immich-compatible server in one process: for demo, tests and benchmarks.

async with Sandbox("data", version="2.7") as box:
    print(box.url, box.key)

Requests go app (route, key, faults) → one of the rooms (uploads, assets, originals, albums, tags,
people, search, timeline, archives, info, admin) → store (rows in memory and SQLite, files on disk).
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from types import TracebackType

import msgspec

from . import (
    admin,
    albums,
    archives,
    asset_files,
    assets,
    info,
    originals,
    people,
    search,
    tags,
    timeline,
    uploads,
)
from .app import Box, Routes
from .control import add_control
from .labour import Labour
from .listener import Listener
from .store import Store
from .versions import RELEASES

ROOMS = (
    info,
    uploads,
    assets,
    asset_files,
    originals,
    albums,
    tags,
    people,
    search,
    timeline,
    archives,
    admin,
)


class Sandbox:
    """A sandbox on a socket of this process. `port` 0 takes a free one.

    `durable` syncs files and rows to disk, which a real server's database does and its file
    writes do not. `slow` is the most uploads it takes in a second, as one whose jobs run. Raises
    `BadFault` for a rule that is none, `OSError` for a port that is taken (when entered).
    """

    def __init__(
        self,
        data: str,
        *,
        version: str = "2.7",
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
        faults: Sequence[str] = (),
        durable: bool = False,
        slow: float | None = None,
    ) -> None:
        self._host = host
        self.release = RELEASES[version]
        self.data = data
        self._store = Store(data, key, durable=durable)
        self.key = key or self._store.first_key
        labour = None if slow is None else Labour(slow)
        self._box = Box(self._store, self.release, list(faults), labour)
        routes = Routes(self._box)
        for room in ROOMS:
            room.add_routes(routes)
        self.routes = tuple(routes.known)
        """Method and path of every route this version has."""
        add_control(routes.app, self._box)
        self._listener = Listener(routes.finish(), self._box, host, port)
        self._box.go_away = self._listener.go_away

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._listener.port}"

    async def __aenter__(self) -> Sandbox:
        await self._listener.start()
        for action in self._box.faults.at_once:
            self._box.obey(action)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._listener.stop()
        self._box.close()
        self._store.close()


async def run(sandbox: Sandbox, *, as_json: bool) -> None:
    """Run until SIGINT or SIGTERM; says where it is once it listens."""
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    async with sandbox:
        sys.stdout.write(_ready_line(sandbox) if as_json else _welcome(sandbox))
        sys.stdout.flush()
        await end.wait()


def _ready_line(sandbox: Sandbox) -> str:
    ready = {
        "type": "sandbox",
        "url": sandbox.url,
        "api_key": sandbox.key,
        "version": sandbox.release.text,
        "data": sandbox.data,
    }
    return msgspec.json.encode(ready).decode() + "\n"


def _welcome(sandbox: Sandbox) -> str:
    return (
        f"Immich-compatible sandbox, version {sandbox.release.text}, data in {sandbox.data}\n\n"
        f"  export IMMICH_URL={sandbox.url}\n"
        f"  export IMMICH_API_KEY={sandbox.key}\n\nCtrl-C ends it.\n"
    )
