"""What the system may take ahead of who reads: a crash loses it, so a neighbour gets little."""

from __future__ import annotations

import asyncio
import socket
import sys

import aiohttp
import pytest
from aiohttp import web

from immich_transfer.immich import originals

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO is Linux's")


def buffer_of_a_body(window: int | None) -> int:
    """SO_RCVBUF of a real connection while its body comes in; the kernel tells twice what was
    asked for."""

    async def serve(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * (1 << 20))

    async def go() -> int:
        app = web.Application()
        app.router.add_get("/", serve)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            port = runner.addresses[0][1]
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{port}/") as response,
            ):
                originals._narrow(response, window)
                assert response.connection is not None
                assert response.connection.transport is not None
                found = response.connection.transport.get_extra_info("socket")
                size = int(found.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
                assert len(await response.read()) == 1 << 20
                return size
        finally:
            await runner.cleanup()

    return asyncio.run(go())


def test_a_neighbour_is_narrowed() -> None:
    assert buffer_of_a_body(None) == 2 * originals.NEAR_WINDOW


def test_who_reads_slowly_names_the_window() -> None:
    assert buffer_of_a_body(64 << 10) == 2 * (64 << 10)


def test_a_long_line_is_left_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(originals, "NEAR_SECONDS", 0.0)
    assert buffer_of_a_body(None) != 2 * originals.NEAR_WINDOW
