"""A bound on bytes in memory: who wants to hold some waits until they fit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    """First come, first served. One that is larger than all of the room comes alone."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.held = 0
        """Bytes that are promised now."""

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """So many bytes for as long as the block runs."""
        if self._waiting or not self._fits(size):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.held -= size  # they were ours already
                self._admit()
                raise
        else:
            self.held += size
        try:
            yield
        finally:
            self.held -= size
            self._admit()

    def _fits(self, size: int) -> bool:
        return not self.held or self.held + size <= self._size

    def _admit(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.done():
                if not self._fits(size):
                    return
                self.held += size
                turn.set_result(None)
            self._waiting.popleft()
