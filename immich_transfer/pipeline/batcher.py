"""Turning a stream of groups into batches: by count, or by the age of the oldest waiting one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Batcher(Generic[T]):
    """A bounded queue of groups whose reader gets batches.

    `size` items make a batch; a smaller one leaves `linger` seconds after its first item came, or
    at once when the writers are done. `put` waits while more than `bound` items wait unread.
    """

    def __init__(self, *, size: int, linger: float, bound: int) -> None:
        self._size = size
        self._linger = linger
        self._bound = bound
        self._items: list[T] = []
        self._writers = 0
        self._first_at: float | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._items)

    def open(self) -> None:
        """One more writer; call before the reader starts."""
        self._writers += 1

    def done(self) -> None:
        """One writer has nothing more."""
        self._writers -= 1
        self._news.set()

    async def put(self, group: Sequence[T]) -> None:
        while len(self._items) >= self._bound:
            self._room.clear()
            await self._room.wait()
        self.put_now(group)

    def put_now(self, group: Sequence[T]) -> None:
        """Add without waiting: for the few that must not wait."""
        if not group:
            return
        if self._first_at is None:
            self._first_at = asyncio.get_running_loop().time()
        self._items.extend(group)
        self._news.set()

    async def batches(self) -> AsyncIterator[list[T]]:
        """Batches of at most `size`, until all writers are done and nothing waits."""
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            if self._items and self._first_at is not None:
                left = self._first_at + self._linger - loop.time()
                if len(self._items) >= self._size or left <= 0 or self._writers == 0:
                    batch, self._items = self._items[: self._size], self._items[self._size :]
                    self._first_at = loop.time() if self._items else None
                    self._room.set()
                    yield batch
                    continue
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), left)
            elif self._writers == 0:
                return
            else:
                await self._news.wait()
