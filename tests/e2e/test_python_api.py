"""The Python API: typed results, an event stream, and the example of the README."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from immich_transfer import ImmichTransfer, Outcome
from immich_transfer.errors import KeyRefused, ManifestBusy, TransferError
from immich_transfer.events import Event, Finished, RunStarted, Settled

from .support import Bench, Server, sha1, until

README = Path(__file__).parents[2] / "README.md"


def test_upload_and_report(bench: Bench, server: Server) -> None:
    contents = bench.make(4)
    heard: list[Event] = []

    async def work() -> None:
        async with ImmichTransfer(server.url, bench.key, state_dir=bench.state) as transfer:
            report = await transfer.upload([bench.photos], albums=("A",), listener=heard.append)
            assert report.ok
            assert report.problems == ()
            assert report.summary.outcomes == {"uploaded": 4}
            assert report.summary.verified == 4
            again = await transfer.upload([str(bench.photos)], albums=("A",))
            assert again.summary.outcomes == {"duplicate": 4}
            assert again.summary.bytes_hashed == 0

    asyncio.run(work())
    everything = {sha1(content) for content in contents.values()}
    assert server.albums() == {"A": [everything]}
    assert isinstance(heard[0], RunStarted)
    assert isinstance(heard[-1], Finished)
    settled = [event.item for event in heard if isinstance(event, Settled)]
    assert [item.outcome for item in settled] == [Outcome.UPLOADED] * 4
    assert {item.sha1.hex() for item in settled if item.sha1} == everything


def test_the_event_stream(bench: Bench, server: Server) -> None:
    bench.make(3)

    async def work() -> list[Event]:
        async with ImmichTransfer(server.url, bench.key, state_dir=bench.state) as transfer:
            return [event async for event in transfer.upload_events([bench.photos])]

    events = asyncio.run(work())
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], Finished)
    assert sum(isinstance(event, Settled) for event in events) == 3


def test_problems_are_named(bench: Bench, server: Server) -> None:
    bench.make(2)
    bench.write("gone.jpg", b"x")
    server.poison("gone.jpg")

    async def work() -> None:
        async with ImmichTransfer(
            server.url, bench.key, state_dir=bench.state, retries=2
        ) as transfer:
            report = await transfer.upload([bench.photos])
            assert not report.ok
            (problem,) = report.problems
            assert problem.path.endswith("gone.jpg")
            assert problem.error is not None
            assert "500" in problem.error

    asyncio.run(work())


def test_errors_are_typed_and_hold_no_key(bench: Bench, server: Server) -> None:
    bench.make(1)

    async def work(key: str) -> None:
        async with ImmichTransfer(server.url, key, state_dir=bench.state) as transfer:
            await transfer.upload([bench.photos])

    with pytest.raises(KeyRefused) as caught:
        asyncio.run(work("wrong-key"))
    assert isinstance(caught.value, TransferError)
    assert caught.value.exit_code == 12
    assert "wrong-key" not in f"{caught.value}{caught.value!r}{caught.value.hint}"


def test_stop_is_a_graceful_end(bench: Bench, server: Server) -> None:
    bench.make(12, size=60_000)

    async def work() -> None:
        async with ImmichTransfer(
            server.url, bench.key, state_dir=bench.state, bwlimit_up=200_000, transfers=1
        ) as transfer:

            def hear(event: Event) -> None:
                if isinstance(event, Settled) or server.bodies() >= 2:
                    transfer.stop()

            report = await transfer.upload([bench.photos], listener=hear)
            assert report.summary.outcomes["pending"] > 0
            assert report.summary.exit_code == 130
            assert not report.ok
            assert report.summary.outcomes["uploaded"] == len(server.held())
            rest = await transfer.upload([bench.photos])
            assert rest.ok

    asyncio.run(work())
    assert len(server.held()) == 12
    assert server.bodies() == 12


def test_leaving_the_stream_early_stops_the_upload(bench: Bench, server: Server) -> None:
    bench.make(12, size=60_000)

    async def work() -> None:
        async with ImmichTransfer(
            server.url, bench.key, state_dir=bench.state, bwlimit_up=200_000, transfers=1
        ) as transfer:
            stream = transfer.upload_events([bench.photos])
            async for event in stream:
                if isinstance(event, RunStarted):
                    break
            await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(work())
    assert len(server.held()) < 12


def test_a_state_folder_in_use_is_busy(bench: Bench, server: Server) -> None:
    bench.make(12, size=60_000)
    running = bench.start("upload", "photos", "--bwlimit", "250K")
    until(lambda: len(server.held()) >= 1, running)

    async def work() -> None:
        async with ImmichTransfer(server.url, bench.key, state_dir=bench.state) as transfer:
            await transfer.upload([bench.photos])

    with pytest.raises(ManifestBusy):
        asyncio.run(work())
    running.kill()


def test_a_trashed_copy_that_stays_too_long_is_no_success(
    bench: Bench, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 0 would say that it was sent anew."""
    bench.make(2)
    bench.upload()
    server.box.trash(*server.known())
    monkeypatch.setattr("immich_transfer.upload.check.CLEARED_SECONDS", 0.0)

    async def work() -> None:
        async with ImmichTransfer(server.url, bench.key, state_dir=bench.state) as transfer:
            report = await transfer.upload([bench.photos], trashed="reupload")
        assert report.summary.exit_code == 3
        assert report.summary.outcomes == {"failed": 2}
        assert {problem.error for problem in report.problems} == {
            "the server still has its trashed copy"
        }

    asyncio.run(work())
    until(lambda: not server.held())
    assert bench.upload("--trashed", "reupload").outcomes == {"uploaded": 2}


def test_the_secret_does_not_show_itself(bench: Bench, server: Server) -> None:
    transfer = ImmichTransfer(server.url, bench.key, state_dir=bench.state)
    assert bench.key not in repr(transfer) + str(vars(transfer))


def test_the_example_of_the_readme(bench: Bench, server: Server) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    bench.make(3)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=bench.home,
        env={
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(bench.home),
            "IMMICH_URL": server.url,
            "IMMICH_API_KEY": bench.key,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "{'uploaded': 3}" in done.stdout
    assert "Finished" in done.stdout
    assert all(checksum in done.stdout for checksum in server.held()), "assets of the album"
    assert server.albums() == {"Summer": [set(server.held())]}
    assert len(server.held()) == 3
