"""Files and folders that do not keep still: whatever a run makes of them is true, and the first
run after they came to rest has all of them.

Single changes at a known moment stand in `unit/test_digest.py`, `unit/test_walk.py` and
`test_upload_faults.py`; here they never stop while the command works.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.support import Bench, Result, Server, photo, sha1

LARGE = 3_000_000


@contextmanager
def restless(act: Callable[[int], None]) -> Iterator[None]:
    """Do something again and again meanwhile."""
    over = threading.Event()

    def work() -> None:
        for number in itertools.count():
            if over.is_set():
                return
            with suppress(OSError):
                act(number)
            over.wait(0.003)  # leave the processors to the command

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def true(result: Result, server: Server) -> None:
    """What is told as there is there."""
    held = server.held()
    for item in (*result.items("uploaded"), *result.items("duplicate")):
        assert held.get(item["sha1"]) == 1, item


def grow(path: Path, number: int) -> None:
    with path.open("ab") as file:
        file.write(photo(number, 1000))


def shrink(path: Path, number: int) -> None:
    os.truncate(path, LARGE - number % LARGE)


def replace(path: Path, number: int) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(photo(number, 1000) * 1000)
    os.replace(fresh, path)


def rewrite(path: Path, number: int) -> None:
    with path.open("r+b") as file:
        file.seek(number * 7919 % LARGE)
        file.write(photo(number, 10))


def come_and_go(path: Path, number: int) -> None:
    away = path.with_suffix(".away")
    os.rename(path, away)
    os.rename(away, path)


@pytest.mark.parametrize("act", [grow, shrink, replace, rewrite, come_and_go])
def test_a_film_that_never_rests(
    bench: Bench, server: Server, act: Callable[[Path, int], None]
) -> None:
    film = bench.write("film.mp4", photo("film", LARGE))
    still = {sha1(content) for content in bench.make(4).values()}
    with restless(lambda number: act(film, number)):
        results = [bench.upload(code=None)]
        results.append(bench.run("check", "photos", "--read", code=None))
    for result in results:
        assert result.code in (0, 3, 4), result.told()
        true(result, server)
        for item in result.items("failed"):
            assert item["path"].startswith("photos/film"), item
    assert still <= set(server.held())
    last = bench.upload()
    true(last, server)
    assert {sha1(path.read_bytes()) for path in bench.photos.glob("*.mp4")} <= set(server.held())
    assert bench.run("check", "photos", "--read").code == 0


def test_a_folder_that_is_renamed_in_the_middle_of_the_walk(bench: Bench, server: Server) -> None:
    """Its files are found by either name, or it is told as gone; none is sent twice."""
    for number in range(30):
        bench.make(4, below=f"{number:02}", seed=number, size=300)
    wanted = {sha1(path.read_bytes()) for path in bench.photos.rglob("*.*") if path.is_file()}

    def rename(number: int) -> None:
        old, new = (bench.photos / f"{number % 30:02}", bench.photos / f"x{number % 30:02}")
        os.rename(old, new)
        os.rename(new, old)

    with restless(rename):
        result = bench.upload(code=None)
    assert result.code in (0, 3), result.told()
    true(result, server)
    bench.upload()
    assert server.held() == dict.fromkeys(wanted, 1)
