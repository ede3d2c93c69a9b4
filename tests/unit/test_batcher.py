"""Batches leave by count, by age, or when the writers are done; writers wait when it is full."""

from __future__ import annotations

import asyncio

from immich_transfer.pipeline.batcher import Batcher


def test_a_full_batch_leaves_at_once_and_the_rest_at_the_end() -> None:
    async def main() -> list[int]:
        batcher: Batcher[int] = Batcher(size=10, linger=60, bound=1000)
        batcher.open()
        await batcher.put(range(25))
        batcher.done()
        return [len(batch) async for batch in batcher.batches()]

    assert asyncio.run(main()) == [10, 10, 5]


def test_a_small_batch_leaves_when_it_is_old_enough() -> None:
    async def main() -> list[int]:
        batcher: Batcher[int] = Batcher(size=1000, linger=0.01, bound=1000)
        batcher.open()
        await batcher.put([1, 2, 3])
        async for batch in batcher.batches():
            batcher.done()
            return batch
        return []

    assert asyncio.run(main()) == [1, 2, 3]


def test_writers_wait_for_room_and_nothing_is_lost() -> None:
    async def main() -> tuple[int, int]:
        batcher: Batcher[int] = Batcher(size=10, linger=60, bound=20)
        deepest = 0

        async def write() -> None:
            nonlocal deepest
            for start in range(0, 500, 10):
                await batcher.put(range(start, start + 10))
                deepest = max(deepest, len(batcher))
            batcher.done()

        batcher.open()
        batcher.open()
        writers = [asyncio.create_task(write()) for _ in range(2)]
        total = 0
        async for batch in batcher.batches():
            total += len(batch)
        await asyncio.gather(*writers)
        return total, deepest

    total, deepest = asyncio.run(main())
    assert total == 1000
    assert deepest <= 30


def test_no_writers_no_batches() -> None:
    async def main() -> int:
        batcher: Batcher[int] = Batcher(size=1, linger=0, bound=1)
        return len([batch async for batch in batcher.batches()])

    assert asyncio.run(main()) == 0


def test_an_empty_group_starts_no_batch() -> None:
    async def main() -> list[list[int]]:
        batcher: Batcher[int] = Batcher(size=10, linger=60, bound=10)
        batcher.open()
        await batcher.put([])
        batcher.put_now([])
        assert len(batcher) == 0
        await batcher.put([1])
        batcher.done()
        return [batch async for batch in batcher.batches()]

    assert asyncio.run(main()) == [[1]]
