"""`watch`: the installed command beside a real folder and the sandbox, until a signal."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox_fixture import SandboxProcess

from .support import TIMEOUT, Bench, Running, Server, photo, sha1, until

SETTLE = ("--settle", "200ms")
OLD = 1_600_000_000
Watch = Callable[..., Running]


@pytest.fixture
def watch(bench: Bench) -> Iterator[Watch]:
    """Starts `watch photos …` and waits until it hears of changes; ended with the test."""
    begun: list[Running] = []
    bench.photos.mkdir(parents=True)

    def start(*arguments: str, ready: bool = True, as_json: bool = False, **env: str) -> Running:
        running = bench.start("watch", "photos", *SETTLE, *arguments, json=as_json, env=env)
        begun.append(running)
        if ready:
            running.until_said("watching", where="err")
        return running

    yield start
    for running in begun:
        if running.process.poll() is None:
            running.kill()


def end(running: Running, number: signal.Signals = signal.SIGTERM) -> str:
    """End it as a supervisor does; what it said on stderr."""
    running.signal(number)
    result = running.finish()
    assert result.code == {signal.SIGTERM: 143, signal.SIGINT: 130}[number], result.told()
    return result.stderr


def held(server: Server, *contents: bytes) -> Callable[[], bool]:
    """Whether the server has exactly these, each once."""
    wanted = {sha1(content): 1 for content in contents}
    return lambda: server.held() == wanted


def age(path: Path) -> Path:
    """A file that was written long ago."""
    os.utime(path, (OLD, OLD))
    return path


# what arrives


def test_what_is_there_and_what_comes_arrives_in_its_album(
    bench: Bench, server: Server, watch: Watch
) -> None:
    old, new, deep = photo("old"), photo("new"), photo("deep")
    age(bench.write("Sea/old.jpg", old))
    running = watch("--album-from", "folder", "--rescan", "0s")
    until(held(server, old), running)
    bench.write("Sea/new.jpg", new)
    bench.write("notes.txt", b"no photo")
    until(held(server, old, new), running)
    # A folder that comes as a whole: nobody tells of what is in it.
    (bench.home / "made" / "Trip").mkdir(parents=True)
    age(bench.home / "made" / "Trip").joinpath("deep.jpg").write_bytes(deep)
    (bench.home / "made").rename(bench.photos / "2024")
    until(held(server, old, new, deep), running)
    until(lambda: set(server.albums()) == {"Sea", "Trip"}, running)
    told = end(running)
    assert server.albums()["Sea"] == [{sha1(old), sha1(new)}]
    assert "1 uploaded" in told
    assert "failed" not in told
    assert server.bodies() == 3


def test_a_changed_file_is_sent_again_and_an_untouched_one_is_not(
    bench: Bench, server: Server, watch: Watch
) -> None:
    before, after, other = photo("before"), photo("after"), photo("other")
    age(bench.write("a.jpg", before))
    age(bench.write("b.jpg", other))
    running = watch("--rescan", "0s")
    until(held(server, before, other), running)
    bench.write("a.jpg", after)
    until(held(server, before, other, after), running)
    end(running)
    assert server.bodies() == 3


def test_a_file_that_is_being_written_waits(bench: Bench, server: Server, watch: Watch) -> None:
    running = watch("--settle", "3s")
    pieces = [photo(("piece", number), 500) for number in range(6)]
    pause = threading.Event()
    with open(bench.photos / "slow.jpg", "wb") as file:
        for piece in pieces:
            file.write(piece)
            file.flush()
            assert server.bodies() == 0
            pause.wait(0.3)
    until(held(server, b"".join(pieces)), running)
    end(running)
    assert server.bodies() == 1, "no half of it was sent"


def test_delete_source_empties_an_inbox(bench: Bench, server: Server, watch: Watch) -> None:
    content = photo("inbox")
    running = watch("--delete-source")
    path = bench.write("card/a.jpg", content)
    until(lambda: not path.exists(), running)
    end(running)
    assert held(server, content)()


# what goes wrong


def test_a_server_that_goes_away_is_waited_for(bench: Bench, server: Server, watch: Watch) -> None:
    first, second = photo(1), photo(2)
    age(bench.write("a.jpg", first))
    running = watch()
    until(held(server, first), running)
    server.box.away(5)
    bench.write("b.jpg", second)
    running.until_said("server away", where="err")
    running.until_said("the server is back", where="err")
    until(held(server, first, second), running)
    assert end(running).count("server away") == 1


def test_a_server_that_is_not_there_at_the_start(
    bench: Bench, server: Server, watch: Watch, tmp_path: Path
) -> None:
    content = photo("patient")
    box = SandboxProcess(tmp_path / "late", version=server.version)
    box.stop()
    age(bench.write("a.jpg", content))
    try:
        # It gives up at once and is asked again: no patience of the engine helps here.
        running = watch("--wait", "0s", IMMICH_URL=box.url, IMMICH_API_KEY=box.key)
        running.until_said("waiting: cannot reach", where="err")
        box.start()
        until(lambda: [a["checksum"] for a in box.assets()] == [sha1(content)], running)
        end(running)
    finally:
        box.stop()


def test_a_file_that_vanished_is_no_trouble(bench: Bench, server: Server, watch: Watch) -> None:
    content = photo("stays")
    running = watch("-v", "--settle", "1s")
    bench.write("gone.jpg", photo("gone"))
    bench.write("folder/gone.jpg", photo("gone, too"))
    (bench.photos / "gone.jpg").unlink()
    shutil.rmtree(bench.photos / "folder")
    bench.write("stays.jpg", content)
    until(held(server, content), running)
    assert "gone" not in end(running)


def test_a_folder_that_goes_and_comes_back(bench: Bench, server: Server, watch: Watch) -> None:
    first, second, third = photo(1), photo(2), photo(3)
    age(bench.write("a.jpg", first))
    running = watch("--rescan", "0s")
    until(held(server, first), running)
    bench.photos.rename(bench.home / "unplugged")
    running.until_said("waiting for it", where="err")
    age(bench.home / "unplugged" / "a.jpg").with_name("b.jpg").write_bytes(second)
    (bench.home / "unplugged").rename(bench.photos)
    running.until_said("is there again", where="err")
    until(held(server, first, second), running)
    bench.write("c.jpg", third)
    until(held(server, first, second, third), running)
    end(running)


def test_what_failed_is_tried_again(bench: Bench, server: Server, watch: Watch) -> None:
    content = photo("poisoned")
    server.poison("bad.jpg")
    running = watch("--rescan", "0s", "--retries", "1")
    bench.write("bad.jpg", content)
    running.until_said("1 failed", where="err")
    server.clear_faults()
    until(held(server, content), running)
    end(running)


def test_everything_is_looked_at_again_when_nobody_tells(
    bench: Bench, server: Server, watch: Watch
) -> None:
    content = photo("untold")
    fake = bench.home / "fake" / "watchfiles.py"
    fake.parent.mkdir(parents=True)
    fake.write_text(
        "import asyncio, enum\n"
        "Change = enum.Enum('Change', 'added modified deleted')\n"
        "async def awatch(*_, stop_event, **__):\n"
        "    while not stop_event.is_set():\n"
        "        yield set()\n"
        "        await asyncio.sleep(0.1)\n"
    )
    running = watch("--rescan", "1s", PYTHONPATH=str(fake.parent))
    bench.write("a.jpg", content)
    until(held(server, content), running)
    end(running)


def test_killed_and_started_again_it_sends_once(bench: Bench, server: Server, watch: Watch) -> None:
    contents = [photo(number, 60_000) for number in range(8)]
    for number, content in enumerate(contents):
        age(bench.write(f"{number}.jpg", content))
    server.slow_reads(60_000)
    running = watch("--transfers", "2")
    until(lambda: server.bodies() >= 2, running)
    running.kill()
    server.clear_faults()
    again = watch()
    until(held(server, *contents), again)
    end(again)


# beside others


def test_other_commands_beside_it(bench: Bench, server: Server, watch: Watch) -> None:
    content, other = photo("slow", 300_000), photo("other")
    server.slow_reads(40_000)
    age(bench.write("a.jpg", content))
    running = watch()
    until(lambda: server.in_flight() > 0, running)
    assert "A watch takes it up again" in bench.run("status", json=False).stdout
    busy = bench.upload(code=11)
    assert "watch" in busy.error["message"]
    server.clear_faults()
    until(held(server, content), running)
    # Between its rounds the manifest is free.
    (bench.home / "more").mkdir()
    (bench.home / "more" / "b.jpg").write_bytes(other)
    until(lambda: bench.run("upload", "more", code=None).code == 0, running)
    end(running)
    assert held(server, content, other)()


def test_it_waits_while_an_upload_holds_the_manifest(
    bench: Bench, server: Server, watch: Watch
) -> None:
    slow, content = photo("slow", 300_000), photo("watched")
    (bench.home / "more").mkdir()
    (bench.home / "more" / "b.jpg").write_bytes(slow)
    server.slow_reads(40_000)
    upload = bench.start("upload", "more")
    until(lambda: server.in_flight() > 0, upload)
    age(bench.write("a.jpg", content))
    running = watch()
    running.until_said("waiting: another run holds the manifest", where="err")
    assert upload.finish().code == 0
    server.clear_faults()
    until(held(server, slow, content), running)
    end(running)


# how it ends, and what it says


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_finish_what_is_in_flight(
    bench: Bench, server: Server, watch: Watch, number: signal.Signals
) -> None:
    content = photo("in flight", 200_000)
    server.slow_reads(100_000)
    running = watch()
    bench.write("a.jpg", content)
    until(lambda: server.in_flight() > 0, running)
    told = end(running, number)
    assert held(server, content)()
    assert "stopping" in told


def test_an_idle_watch_ends_at_once(bench: Bench, server: Server, watch: Watch) -> None:
    content = photo("idle")
    age(bench.write("a.jpg", content))
    running = watch()
    running.until_said("1 uploaded", where="err")
    assert "stopping" not in end(running, signal.SIGINT)


def test_json_lines(bench: Bench, server: Server, watch: Watch) -> None:
    first, second = photo(1), photo(2)
    age(bench.write("a.jpg", first))
    running = watch("--rescan", "1s", as_json=True)
    running.until_said('"summary"')
    bench.write("b.jpg", second)
    until(held(server, first, second), running)
    running.until_said("b.jpg")
    running.signal(signal.SIGTERM)
    result = running.finish(checked=False)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[0] == {"type": "watching", "v": 1, "folders": ["photos"]}
    runs = [line for line in lines if line["type"] == "run"]
    summaries = [line for line in lines if line["type"] == "summary"]
    assert len(runs) == len(summaries) >= 2
    assert {line["command"] for line in (*runs, *summaries)} == {"watch"}
    assert all(s["discovered"] == sum(s["outcomes"].values()) for s in summaries)
    items = [(line["outcome"], line["path"]) for line in lines if line["type"] == "item"]
    assert items == [("uploaded", "photos/a.jpg"), ("uploaded", "photos/b.jpg")], (
        "what every look repeats is counted, not told"
    )
    assert result.code == 143


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs UNIX sockets")
def test_systemd_hears_that_it_is_ready_alive_and_stopping(
    bench: Bench, server: Server, watch: Watch, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "n"))
        heard.settimeout(TIMEOUT)
        running = watch(NOTIFY_SOCKET=str(tmp_path / "n"), WATCHDOG_USEC="200000")
        told: list[str] = []
        while not {"READY=1", "WATCHDOG=1"} <= set(told):
            told += heard.recv(1000).decode().splitlines()
        end(running)
        while "STOPPING=1" not in told:
            told += heard.recv(1000).decode().splitlines()


def test_a_wrong_key_or_a_wrong_folder_ends_it(bench: Bench, server: Server, watch: Watch) -> None:
    age(bench.write("a.jpg", photo(1)))
    wrong = watch(
        ready=False, as_json=True, IMMICH_API_KEY="a-key-that-nobody-ever-made-0123456789"
    )
    result = wrong.finish(checked=False)
    assert result.code == 12, result.told()
    assert bench.run("watch", "phots", code=2).error["message"].startswith("phots does not exist")
    assert "not a folder" in bench.run("watch", "photos/a.jpg", code=2).error["message"]
    assert "no folder given" in bench.run("watch", code=2).error["message"]


def test_without_watchfiles_it_says_how_to_get_it(bench: Bench, watch: Watch) -> None:
    fake = bench.home / "fake" / "watchfiles.py"
    fake.parent.mkdir(parents=True)
    fake.write_text("raise ImportError('not here')")
    running = watch(ready=False, as_json=True, PYTHONPATH=str(fake.parent))
    result = running.finish()
    assert result.code == 2
    assert result.error["hint"] == "pip install 'immich-transfer[watch]'"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_named_and_the_rest_arrives(
    bench: Bench, server: Server, watch: Watch
) -> None:
    content = photo("readable")
    age(bench.write("a.jpg", content))
    secret = bench.photos / "secret"
    secret.mkdir(mode=0o000)
    try:
        running = watch()
        until(held(server, content), running)
        running.until_said("secret", where="err")
        bench.write("b.jpg", photo("later"))
        until(held(server, content, photo("later")), running)
        end(running)
    finally:
        secret.chmod(0o700)
