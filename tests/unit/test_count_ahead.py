"""Counting ahead: only while the walk that feeds the transfer is held back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from immich_transfer.config.options import UploadOptions
from immich_transfer.disk.walk import WalkBatch, walk
from immich_transfer.events import Expected
from immich_transfer.policy.filters import Filters
from immich_transfer.upload import ahead
from immich_transfer.upload.run import UploadRun

PLAIN = Filters.build(UploadOptions(paths=()), frozenset([".jpg"]), frozenset(), ())


async def told(folder: Path, held_back: Callable[[], bool], walked: asyncio.Event) -> list[Any]:
    heard: list[Any] = []
    run = SimpleNamespace(in_thread=asyncio.to_thread, listener=heard.append, stopping=False)

    def walker() -> Iterator[WalkBatch]:
        return walk([str(folder)], PLAIN)

    await ahead.count_ahead(cast(UploadRun, run), walked, held_back, walker)
    return heard


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ahead, "START_SECONDS", 0.01)
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"photo")
    return tmp_path


def test_a_walk_that_is_held_back_is_counted_ahead(folder: Path) -> None:
    async def work() -> list[Any]:
        looks = iter([False, False, True])
        return await told(folder, lambda: next(looks), asyncio.Event())

    assert asyncio.run(work()) == [Expected(3, 15)]


def test_a_walk_that_is_not_held_back_is_not_walked_twice(folder: Path) -> None:
    async def work() -> list[Any]:
        walked = asyncio.Event()
        looks: list[bool] = []

        def held_back() -> bool:
            looks.append(False)
            if len(looks) == 3:
                walked.set()
            return False

        return await told(folder, held_back, walked)

    assert asyncio.run(work()) == []
