"""Two at once: on one state folder, on one server, on one output folder, and beside a watcher.

One state folder serves one run at a time: the second ends at once with 11 and says who holds it.
Runs with state folders of their own, like two machines, need not know of each other: the server
keeps each content once, and the files themselves keep two downloads apart.
"""

from __future__ import annotations

import signal

import pytest

from tests.e2e.support import Bench, Running, Server, photo, sha1, until

HELD = "upload:1-=delay,seconds=600"


def other(bench: Bench) -> dict[str, str]:
    """The environment of another machine with the same files."""
    return {"IMMICH_TRANSFER_STATE_DIR": str(bench.home / "other-state")}


def held_upload(bench: Bench, server: Server) -> Running:
    """An upload whose bodies the server holds back."""
    bench.make(6)
    server.box.faults(HELD)
    running = bench.start("upload", "photos")
    until(lambda: server.requests("upload") > 0, running)
    return running


def let_go(server: Server, running: Running) -> None:
    """Drop what is held back, and have the run end by Ctrl-C: its state is saved."""
    running.signal(signal.SIGINT)
    running.until_said("again to drop", where="err")
    running.signal(signal.SIGINT)
    result = running.finish()
    assert result.code == 130, result.told()
    server.clear_faults()


# one state folder


@pytest.mark.parametrize(
    "command",
    [
        "upload photos/below",
        "download -o out --all",
        "mirror -o out --all",
        "check photos",
        "resume",
    ],
)
def test_one_state_folder_serves_one_run(bench: Bench, server: Server, command: str) -> None:
    bench.make(2, below="below", seed="below")
    running = held_upload(bench, server)
    second = bench.run(*command.split(), code=11)
    error = second.error
    assert f"(process {running.process.pid}, upload, since " in error["message"]
    assert str(bench.state) in error["message"]
    assert "--state-dir" in error["hint"]
    assert len(second.stderr.strip().splitlines()) == 2, second.stderr
    assert second.lines == [error], "it never began"
    assert not bench.out.exists()
    let_go(server, running)
    assert bench.upload().summary["verified"] == 8


def test_what_only_looks_may_look_beside_a_run(bench: Bench, server: Server) -> None:
    running = held_upload(bench, server)
    listed = bench.start("runs", json=False).finish()
    assert listed.code == 0, listed.told()
    assert "upload" in listed.stdout
    status = bench.start("status", json=False).finish()
    assert status.code == 0, status.told()
    dry = bench.upload("--dry-run")
    assert dry.summary["dry_run"] is True
    assert dry.summary["discovered"] == 6
    let_go(server, running)


def test_overlapping_folders_one_after_the_other(bench: Bench, server: Server) -> None:
    """What the refused one was to send is sent when it is run again."""
    inner = bench.make(3, below="below", seed="below")
    running = held_upload(bench, server)
    bench.run("upload", "photos/below", code=11)
    let_go(server, running)
    assert bench.run("upload", "photos/below").summary["verified"] == 3
    result = bench.upload()
    assert result.summary["verified"] == 9
    assert {sha1(content) for content in inner.values()} <= set(server.held())
    assert set(server.held().values()) == {1}


# one server


@pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)
def test_two_machines_send_the_same_files(bench: Bench, server: Server) -> None:
    """Both hold their first bodies back at the same time: neither knows what the other sends."""
    bench.make(30, size=(1_000, 20_000))
    bench.write("film.mp4", photo("film", 900_000))
    wanted = {sha1(path.read_bytes()) for path in bench.photos.iterdir()}
    server.box.faults("upload:1-4=delay,seconds=0.5")
    command = ("upload", "photos", "--album", "A", "--transfers", "4")
    running = [bench.start(*command), bench.start(*command, env=other(bench))]
    results = [one.finish() for one in running]
    for result in results:
        assert result.code == 0, result.told()
        assert set(result.outcomes) <= {"uploaded", "duplicate"}
        assert result.summary["verified"] == 31
        assert {item["sha1"] for item in result.items()} == wanted
    uploaded = [result.outcomes.get("uploaded", 0) for result in results]
    assert sum(uploaded) == 31, "each content was new to one of them"
    assert server.held() == dict.fromkeys(wanted, 1)
    albums = server.albums()["A"]
    assert set().union(*albums) == wanted
    for env in ({}, other(bench)):
        assert bench.run(*command, env=env).outcomes == {"duplicate": 31}


def test_an_upload_beside_a_mirror(bench: Bench, server: Server) -> None:
    """On two state folders they do not mind each other; what went up meanwhile comes next time."""
    server.seed(assets=10, size=2_000)
    bench.make(10)
    server.box.faults("upload:*=delay,seconds=0.1", "original:*=delay,seconds=0.1")
    up = bench.start("upload", "photos", "--transfers", "2")
    down = bench.start("mirror", "-o", "out", "--all", "--delete", env=other(bench))
    assert up.finish().outcomes == {"uploaded": 10}
    first = down.finish()
    assert first.code in (0, 3), first.told()
    assert first.outcomes["downloaded"] >= 10
    assert "removed" not in first.outcomes
    server.clear_faults()
    bench.run("mirror", "-o", "out", "--all", "--delete", env=other(bench))
    assert sorted(bench.fetched().values()) == sorted(server.held())


# one output folder


def test_two_mirrors_of_one_output_folder(bench: Bench, server: Server) -> None:
    """No lock in the user's folder: each file is one run's at a time, names go to whoever is first,
    and the other finds its bytes there. A mirror removes only what its own manifest wrote."""
    ids = server.seed(assets=24, size=3_000, album="A")
    server.seed("film.mp4", "other.mp4", size=900_000, album="A")
    wanted = {f"A/{a['originalFileName']}": a["checksum"] for a in server.known().values()}
    server.box.faults("original:1-8=delay,seconds=0.3")
    command = ("mirror", "-o", "out", "--album", "A", "--delete")
    running = [bench.start(*command), bench.start(*command, env=other(bench))]
    for one in running:
        result = one.finish()
        assert result.code in (0, 3), result.told()
        for item in result.items("failed"):
            assert "another run is downloading this file" in item["error"], item
            assert item["hint"] == "let it finish, then run again"
    server.clear_faults()
    for env in ({}, other(bench)):
        result = bench.run(*command, env=env)
        assert set(result.outcomes) <= {"unchanged", "downloaded"}
        assert result.summary["verified"] == 26
        assert bench.fetched() == wanted, "nothing stray, nothing doubled, nothing set aside"
    server.box.delete(ids[0])
    for env, outcome in (({}, "removed"), (other(bench), "removed")):
        assert outcome in bench.run(*command, env=env, code=None).outcomes or env
    assert len(bench.fetched()) == 25


# a watcher


def test_a_watcher_beside_an_upload(bench: Bench, server: Server) -> None:
    """On two state folders; that it waits on one and the same stands in e2e/test_watch.py."""
    bench.make(5)
    watcher = bench.start("watch", "photos", "--settle", "200ms", json=False, env=other(bench))
    until(lambda: len(server.held()) == 5, watcher)
    bench.make(5, seed="more", start=10)
    result = bench.upload()
    assert result.outcomes.get("duplicate", 0) >= 5
    until(lambda: len(server.held()) == 10, watcher)
    watcher.signal(signal.SIGINT)
    ended = watcher.finish()
    assert ended.code == 130, ended.told()
    assert server.held() == {sha1(path.read_bytes()): 1 for path in bench.photos.iterdir()}
