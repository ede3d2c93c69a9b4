"""How hard an upload is for a server whose jobs run: few a second, and fewer when pushed.

A closed queue of two stages, after what was recorded on 2.7.5 and 3.0.3 with jobs running (27 a
second alone, 56 with four in flight, 70 with eight, no more with sixteen): a part that uploads do
beside each other (files, database) and one that they do one after the other. Beyond
`COMFORTABLE` in flight each takes longer: memory, swapped pages, a database that waits for itself.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

BESIDE_SECONDS = 0.022
COMFORTABLE = 12
PUSHED = 0.025
"""Longer by so much of itself for every upload in flight beyond the comfortable ones."""
SPREAD = 0.3
"""Work differs from photo to photo by up to so much of itself, either way."""


class Labour:
    """Makes every upload wait its turn. `rate` is the most that is done in a second."""

    def __init__(self, rate: float) -> None:
        self._each = 1 / rate
        self._free = 0.0
        self._random = random.Random("labour")
        self._seconds: list[float] = []
        """From the head of an upload to its answer."""
        self._first = self._last = 0.0

    async def work(self, in_flight: int) -> None:
        """Returns when this upload is done, with so many under way."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(BESIDE_SECONDS * self._draw())
        strain = 1 + PUSHED * max(0, in_flight - COMFORTABLE)
        self._free = max(loop.time(), self._free) + self._each * strain * self._draw()
        await asyncio.sleep(self._free - loop.time())

    def done(self, began: float) -> None:
        """An upload that began at `began` (monotonic) is answered now."""
        now = time.monotonic()
        self._first = self._first or began
        self._last = now
        self._seconds.append(now - began)

    def tell(self) -> dict[str, Any]:
        """What the server saw: uploads a second, and how long one of twenty took at least."""
        if not self._seconds:
            return {}
        in_order = sorted(self._seconds)
        return {
            "uploads_per_second": len(in_order) / (self._last - self._first),
            "upload_seconds_p50": in_order[len(in_order) // 2],
            "upload_seconds_p95": in_order[int(len(in_order) * 0.95)],
        }

    def _draw(self) -> float:
        return self._random.uniform(1 - SPREAD, 1 + SPREAD)
