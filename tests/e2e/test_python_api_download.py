"""The Python API of download, mirror and check: typed results, typed errors, graceful stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from immich_transfer import ImmichTransfer, Outcome, Selection
from immich_transfer.api import Report
from immich_transfer.errors import KeyRefused, ManifestBusy, UsageError
from immich_transfer.events import Discovered, Event, Finished, RunStarted, Settled

from .checked import rot, uploaded
from .support import Bench, Server, photo, sha1, until

X = Selection(albums=("X",))


def run(
    bench: Bench, work: Callable[[ImmichTransfer], Awaitable[Report]], **options: Any
) -> Report:
    """One call on a transfer of its own."""

    async def whole() -> Report:
        settings: dict[str, Any] = {"url": bench.url, "api_key": bench.key}
        settings |= {"state_dir": bench.state} | options
        async with ImmichTransfer(**settings) as transfer:
            return await work(transfer)

    return asyncio.run(whole())


def test_download_and_report(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", album="X")
    server.edit(ids[0], description="At the sea")
    heard: list[Event] = []
    report = run(bench, lambda t: t.download(bench.out, X, sidecars="xmp", listener=heard.append))
    assert report.ok
    assert report.problems == ()
    assert report.summary.command == "download"
    assert report.summary.outcomes == {"downloaded": 2}
    assert report.summary.verified == 2
    assert report.summary.bytes_received == 400
    bodies = {path: sums for path, sums in bench.fetched().items() if path.endswith(".jpg")}
    assert bodies == dict(zip(("X/a.jpg", "X/b.jpg"), server.sums(ids), strict=True))
    assert "At the sea" in (bench.out / "X/a.jpg.xmp").read_text("utf-8")
    assert isinstance(heard[0], RunStarted)
    assert isinstance(heard[-1], Finished)
    assert sum(event.files for event in heard if isinstance(event, Discovered)) == 2
    settled = [event.item for event in heard if isinstance(event, Settled)]
    assert {item.outcome for item in settled} == {Outcome.DOWNLOADED}
    assert {item.asset_id for item in settled} == set(ids)
    again = run(bench, lambda t: t.download(str(bench.out), X, sidecars="xmp"))
    assert again.summary.outcomes == {"unchanged": 2}


def test_mirror_and_its_removals(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg", album="X")
    report = run(bench, lambda t: t.mirror(bench.out, X, delete=True))
    assert report.summary.command == "mirror"
    server.box.trash(ids[0])
    server.edit(ids[1], name="renamed.jpg")
    report = run(bench, lambda t: t.mirror(bench.out, X, delete=True))
    assert report.ok
    assert report.summary.outcomes == {"removed": 1, "moved": 1, "unchanged": 1}
    assert set(bench.fetched()) == {"X/renamed.jpg", "X/c.jpg"}


def test_problems_are_named(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", album="X")
    server.box.faults("original:name=b.jpg=missing")
    report = run(bench, lambda t: t.download(bench.out, X), retries=1)
    assert not report.ok
    assert report.summary.exit_code == 3
    (problem,) = report.problems
    assert (problem.outcome, problem.path) == (Outcome.FAILED, "X/b.jpg")
    assert problem.error


def test_check_of_files(bench: Bench, server: Server) -> None:
    bench.make(2)
    uploaded(bench)
    assert run(bench, lambda t: t.check([bench.photos])).summary.outcomes == {"equal": 2}
    bench.write("new.jpg", photo("new"))
    report = run(bench, lambda t: t.check([str(bench.photos)]))
    assert not report.ok
    assert report.summary.exit_code == 4
    (problem,) = report.problems
    assert problem.outcome is Outcome.MISSING_REMOTE
    assert problem.path == str(bench.photos / "new.jpg")
    assert problem.sha1 is not None
    assert problem.sha1.hex() == sha1(photo("new"))
    rot(bench.photos / "IMG_0000.jpg")
    assert len(run(bench, lambda t: t.check([bench.photos])).problems) == 1
    assert len(run(bench, lambda t: t.check([bench.photos], read=True)).problems) == 2


def test_check_of_a_selection(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", "c.jpg", album="X")
    layout = "{stem}-{album}.{ext}"
    run(bench, lambda t: t.download(bench.out, X, layout=layout))

    def check(*, read: bool = False) -> Report:
        return run(
            bench,
            lambda t: t.check(output=bench.out, selection=X, layout=layout, read=read),
        )

    assert check().ok
    (bench.out / "a-X.jpg").unlink()
    rot(bench.out / "b-X.jpg")
    report = check(read=True)
    assert report.summary.exit_code == 4
    assert {(p.outcome, p.path) for p in report.problems} == {
        (Outcome.MISSING_LOCAL, "a-X.jpg"),
        (Outcome.DIFFERS, "b-X.jpg"),
    }


def test_scrub_and_repair(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", album="X")
    run(bench, lambda t: t.download(bench.out, X))
    rot(bench.out / "X/a.jpg")
    nowhere = {"url": "http://127.0.0.1:1", "api_key": "none"}
    report = run(bench, lambda t: t.check(scrub=bench.out), **nowhere)
    assert report.summary.exit_code == 4
    assert [(p.outcome, p.path) for p in report.problems] == [(Outcome.DIFFERS, "X/a.jpg")]
    report = run(bench, lambda t: t.check(scrub=bench.out, repair=True))
    assert report.ok
    assert report.summary.outcomes == {"equal": 1, "downloaded": 1}
    assert run(bench, lambda t: t.check(scrub=bench.out), **nowhere).ok


def test_mistakes_are_typed(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", album="Summer")
    with pytest.raises(UsageError, match="Summer"):
        run(bench, lambda t: t.download(bench.out, Selection(albums=("Sumer",))))
    assert not bench.out.exists()
    with pytest.raises(UsageError, match="does not exist"):
        run(bench, lambda t: t.check(output=bench.out, selection=X))
    with pytest.raises(UsageError, match="does not exist"):
        run(bench, lambda t: t.check([bench.photos]))
    with pytest.raises(UsageError, match="does not exist"):
        run(bench, lambda t: t.check(scrub=bench.out))
    with pytest.raises(KeyRefused) as caught:
        run(bench, lambda t: t.mirror(bench.out, Selection(everything=True)), api_key="wrong-key")
    assert caught.value.exit_code == 12
    assert "wrong-key" not in f"{caught.value}{caught.value!r}{caught.value.hint}"


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"output": "out"},
        {"selection": X},
        {"paths": ["photos"], "scrub": "out"},
        {"paths": ["photos"], "output": "out"},
        {"paths": ["photos"], "output": "out", "selection": X},
        {"paths": ["photos"], "repair": True},
    ],
    ids=str,
)
def test_one_thing_is_checked(tmp_path: Path, wanted: dict[str, Any]) -> None:
    nowhere = Bench(tmp_path, "http://127.0.0.1:1", "none")
    with pytest.raises(UsageError, match=r"give|belongs"):
        run(nowhere, lambda t: t.check(**wanted))
    assert not nowhere.state.exists()


def test_stop_is_a_graceful_end(bench: Bench, server: Server) -> None:
    ids = server.seed(*(f"{number}.jpg" for number in range(12)), size=60_000, album="X")
    slow = {"bwlimit_down": 200_000, "transfers": 1}
    layout = "{album}-{filename}"

    def stopping(transfer: ImmichTransfer) -> Awaitable[Report]:
        def hear(event: Event) -> None:
            if isinstance(event, Settled):
                transfer.stop()

        return transfer.download(bench.out, X, layout=layout, sidecars="json", listener=hear)

    report = run(bench, stopping, **slow)
    assert report.summary.exit_code == 130
    assert not report.ok
    assert report.summary.outcomes["pending"] > 0
    assert {problem.outcome for problem in report.problems} == {Outcome.PENDING}
    here = [path for path in bench.fetched() if path.endswith(".jpg")]
    assert len(here) == report.summary.outcomes["downloaded"] > 0
    # What was begun in Python is taken up by the command, with the very same words.
    resumed = bench.run("resume")
    assert resumed.outcomes == {"unchanged": len(here), "downloaded": 12 - len(here)}
    found = bench.fetched()
    assert len(found) == 24
    names = [f"X-{number}.jpg" for number in range(12)]
    assert [found[name] for name in names] == server.sums(ids)
    assert server.originals() == 12


def test_stop_of_a_check_leaves_the_rest_pending(bench: Bench, server: Server) -> None:
    bench.make(3)
    server.box.faults("check:*=stall,seconds=60")

    async def work() -> Report:
        async with ImmichTransfer(
            bench.url, bench.key, state_dir=bench.state, timeout_idle=1, wait=0, retries=1
        ) as transfer:
            running = asyncio.create_task(transfer.check([bench.photos]))
            while not await asyncio.to_thread(server.requests, "check"):
                pass
            transfer.stop()
            return await running

    report = asyncio.run(work())
    assert report.summary.outcomes == {"pending": 3}
    assert not report.ok
    assert {problem.outcome for problem in report.problems} == {Outcome.PENDING}


def test_a_state_folder_in_use_is_busy(bench: Bench, server: Server) -> None:
    server.seed(*(f"{number}.jpg" for number in range(12)), size=60_000, album="X")
    running = bench.start("download", "-o", "out", "--album", "X", "--bwlimit", "250K")
    until(lambda: server.originals() >= 1, running)
    with pytest.raises(ManifestBusy):
        run(bench, lambda t: t.check(scrub=bench.out))
    running.kill()
