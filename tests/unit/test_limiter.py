"""Slots are handed out in order, follow the pace, and survive cancellation."""

from __future__ import annotations

import asyncio

import pytest

from immich_transfer.pipeline.limiter import Limiter, Slot
from immich_transfer.policy.pacing import Pace


def test_slots_are_bounded_and_first_come() -> None:
    async def main() -> list[int]:
        limiter = Limiter(Pace(2))
        order: list[int] = []
        gates = [asyncio.Event() for _ in range(5)]

        async def work(number: int) -> None:
            async with limiter.slot():
                order.append(number)
                await gates[number].wait()

        tasks = [asyncio.create_task(work(n)) for n in range(5)]
        for number in range(5):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert limiter.in_flight <= 2
            gates[number].set()
        await asyncio.gather(*tasks)
        assert limiter.in_flight == 0
        assert limiter.peak == 2
        return order

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]


def test_a_cancelled_waiter_takes_no_slot() -> None:
    async def main() -> None:
        limiter = Limiter(Pace(1))
        await limiter.acquire()
        waiter = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        limiter.release()
        assert limiter.in_flight == 0
        await asyncio.wait_for(limiter.acquire(), 1)

    asyncio.run(main())


def test_a_slot_granted_to_a_cancelled_waiter_is_handed_on() -> None:
    async def main() -> None:
        limiter = Limiter(Pace(1))
        await limiter.acquire()
        waiter = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        limiter.release()  # grants the slot
        waiter.cancel()  # before it wakes
        await asyncio.gather(waiter, return_exceptions=True)
        assert limiter.in_flight == 0

    asyncio.run(main())


def test_a_slot_that_waits_is_anothers_meanwhile() -> None:
    async def main() -> None:
        limiter = Limiter(Pace(1))
        await limiter.acquire()
        mine = Slot(limiter)
        await mine.take()  # held already
        assert limiter.in_flight == 1
        mine.release()
        mine.release()  # gives nothing back twice
        assert limiter.in_flight == 0
        async with limiter.slot():
            again = asyncio.create_task(mine.take())
            await asyncio.sleep(0)
            assert not again.done()
        await again
        assert limiter.in_flight == 1

    asyncio.run(main())


def test_trouble_makes_room_for_fewer() -> None:
    async def main() -> None:
        limiter = Limiter(Pace(start=8))
        assert limiter.limit == 8
        limiter.trouble()
        limiter.moved(1)
        assert limiter.limit == 4

    asyncio.run(main())


def test_a_slot_that_comes_free_in_the_moment_of_a_cancel_is_anothers() -> None:
    async def main() -> None:
        limiter = Limiter(Pace(1))
        await limiter.acquire()
        first = asyncio.create_task(limiter.acquire())
        second = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        first.cancel()
        limiter.release()  # before the first has heard of it
        with pytest.raises(asyncio.CancelledError):
            await first
        await second
        assert limiter.in_flight == 1
        limiter.release()
        assert limiter.in_flight == 0

    asyncio.run(main())
