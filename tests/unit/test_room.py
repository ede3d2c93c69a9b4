"""Room for bytes: how many at once, in what order, and given back whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import given
from hypothesis import strategies as st

from immich_transfer.pipeline.room import Room


class Holder:
    """Holds some bytes until it is told to leave."""

    def __init__(self, room: Room, size: int) -> None:
        self.size = size
        self.inside = False
        self._leave = asyncio.Event()
        self.task = asyncio.create_task(self._run(room))

    async def _run(self, room: Room) -> None:
        async with room.hold(self.size):
            self.inside = True
            try:
                await self._leave.wait()
            finally:
                self.inside = False

    def leave(self) -> None:
        self._leave.set()


async def settled() -> None:
    """Everybody has done what can be done now."""
    for _ in range(5):
        await asyncio.sleep(0)


async def holders(room: Room, *sizes: int) -> list[Holder]:
    made = [Holder(room, size) for size in sizes]
    await settled()
    return made


async def ended(*those: Holder) -> None:
    for holder in those:
        holder.leave()
    await asyncio.gather(*(holder.task for holder in those), return_exceptions=True)


def run(test: Callable[[Room], Awaitable[None]], size: int = 10) -> None:
    async def go() -> None:
        room = Room(size)
        await test(room)
        await settled()
        assert room.held == 0

    asyncio.run(asyncio.wait_for(go(), 60))


def test_as_many_as_fit_and_the_next_when_one_leaves() -> None:
    async def test(room: Room) -> None:
        first, second, third = await holders(room, 6, 4, 1)
        assert (first.inside, second.inside, third.inside) == (True, True, False)
        second.leave()
        await settled()
        assert third.inside
        await ended(first, third)

    run(test)


def test_a_small_one_does_not_overtake_a_large_one() -> None:
    async def test(room: Room) -> None:
        first, large, small = await holders(room, 6, 5, 1)
        assert not (large.inside or small.inside)
        first.leave()
        await settled()
        assert large.inside and small.inside
        await ended(large, small)

    run(test)


def test_what_is_larger_than_the_room_comes_alone() -> None:
    async def test(room: Room) -> None:
        first, huge, last = await holders(room, 1, 11, 1)
        assert not huge.inside
        first.leave()
        await settled()
        assert huge.inside and not last.inside
        await ended(huge, last)

    run(test)


def test_who_gives_up_waiting_is_not_waited_for() -> None:
    async def test(room: Room) -> None:
        first, large, small = await holders(room, 6, 5, 4)
        large.task.cancel()
        await settled()
        assert small.inside
        await ended(first, large, small)

    run(test)


def test_who_gives_up_when_it_was_just_admitted_leaves_nothing_behind() -> None:
    async def test(room: Room) -> None:
        first, second, third = await holders(room, 10, 10, 10)
        first.leave()
        while first.inside:
            await asyncio.sleep(0)
        assert room.held == 10 and not second.inside
        second.task.cancel()
        await settled()
        assert third.inside and not second.inside
        await ended(first, second, third)

    run(test)


@given(st.data())
def test_never_more_than_there_is_room_for(drawn: st.DataObject) -> None:
    async def test(room: Room) -> None:
        there: list[Holder] = []
        for _ in range(drawn.draw(st.integers(1, 20))):
            act = drawn.draw(st.sampled_from(["come", "leave", "cancel"]))
            if act == "come" or not there:
                there.append(Holder(room, drawn.draw(st.integers(0, 12))))
            else:
                chosen = there[drawn.draw(st.integers(0, len(there) - 1))]
                chosen.leave() if act == "leave" else chosen.task.cancel()
            for _ in range(drawn.draw(st.integers(0, 3))):
                await asyncio.sleep(0)
            inside = [holder.size for holder in there if holder.inside]
            assert sum(inside) <= 10 or len([size for size in inside if size]) == 1
            assert sum(inside) <= room.held
        for holder in there:  # whoever waits gets in when those before it have left
            holder.leave()
        await asyncio.gather(*(holder.task for holder in there), return_exceptions=True)

    run(test)
