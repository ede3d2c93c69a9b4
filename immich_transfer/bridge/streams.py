"""Lists that tell a callback become streams that are read with `async for`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")

AHEAD = 2
"""What may be read before it is asked for: the server works while the reader does."""


async def pump(
    work: Callable[[Callable[[T], Awaitable[None]]], Awaitable[None]],
) -> AsyncGenerator[T, None]:
    """Run `work`, which gives each piece to the callback it gets, and yield the pieces.

    A slow reader slows the work; one that leaves ends it. What `work` raises is raised here.
    """
    pieces: asyncio.Queue[T] = asyncio.Queue(AHEAD)
    task = asyncio.ensure_future(work(pieces.put))
    try:
        while True:
            getting = asyncio.ensure_future(pieces.get())
            try:
                await asyncio.wait({getting, task}, return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    # The work is over; what it had put is read.
                    break
            finally:
                if not getting.done():
                    getting.cancel()
            yield getting.result()
        while not pieces.empty():
            yield pieces.get_nowait()
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def newest_first(
    streams: Sequence[AsyncGenerator[T, None]], when: Callable[[T], int]
) -> AsyncGenerator[T, None]:
    """Streams that are each ordered newest first, as one that is."""
    heads: list[tuple[T, AsyncGenerator[T, None]]] = []
    try:
        for stream in streams:
            async for item in stream:
                heads.append((item, stream))
                break
        while heads:
            place = max(range(len(heads)), key=lambda i: when(heads[i][0]))
            item, stream = heads.pop(place)
            yield item
            async for following in stream:
                heads.insert(place, (following, stream))
                break
    finally:
        for stream in streams:
            await stream.aclose()


async def first(stream: AsyncGenerator[T, None], count: int | None) -> AsyncGenerator[T, None]:
    """At most `count` of a stream, which is then closed; all of it when that is None."""
    left = -1 if count is None else count
    async with aclosing(stream):
        while left:
            async for item in stream:
                left -= 1
                yield item
                break
            else:
                return


async def begun(
    stream: AsyncGenerator[bytes, None],
) -> tuple[bytes, AsyncGenerator[bytes, None]]:
    """The first piece of a stream, to look at, and the whole stream with it."""
    head = await anext(stream, b"")

    async def whole() -> AsyncGenerator[bytes, None]:
        async with aclosing(stream):
            if head:
                yield head
            async for piece in stream:
                yield piece

    return head, whole()
