"""Slots for transfers: who waits, in what order, and how the pace's limit takes effect."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from immich_transfer.policy.pacing import Pace


class Limiter:
    """A first-come semaphore whose size follows a `Pace` while it is in use."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.in_flight = 0
        self.peak = 0

    @property
    def limit(self) -> int:
        return self._pace.limit

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the slots; waits until one is free."""
        await self.acquire()
        try:
            yield
        finally:
            self.release()

    async def acquire(self) -> None:
        if self.in_flight < self._pace.limit and not self._waiting:
            self.in_flight += 1
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.release()  # the slot was ours already: hand it on
                else:
                    with suppress(ValueError):  # a slot came free just now and passed us over
                        self._waiting.remove(turn)
                raise
        self.peak = max(self.peak, self.in_flight)

    def release(self) -> None:
        self.in_flight -= 1
        self._admit()

    def moved(self, size: int, *, finished: bool = False) -> None:
        """Tell the pace of progress; more slots may open at once."""
        self._pace.moved(time.monotonic(), size, self.in_flight, finished=finished)
        self._admit()

    def trouble(self) -> None:
        """Tell the pace that the server pushed back."""
        self._pace.trouble(time.monotonic())

    def _admit(self) -> None:
        while self._waiting and self.in_flight < self._pace.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)


class Slot:
    """A limiter slot that is given back while its transfer only waits."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self._held = True

    def release(self) -> None:
        if self._held:
            self._held = False
            self.limiter.release()

    async def take(self) -> None:
        if not self._held:
            await self.limiter.acquire()
            self._held = True
