"""Why a run ends: the worst reason wins, each is said once, and signals end what they should."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from immich_transfer.config.options import Secret, ServerOptions, TransferOptions
from immich_transfer.errors import (
    CannotContinue,
    Exit,
    Interrupted,
    KeyRefused,
    ServerRefused,
    ServerUnavailable,
    Throttled,
)
from immich_transfer.events import Event, Notice, Stopping
from immich_transfer.immich.client import Http
from immich_transfer.immich.compat import Version
from immich_transfer.immich.connect import Connection
from immich_transfer.immich.wire import UserAnswer
from immich_transfer.manifest.sqlite import open_manifest
from immich_transfer.model import ItemResult, Outcome, Totals
from immich_transfer.pipeline.run import Books, Parts, Run
from immich_transfer.pipeline.shutdown import heed_signals, stages_of


@asynccontextmanager
async def run_in(folder: Path, heard: list[Event], **options: object) -> AsyncIterator[Run]:
    """A run that never speaks with its server."""
    server = ServerOptions(url="http://nas.invalid", api_key=Secret("key"))
    transfer = TransferOptions(state_dir=str(folder), **options)  # type: ignore[arg-type]
    totals, stop = Totals(), asyncio.Event()
    http = Http(server, transfer, listener=heard.append, totals=totals, stop=stop)
    connection = Connection(http, Version(2, 7, 5), UserAnswer("me"), None)
    manifest = open_manifest(str(folder))
    with ThreadPoolExecutor(2) as pool:
        yield Run(
            Parts("run", connection, manifest, transfer, heard.append, totals, stop, pool, pool)
        )
    manifest.close()


def books_of(run: Run, *outcomes: Outcome, limit: int | None = None) -> Books:
    books = Books(lambda _: None, run.totals, max_errors=limit)
    for number, outcome in enumerate(outcomes):
        run.totals.discovered += 1
        books.enter(ItemResult(outcome, str(number)))
    return books


def test_the_worst_reason_is_told_and_the_stop_is_said_once(tmp_path: Path) -> None:
    heard: list[Event] = []

    async def main() -> None:
        async with run_in(tmp_path, heard) as run:
            assert not run.stopping
            run.cut(ServerUnavailable("away", hint="wait"))
            assert run.stopping
            run.cut(KeyRefused("no key", hint="make one"))
            run.cut(CannotContinue("disk full", hint="make room"))
            run.cut(Interrupted("stopped"))
            assert run.codes == [Exit.UNAVAILABLE, Exit.KEY, Exit.CANNOT_CONTINUE]
            assert (run.message, run.hint) == ("no key", "make one")

    asyncio.run(main())
    assert heard == [Stopping("away")]


def test_an_interruption_without_another_reason_is_one(tmp_path: Path) -> None:
    async def main() -> None:
        async with run_in(tmp_path, []) as run:
            run.cut(Interrupted("stopped"))
            assert (run.codes, run.message) == ([Exit.INTERRUPTED], "stopped")

    asyncio.run(main())


def test_a_refusal_of_what_all_depends_on_is_no_items_fault(tmp_path: Path) -> None:
    async def main() -> None:
        async with run_in(tmp_path, []) as run:
            run.cut(ServerRefused("quota", status=400, hint="ask"))
            [code] = run.codes
            assert code is not Exit.ITEMS_FAILED
            assert run.message == "the server refuses what the run depends on: quota"
            assert run.hint == "ask"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "words"), [(Exit.INTERRUPTED, "Ctrl-C"), (Exit.TERMINATED, "SIGTERM")]
)
def test_a_halt_keeps_the_reason_that_is_known(tmp_path: Path, code: Exit, words: str) -> None:
    heard: list[Event] = []

    async def main() -> None:
        async with run_in(tmp_path / "a", heard) as run:
            run.halt(code)
            assert (run.codes, run.stopping) == ([code], True)
            assert run.message == "interrupted; what is done is saved"
        async with run_in(tmp_path / "b", heard) as run:
            run.cut(ServerUnavailable("away"))
            run.halt(code)
            assert run.message == "away"

    asyncio.run(main())
    assert heard[0] == Stopping(f"{words} (again to drop what is in flight)", code)


def test_a_note_is_said_once_from_whichever_thread(tmp_path: Path) -> None:
    heard: list[Event] = []

    async def main() -> None:
        async with run_in(tmp_path, heard) as run:
            run.note("slow disk")
            await run.in_thread(run.note_soon, "slow disk")
            await run.in_thread(run.note_soon, "full disk")
            await asyncio.sleep(0)
            assert run.notes == ["slow disk", "full disk"]

    asyncio.run(main())
    assert heard == [Notice("slow disk"), Notice("full disk")]


def test_the_limit_of_errors_ends_the_run_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with run_in(tmp_path, [], max_errors=2) as run:
            run.mind_limit(books_of(run, Outcome.FAILED, limit=2))
            assert not run.stopping
            books = books_of(run, Outcome.FAILED, Outcome.FAILED, limit=2)
            run.mind_limit(books)
            run.mind_limit(books)
            assert run.codes == [Exit.LIMIT]
            assert run.message == "2 files failed (--max-errors)"

    asyncio.run(main())


def test_a_read_goes_on_until_all_in_flight_was_dropped(tmp_path: Path) -> None:
    async def main() -> None:
        async with run_in(tmp_path, []) as run:
            run.halt(Exit.INTERRUPTED)
            run.still_wanted(0)
            run.dropped = True
            with pytest.raises(Interrupted):
                run.still_wanted(0)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("asked", "most", "said"),
    [(None, 5, None), (5, 5, None), (9, None, None), (9, 5, "5 transfers at once instead of 9")],
)
def test_fewer_transfers_than_were_asked_for_are_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: int | None,
    most: int | None,
    said: str | None,
) -> None:
    monkeypatch.setattr("immich_transfer.pipeline.run.most_transfers", lambda hashers: most)

    async def main() -> None:
        async with run_in(tmp_path, [], transfers=asked) as run:
            told = run.fewer_transfers
            assert (told is None) if said is None else (said in str(told))
            assert run.new_limiter().limit == min(most or 99, asked or 8)

    asyncio.run(main())


ALL = (Outcome.UPLOADED, Outcome.DUPLICATE)


@pytest.mark.parametrize(
    ("outcomes", "transient", "strict", "codes"),
    [
        ([Outcome.UPLOADED, Outcome.DUPLICATE], 0, True, []),
        ([Outcome.UPLOADED, Outcome.FAILED], 1, False, [Exit.ITEMS_FAILED]),
        ([Outcome.SKIPPED, Outcome.FAILED], 1, False, [Exit.UNAVAILABLE]),
        ([Outcome.FAILED, Outcome.FAILED], 1, False, [Exit.ITEMS_FAILED]),
        ([Outcome.SKIPPED], 0, False, []),
        ([Outcome.SKIPPED], 0, True, [Exit.ITEMS_FAILED]),
        ([Outcome.TRASHED], 0, True, [Exit.ITEMS_FAILED]),
        ([Outcome.DELETED_REMOTELY], 0, True, [Exit.ITEMS_FAILED]),
    ],
)
def test_the_codes_at_the_end(
    tmp_path: Path, outcomes: list[Outcome], transient: int, strict: bool, codes: list[Exit]
) -> None:
    async def main() -> None:
        async with run_in(tmp_path, [], strict=strict) as run:
            books = books_of(run, *outcomes)
            for _ in range(transient):
                books.blame(Throttled("busy"))
            assert run.closing_codes(books, ALL) == codes

    asyncio.run(main())


def test_a_program_that_stops_a_run_interrupts_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with run_in(tmp_path, []) as run:
            run.stop.set()
            assert run.closing_codes(books_of(run), ALL) == [Exit.INTERRUPTED]
            assert run.codes == []

    asyncio.run(main())


def test_books_that_do_not_balance_are_a_defect_that_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        async with run_in(tmp_path, []) as run:
            books = books_of(run, Outcome.UPLOADED)
            run.totals.discovered += 1
            assert run.closing_codes(books, ALL) == [Exit.FAILED]
            assert "do not balance" in run.notes[0]

    asyncio.run(main())


# signals


async def sent(number: signal.Signals, heard: Sized) -> None:
    """Send this process a signal and wait until somebody heard it."""
    before = len(heard)
    os.kill(os.getpid(), number)
    while len(heard) == before:
        await asyncio.sleep(0.001)


def test_the_first_signal_stops_and_the_next_drops_and_the_outer_hears_again() -> None:
    inner: list[object] = []
    outer: list[object] = []

    async def main() -> None:
        with heed_signals(outer.append, lambda: outer.append("drop")):
            with heed_signals(inner.append, lambda: inner.append("drop")):
                await sent(signal.SIGTERM, inner)
                await sent(signal.SIGINT, inner)
                await sent(signal.SIGINT, inner)
            await sent(signal.SIGINT, outer)
            await sent(signal.SIGTERM, outer)

    asyncio.run(main())
    assert inner == [Exit.TERMINATED, "drop", "drop"]
    assert outer == [Exit.INTERRUPTED, "drop"]


def test_outside_the_main_thread_signals_are_not_ours() -> None:
    before = [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]
    during: list[object] = []

    async def main() -> None:
        with heed_signals(lambda _: None, lambda: None):
            during.extend([signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)])

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()
    assert during == before


def test_twice_drops_what_is_in_flight_and_leaving_waits_for_it(tmp_path: Path) -> None:
    heard: list[Event] = []
    ended: list[str] = []

    async def stage(run: Run) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            assert run.dropped
            ended.append("dropped")

    async def main() -> None:
        async with run_in(tmp_path, heard) as run:
            async with stages_of(run) as group:
                group.start_soon(stage, run)
                await sent(signal.SIGTERM, heard)
                assert run.stopping and not run.dropped and ended == []
                os.kill(os.getpid(), signal.SIGTERM)
                await anyio.sleep_forever()
            assert ended == ["dropped"]
            assert run.codes == [Exit.TERMINATED]

    asyncio.run(main())
