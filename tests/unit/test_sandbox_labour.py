"""The slow sandbox server: no more than its rate, less when pushed, and it tells what it saw."""

from __future__ import annotations

import asyncio
import time

from immich_transfer.sandbox.labour import COMFORTABLE, SPREAD, Labour

RATE = 500.0


def seconds_for(uploads: int, in_flight: int) -> float:
    async def main() -> float:
        labour = Labour(RATE)
        began = time.monotonic()

        async def one() -> None:
            await labour.work(in_flight)
            labour.done(began)

        await asyncio.gather(*(one() for _ in range(uploads)))
        told = labour.tell()
        assert 0 < told["upload_seconds_p50"] <= told["upload_seconds_p95"]
        assert told["uploads_per_second"] <= RATE / (1 - SPREAD)
        return time.monotonic() - began

    return asyncio.run(main())


def test_uploads_wait_for_each_other() -> None:
    assert seconds_for(100, COMFORTABLE) >= 100 / RATE * (1 - SPREAD)


def test_a_pushed_server_is_slower() -> None:
    # 52 beyond what is comfortable: 2.3 times the work for each, whatever the spread draws.
    assert seconds_for(100, COMFORTABLE + 52) >= 2.3 * 100 / RATE * (1 - SPREAD)


def test_nothing_is_told_before_the_first_upload() -> None:
    assert Labour(RATE).tell() == {}
