"""The long line of the benchmarks carries every byte, in order, both ways, and is never faster."""

from __future__ import annotations

import asyncio
import time

from benchmarks.relay import Relay, Settings

SIZE = 600_000


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _through(settings: Settings, data: bytes) -> tuple[bytes, float]:
    """What comes back for `data`, and how long it took."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with server:
        relay = Relay("127.0.0.1", server.sockets[0].getsockname()[1], settings)
        reader, writer = await asyncio.open_connection("127.0.0.1", await relay.serve())
        began = time.monotonic()

        async def send() -> None:
            writer.write(data)
            await writer.drain()
            writer.write_eof()

        _, back = await asyncio.gather(send(), reader.read(-1))
        took = time.monotonic() - began
        writer.close()
        await writer.wait_closed()
        while relay.live:  # both halves say goodbye
            await asyncio.sleep(0.01)
        relay.close()
        return back, took


def test_every_byte_comes_back_in_order() -> None:
    data = b"".join(number.to_bytes(4) for number in range(SIZE // 4))
    back, _ = asyncio.run(_through(Settings(rtt=0.01, rate=50e6), data))
    assert back == data


def test_it_is_no_faster_than_its_rate() -> None:
    back, took = asyncio.run(_through(Settings(rtt=0.001, rate=2e6), bytes(SIZE)))
    assert len(back) == SIZE
    assert took >= SIZE / 2e6


def test_a_connection_costs_a_round_trip_and_so_does_an_answer() -> None:
    back, took = asyncio.run(_through(Settings(rtt=0.1, rate=1e9), b"x"))
    assert back == b"x"
    assert took >= 0.19  # two round trips, less what a coarse clock gives back
