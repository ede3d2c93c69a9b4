"""An Immich-compatible server in one process: for demo, tests and benchmarks.

async with Sandbox("data", version="2.7") as box:
    print(box.url, box.key)
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from types import TracebackType

import msgspec

from . import albums, info, library, uploads
from .control import add_control
from .server import Box, Listener, Routes
from .store import Store
from .versions import RELEASES


class Sandbox:
    """A sandbox on a socket of this process. `port` 0 takes a free one."""

    def __init__(
        self,
        data: str,
        *,
        version: str = "2.7",
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
        faults: Sequence[str] = (),
    ) -> None:
        self._host = host
        self.release = RELEASES[version]
        self.data = data
        self._store = Store(data, key)
        self.key = key or self._store.first_key
        self._box = Box(self._store, self.release, list(faults))
        routes = Routes(self._box)
        for rooms in (info, uploads, library, albums):
            rooms.add_routes(routes)
        add_control(routes.app, self._box)
        self._listener = Listener(routes.finish(), host, port)
        self._box.go_away = self._listener.go_away

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._listener.port}"

    async def __aenter__(self) -> Sandbox:
        await self._listener.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._listener.stop()
        self._store.close()


async def serve(sandbox: Sandbox, *, as_json: bool) -> None:
    """Run until SIGINT or SIGTERM; says where it is once it listens."""
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    async with sandbox:
        if as_json:
            ready = {
                "type": "sandbox",
                "url": sandbox.url,
                "api_key": sandbox.key,
                "version": sandbox.release.text,
                "data": sandbox.data,
            }
            sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
        else:
            sys.stdout.write(
                f"Immich-compatible sandbox, version {sandbox.release.text}, data in "
                f"{sandbox.data}\n\n"
                f"  export IMMICH_URL={sandbox.url}\n"
                f"  export IMMICH_API_KEY={sandbox.key}\n\nCtrl-C ends it.\n"
            )
        sys.stdout.flush()
        await end.wait()
