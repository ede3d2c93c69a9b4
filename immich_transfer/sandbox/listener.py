"""The sandbox's socket: can go away for a while and come back on the same port."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiohttp import web

from .app import Box

KEEPALIVE_SECONDS = 6.0
"""Announced as 5, closed at 6 (recorded)."""
LINGER_SECONDS = 24 * 3600.0
"""After an early answer the real servers read and drop the rest, however slowly it comes."""
HEAD_LIMIT = 16 * 1024
"""Bytes of a request's head the real servers take (recorded)."""
BACKLOG = 1024


class _Refused(asyncio.Protocol):
    """A connection that was taken in the moment when the server went away."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.abort()


class Listener:
    """Accepts connections, counts them, and can refuse them for a time."""

    def __init__(self, app: web.Application, box: Box, host: str, port: int) -> None:
        self._box = box
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=KEEPALIVE_SECONDS,
            handle_signals=False,
            handler_cancellation=True,
            shutdown_timeout=0.5,
            lingering_time=LINGER_SECONDS,
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
            max_headers=2000,
            # Large bodies come in large pieces: three times the throughput of the default 64 KiB.
            read_bufsize=1 << 20,
        )
        self._host = host
        self.port = port
        self._socket: asyncio.Server | None = None
        self._back: asyncio.Task[None] | None = None
        self._refusing = False

    async def start(self) -> None:
        await self._runner.setup()
        await self._listen()

    def _accept(self) -> asyncio.Protocol:
        if self._refusing:
            return _Refused()
        self._box.counters.connections += 1
        server: Any = self._runner.server
        protocol: asyncio.Protocol = server()
        return protocol

    async def _listen(self) -> None:
        self._refusing = False
        self._socket = await asyncio.get_running_loop().create_server(
            self._accept, self._host, self.port, reuse_address=True, backlog=BACKLOG
        )
        if self.port == 0:
            self.port = self._socket.sockets[0].getsockname()[1]

    def go_away(self, seconds: float, unheard: bool = False) -> None:
        """Refuse connections and drop live ones for so long; 0 comes back at once. Unless it is
        `unheard`, the request that sent us away may have its answer."""
        if self._back is not None:
            self._back.cancel()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._refusing = True
        if unheard:
            self._drop()
        self._back = asyncio.get_running_loop().create_task(self._away(seconds))

    async def _away(self, seconds: float) -> None:
        await asyncio.sleep(0.01)
        self._drop()
        await asyncio.sleep(seconds)
        await self._listen()

    def _drop(self) -> None:
        server = self._runner.server
        if server is not None:
            for connection in list(server.connections):
                if connection.transport is not None:
                    connection.transport.abort()

    async def stop(self) -> None:
        if self._back is not None:
            self._back.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._back
        if self._socket is not None:
            self._socket.close()
        await self._runner.cleanup()
