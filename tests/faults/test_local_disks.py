"""Disks, permissions and limits of this machine, as the system really gives them.

Full, read-only, broken, unmounted and forbidden: each ends with one honest line and its exit code,
and the same command ends well once the trouble is over.
"""

from __future__ import annotations

import os
import shutil

import pytest

from tests.e2e.support import Bench, Running, Server, photo, sha1, until
from tests.faults.local import at_most, broken_disk, disk, fill, mortal, read_only, told, unmount

SMALL = 2_000
LARGE = 1_500_000
UPLOAD = ("upload", "photos")
DOWN = ("mirror", "-o", "out", "--all", "--layout", "{filename}")
CHECK = ("check", "photos")
COMMANDS = pytest.mark.parametrize("command", [UPLOAD, DOWN, CHECK], ids=lambda c: c[0])


def sums(server: Server) -> dict[str, str]:
    """The SHA-1 of every asset by its name."""
    return {asset["originalFileName"]: asset["checksum"] for asset in server.known().values()}


def nothing_torn(bench: Bench, wanted: dict[str, str]) -> None:
    found = {name: got for name, got in bench.fetched().items() if not name.endswith(".part")}
    assert found == {name: wanted[name] for name in found}


# no room


@COMMANDS
def test_the_disk_of_the_state_folder_is_full(
    bench: Bench, server: Server, command: tuple[str, ...]
) -> None:
    bench.make(3)
    server.seed("there.jpg")
    with disk(bench.state, 1 << 20):
        filler = fill(bench.state)
        result = bench.run(*command, code=7)
        assert "disk" in told(result)
        assert "full" in told(result)
        assert "make room" in told(result)
        assert server.bodies() == 0
        filler.unlink()
        assert bench.run(*command, code=None).code == (4 if command == CHECK else 0)


@pytest.mark.parametrize("command", [UPLOAD, DOWN], ids=lambda c: c[0])
def test_the_state_folder_may_not_grow(
    bench: Bench, server: Server, command: tuple[str, ...]
) -> None:
    """No file beyond 64 KiB: the manifest begins well and cannot go on."""
    bench.make(400, size=100)
    server.seed(assets=400, size=100)
    result = bench.start(*command, prefix=at_most(fsize=64 << 10)).finish()
    assert result.code == 7, result.told()
    assert "the disk that holds the manifest" in told(result)
    nothing_torn(bench, sums(server))
    again = bench.run(*command)
    assert again.summary["verified"] == 400


def test_no_file_may_be_as_large_as_the_film(bench: Bench, server: Server) -> None:
    server.seed("film.mp4", size=3 << 20)
    server.seed("a.jpg", size=SMALL)
    result = bench.start(*DOWN, prefix=at_most(fsize=2 << 20)).finish()
    assert (result.code, result.outcomes) == (3, {"downloaded": 1, "failed": 1}), result.told()
    assert "too large" in result.item("film.mp4")["error"]
    nothing_torn(bench, sums(server))
    assert bench.run(*DOWN).outcomes == {"downloaded": 1, "unchanged": 1}
    assert bench.fetched() == sums(server)


# read-only


@COMMANDS
def test_the_state_folder_is_read_only(
    bench: Bench, server: Server, command: tuple[str, ...]
) -> None:
    bench.make(2)
    bench.upload()
    with read_only(bench.state):
        result = bench.run(*command, code=2)
        assert "cannot lock the manifest" in told(result)
        assert "--state-dir" in told(result)
        bench.run(*command, "--dry-run") if command != CHECK else None
        assert "photos" in bench.run("runs", json=False).stdout


def test_the_output_folder_is_read_only(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg")
    with read_only(bench.out):
        result = bench.run(*DOWN, code=2)
        assert "Read-only file system" in told(result)
        assert str(bench.out) in told(result)
        assert server.originals() == 0
    assert bench.run(*DOWN).outcomes == {"downloaded": 2}


def test_the_photos_are_on_a_read_only_disk(bench: Bench, server: Server) -> None:
    """It uploads, and says that it could not delete."""
    bench.make(2)
    with read_only(bench.photos):
        result = bench.upload("--delete-source")
        assert result.outcomes == {"uploaded": 2}
        assert {item["note"] for item in result.items()} == {"kept here: read-only file system"}
    assert len(list(bench.photos.iterdir())) == 2


# broken


def test_a_disk_with_a_hole_in_it(bench: Bench, server: Server) -> None:
    """What can be read goes up, what cannot is named, and nobody waits for the server."""
    files = {f"{n}.jpg": photo(n, SMALL) for n in range(3)} | {"film.mp4": photo("f", 3_000_000)}
    with broken_disk(bench.photos, files):
        for command in (UPLOAD, ("check", "photos", "--read")):
            result = bench.run(*command, code=3)
            item = result.item("film.mp4")
            assert (item["outcome"], item["error"]) == ("failed", "Input/output error")
            assert "disk" in item["hint"]
            assert result.outcomes["failed"] == 1
            assert result.summary["retries"] == 0
    assert server.held() == {sha1(photo(n, SMALL)): 1 for n in range(3)}


@pytest.mark.parametrize("how", ["unmounted", "removed", "moved away"])
def test_the_output_folder_vanishes(bench: Bench, server: Server, how: str) -> None:
    """Nothing is written where its disk was mounted, and nothing is told as there."""
    server.seed(assets=30, size=SMALL)
    server.seed("film.mp4", size=LARGE)
    if how == "unmounted":
        with disk(bench.out, 8 << 20):
            result = _vanishing(bench, server, lambda: unmount(bench.out))
            with disk(bench.out, 8 << 20):
                bench.run(*DOWN)
                assert bench.fetched() == sums(server)
    else:
        bench.out.mkdir(parents=True)
        away = bench.home / "elsewhere"
        gone = shutil.rmtree if how == "removed" else lambda folder: os.rename(folder, away)
        result = _vanishing(bench, server, lambda: gone(bench.out))
        bench.run(*DOWN)
        assert bench.fetched() == sums(server)
    assert "output folder" in result
    assert "run again" in result


def _vanishing(bench: Bench, server: Server, vanish: object) -> str:
    running = _held_at_the_fifth(bench, server, *DOWN)
    assert callable(vanish)
    vanish()
    server.clear_faults()
    result = running.finish()
    assert result.code == 7, result.told()
    assert result.outcomes["pending"] > 0
    assert not bench.out.exists() or not os.listdir(bench.out), "nothing lands beside the disk"
    return told(result)


def _held_at_the_fifth(bench: Bench, server: Server, *command: str) -> Running:
    """A run that wrote four files and waits for the next until the faults are cleared."""
    server.box.faults("original:5=hold")
    running = bench.start(*command, "--transfers", "1")
    until(lambda: server.box.stats()["by_rule"] == [1] and len(bench.fetched()) == 4, running)
    return running


def test_a_folder_below_the_output_is_removed_meanwhile(bench: Bench, server: Server) -> None:
    """It is made anew; what was in it comes again in the next run, at the latest."""
    server.seed(assets=20, size=SMALL, album="A")
    command = ("mirror", "-o", "out", "--album", "A")
    running = _held_at_the_fifth(bench, server, *command)
    shutil.rmtree(bench.out / "A")
    server.clear_faults()
    result = running.finish()
    assert result.code in (0, 3), result.told()
    bench.run(*command)
    assert bench.fetched() == {f"A/{name}": checksum for name, checksum in sums(server).items()}


# forbidden


def test_files_and_folders_that_may_not_be_read(bench: Bench, server: Server) -> None:
    bench.make(2)
    for name in ("shut.jpg", "closed/a.jpg"):
        bench.write(name, photo(name))
    (bench.photos / "shut.jpg").chmod(0)
    (bench.photos / "closed").chmod(0)
    try:
        for command in (UPLOAD, CHECK):
            result = bench.start(*command, prefix=mortal()).finish()
            assert result.code == 3, result.told()
            assert result.outcomes["failed"] == 2
            for name in ("shut.jpg", "closed"):
                assert "Permission denied" in result.item(name)["error"]
            assert "readable" in result.item("shut.jpg")["hint"]
    finally:
        (bench.photos / "closed").chmod(0o700)
    (bench.photos / "shut.jpg").chmod(0o600)
    assert bench.upload().outcomes == {"uploaded": 2, "duplicate": 2}


@pytest.mark.parametrize(
    ("command", "what"), [(UPLOAD, "folder"), (DOWN, "manifest"), (CHECK, "new")]
)
def test_a_state_folder_that_may_not_be_written(
    bench: Bench, server: Server, command: tuple[str, ...], what: str
) -> None:
    bench.make(1)
    if what == "new":
        bench.home.chmod(0o500)
        shut = bench.home
    else:
        bench.upload()
        shut = bench.state if what == "folder" else bench.state / "manifest.sqlite3"
        if what == "folder":
            (bench.state / "manifest.lock").unlink()
        shut.chmod(0o500 if what == "folder" else 0o400)
    before = server.requests()
    try:
        result = bench.start(*command, prefix=mortal()).finish()
    finally:
        shut.chmod(0o700)
    assert result.code == 2, result.told()
    assert "ermission denied" in told(result)
    assert str(bench.state) in told(result)
    assert server.requests() == before
    bench.run(*command, code=4 if command == CHECK and what == "new" else 0)


def test_an_output_folder_that_may_not_be_written(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", album="A")
    server.seed("c.jpg", album="B")
    command = ("mirror", "-o", "out", "--album", "*")
    (bench.out / "A").mkdir(parents=True)
    (bench.out / "A").chmod(0o500)
    part = bench.start(*command, prefix=mortal()).finish()
    assert (part.code, part.outcomes) == (3, {"downloaded": 1, "failed": 2}), part.told()
    assert {item["error"].partition(" (")[0] for item in part.items("failed")} == {
        "Permission denied"
    }
    bench.out.chmod(0o500)
    whole = bench.start(*command, prefix=mortal()).finish()
    assert whole.code == 2, whole.told()
    assert "cannot write to the output folder" in told(whole)
    bench.out.chmod(0o700)
    (bench.out / "A").chmod(0o700)
    assert bench.run(*command).outcomes == {"downloaded": 2, "unchanged": 1}


# limits and odd places


@pytest.mark.parametrize("files", [64, 28])
def test_few_open_files(bench: Bench, server: Server, files: int) -> None:
    """With fewer transfers everything goes all the same."""
    bench.make(80, size=SMALL)
    for number in range(12):
        bench.write(f"film{number}.mp4", photo(number, 700_000))
    few = at_most(nofile=files)
    sent = bench.start(*UPLOAD, "--transfers", "48", prefix=few).finish()
    assert (sent.code, sent.outcomes) == (0, {"uploaded": 92}), sent.told()
    assert "too few open files (ulimit -n)" in " ".join(sent.summary["notes"])
    came = bench.start(*DOWN, prefix=few).finish()
    assert (came.code, came.outcomes) == (0, {"downloaded": 92}), came.told()
    assert bench.fetched() == sums(server)
    checked = bench.start("check", "photos", "--read", prefix=few).finish()
    assert (checked.code, checked.outcomes) == (0, {"equal": 92}), checked.told()


@pytest.mark.parametrize("place", ["a file", "below a file", "a name too long"])
def test_an_output_folder_that_cannot_be(bench: Bench, server: Server, place: str) -> None:
    server.seed("a.jpg")
    bench.home.mkdir(parents=True)
    (bench.home / "file").touch()
    output = {"a file": "file", "below a file": "file/out", "a name too long": "x" * 300}[place]
    result = bench.run("mirror", "-o", output, "--all", code=2)
    assert "cannot write to the output folder" in told(result)
    assert server.originals() == 0


def test_paths_longer_than_the_system_takes(bench: Bench, server: Server) -> None:
    """Folders are opened one below the other: only what the user types must fit."""
    server.seed("a.jpg", album="A" * 200)
    room = 4000 - len(str(bench.home))
    deep = "/".join(["d" * 100] * (room // 101))
    command = ("mirror", "-o", deep, "--album", "*")
    assert bench.run(*command).outcomes == {"downloaded": 1}
    assert bench.run(*command).outcomes == {"unchanged": 1}
    shutil.rmtree(bench.home / ("d" * 100))
    result = bench.run("mirror", "-o", "/".join(["d" * 100] * 50), "--album", "*", code=2)
    assert "File name too long" in told(result)


def test_no_home(bench: Bench, server: Server) -> None:
    """Without HOME the user's own folder is asked of the system; nothing lands where we stand."""
    bench.make(2)
    without = ["env", "-u", "HOME", "-u", "IMMICH_TRANSFER_STATE_DIR"]
    bench.start(*UPLOAD, "--dry-run", prefix=without).finish()
    result = bench.start(*UPLOAD, "--state-dir", "state", prefix=without).finish()
    assert (result.code, result.outcomes) == (0, {"uploaded": 2}), result.told()
    assert not (bench.home / "~").exists()
    assert sorted(path.name for path in bench.home.iterdir()) == ["photos", "state"]


def test_the_output_lies_below_the_photos(bench: Bench, server: Server) -> None:
    """What came down is found going up, known, and sent by nobody; what is half is no photo."""
    bench.make(2)
    bench.upload()
    server.seed("film.mp4", size=LARGE)
    server.box.faults(f"original:name=film.mp4=cut,at={LARGE // 2}")
    below = ("mirror", "-o", "photos/here", "--all", "--layout", "{filename}", "--retries", "1")
    bench.run(*below, code=3)
    bodies = server.bodies()
    assert bench.upload().outcomes["duplicate"] == 4
    server.clear_faults()
    bench.run(*below)
    assert bench.upload().outcomes["duplicate"] == 5
    assert server.bodies() == bodies
