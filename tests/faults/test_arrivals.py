"""The plug is pulled after a file got its final name and before it was remembered; then its asset
leaves. What the killed run named is its own, what somebody else put there is not."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from immich_transfer.failpoints import VARIABLE
from tests.e2e.support import Bench, Server, sha1
from tests.torture.scenes import api

pytestmark = pytest.mark.parametrize("server", ["3.0"], indirect=True)

DELETING = ("--delete", "--max-delete", "100%")
MIRROR = ("mirror", "-o", "out", "--album", "Sea", *DELETING)
ALL = ("mirror", "-o", "out", "--album", "*", *DELETING)
ONE_PLACE = (*ALL, "--layout", "all/{filename}")
NAS = "disk.unnamed!EOPNOTSUPP"
"""Network file systems have no files without names."""


def killed(bench: Bench, command: tuple[str, ...], at: str) -> None:
    running = bench.start(*command, env={VARIABLE: at})
    assert running.finish(checked=False).code == -signal.SIGKILL


def promised(bench: Bench) -> int:
    """Names that the manifest has a promise of."""
    with closing(sqlite3.connect(f"file:{bench.state}/manifest.sqlite3?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM arrivals").fetchone()[0])


@pytest.fixture
def ids(server: Server) -> list[str]:
    """Two assets in an album, with something for a sidecar to tell."""
    made = server.seed("a.jpg", "b.jpg")
    server.album("Sea", *made)
    server.edit(*made, description="a night")
    return made


@pytest.fixture
def named(server: Server, bench: Bench, ids: list[str]) -> list[str]:
    """Assets whose files have their names, and that no row tells of."""
    (bench.out / "Sea").mkdir(parents=True)  # the first folder to be synced is that of settling
    killed(bench, MIRROR, "disk.folder-sync#1")
    assert set(bench.fetched()) == {"Sea/a.jpg", "Sea/b.jpg"}
    assert promised(bench) == 2
    return ids


@pytest.fixture
def photo(bench: Bench) -> Path:
    return bench.out / "Sea" / "a.jpg"


def test_its_asset_left_the_server(server: Server, bench: Bench, named: list[str]) -> None:
    server.box.trash(named[0])
    rehearsed = bench.run(*MIRROR, "--dry-run")
    checked = bench.run("check", "-o", "out", "--album", "Sea", code=None)
    assert promised(bench) == 2, "they only look"
    result = bench.run(*MIRROR)
    assert result.outcomes == rehearsed.outcomes == {"unchanged": 1, "removed": 1}
    assert checked.code == 4
    assert checked.outcomes == {"equal": 1, "missing-remote": 1}
    assert set(bench.fetched()) == {"Sea/b.jpg"}
    assert promised(bench) == 0


def test_its_asset_is_still_there(bench: Bench, named: list[str]) -> None:
    result = bench.run(*MIRROR)
    assert result.outcomes == {"unchanged": 2}
    assert result.summary["bytes_hashed"] == 0, "the promise tells what the bytes are"
    assert result.summary["verified"] == 2
    assert promised(bench) == 0


def test_somebody_saved_over_it(
    server: Server, bench: Bench, named: list[str], photo: Path
) -> None:
    """The same length, other bytes: not ours to remove."""
    theirs = bytes(reversed(photo.read_bytes()))
    photo.unlink()
    photo.write_bytes(theirs)
    server.box.trash(*named)
    assert bench.run(*MIRROR).outcomes == {"removed": 1}
    assert bench.fetched() == {"Sea/a.jpg": sha1(theirs)}
    assert promised(bench) == 0


def test_a_copy_of_their_own_is_theirs(
    server: Server, bench: Bench, ids: list[str], photo: Path
) -> None:
    """Promised, and never there: the same bytes under that name are somebody else's."""
    away = Bench(bench.home / "away", bench.url, bench.key)
    away.run(*MIRROR)
    killed(bench, MIRROR, "disk.appear#1")
    assert promised(bench) == 2
    content = (away.out / "Sea" / "a.jpg").read_bytes()
    photo.write_bytes(content)
    server.box.trash(*ids)
    bench.run(*MIRROR, "--trash-dir", "none")
    assert bench.fetched() == {"Sea/a.jpg": sha1(content)}


def test_the_folder_was_copied_to_another_disk(bench: Bench, named: list[str], photo: Path) -> None:
    """New inodes everywhere: the bytes of what is still wanted are recognised."""
    for path in (photo, photo.with_name("b.jpg")):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
    result = bench.run(*MIRROR)
    assert result.outcomes == {"unchanged": 2}
    assert result.summary["bytes_received"] == 0


def test_a_name_that_never_appeared_is_struck_off(bench: Bench, ids: list[str]) -> None:
    killed(bench, MIRROR, "disk.appear#1")
    assert promised(bench) == 2
    assert bench.fetched() == {}
    result = bench.run(*MIRROR, "--deleted", "skip")
    assert result.outcomes == {"downloaded": 2}, "never there is not deleted here"
    assert promised(bench) == 0


def test_a_file_replaced_by_the_killed_run(
    server: Server, bench: Bench, ids: list[str], photo: Path
) -> None:
    """The row of the old file must not make the new one somebody else's edit."""
    bench.run(*MIRROR)
    photo.unlink()  # it comes again, in another inode
    killed(bench, MIRROR, "disk.folder-sync#1")
    assert photo.exists()
    assert promised(bench) == 1
    server.box.trash(*ids)
    bench.run(*MIRROR)
    assert bench.fetched() == {}


def test_the_disk_was_not_mounted_meanwhile(server: Server, bench: Bench, named: list[str]) -> None:
    """A run that was stopped before it could know better forgets nothing."""
    os.rename(bench.out, bench.home / "unplugged")
    bench.out.mkdir()
    killed(bench, MIRROR, "disk.mkdir#1")
    bench.out.rmdir()
    os.rename(bench.home / "unplugged", bench.out)
    server.box.trash(*named)
    bench.run(*MIRROR)
    assert bench.fetched() == {}


def test_a_folder_that_is_gone_for_good_is_forgotten(
    server: Server, bench: Bench, named: list[str]
) -> None:
    """The user removed it: a run that went well strikes off what was promised there."""
    shutil.rmtree(bench.out / "Sea")
    server.box.trash(*named)
    bench.run(*MIRROR)
    assert bench.fetched() == {}
    assert promised(bench) == 0


# part files of an asset that is wanted twice


def in_two_albums(server: Server) -> str:
    (made,) = server.seed("a.jpg")
    server.album("A", made)
    server.album("B", made)
    server.edit(made, description="a night")
    return made


def test_the_part_file_of_its_other_place(server: Server, bench: Bench) -> None:
    """One place arrived, the other one was being made where somebody's file is."""
    made = in_two_albums(server)
    (bench.out / "B").mkdir(parents=True)
    (bench.out / "B" / "a.jpg").write_bytes(b"mine")
    killed(bench, ALL, "disk.move#1")
    assert [path.parent.name for path in bench.out.rglob(".*.part")] == ["B"]
    server.box.trash(made)
    bench.run(*ALL)
    assert bench.fetched() == {"B/a.jpg": sha1(b"mine")}


def test_the_part_file_of_a_copy_where_there_are_no_links(server: Server, bench: Bench) -> None:
    made = in_two_albums(server)
    killed(bench, ALL, "disk.link!EPERM,disk.write#1")
    assert [path.parent.name for path in bench.out.rglob(".*.part")] == ["B"]
    server.box.trash(made)
    bench.run(*ALL)
    assert bench.fetched() == {}


def test_a_promise_that_cannot_be_kept_leaves_no_part_file(bench: Bench, ids: list[str]) -> None:
    """The manifest's disk is full when the names are to be promised."""
    trace = bench.home / "points.txt"
    tried = Bench(bench.home / "tried", bench.url, bench.key)
    tried.run(*MIRROR, env={VARIABLE: f"?{trace},{NAS}"})
    passed = trace.read_text().splitlines()
    first = next(place for place, name in enumerate(passed) if name.startswith("disk.move#"))
    commit = next(n for n in reversed(passed[:first]) if n.startswith("manifest.commit#"))
    bench.start(*MIRROR, env={VARIABLE: f"{commit}!ENOSPC,{NAS}"}).finish(checked=False)
    assert bench.fetched() == {}


# sidecars


@pytest.mark.parametrize("kind", ["xmp", "json"])
def test_the_sidecar_of_a_photo_that_left(
    server: Server, bench: Bench, ids: list[str], kind: str
) -> None:
    """Made of another kind before: neither of them stays behind."""
    bench.run(*MIRROR, "--sidecars", "xmp" if kind == "json" else "json")
    killed(bench, (*MIRROR, "--sidecars", kind), "disk.unlink#1")
    assert len(bench.fetched()) > 4, "a new one and an old one, of one photo"
    server.box.trash(*ids)
    assert bench.run(*MIRROR).outcomes == {"removed": 2}
    assert bench.fetched() == {}


def with_a_new_sidecar(bench: Bench, *, known: bool) -> None:
    """Killed when a sidecar has its name; its photo was placed before, or has just arrived."""
    if known:
        bench.run(*MIRROR)
    else:
        (bench.out / "Sea").mkdir(parents=True)
    killed(bench, (*MIRROR, "--sidecars", "xmp"), "disk.folder-sync#1")
    assert list(bench.out.rglob("*.xmp"))


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_the_sidecar_of_a_photo_that_was_removed_here(
    server: Server, bench: Bench, ids: list[str], known: bool
) -> None:
    with_a_new_sidecar(bench, known=known)
    for path in bench.out.rglob("*.jpg"):
        path.unlink()
    server.box.trash(*ids)
    rehearsed = bench.run(*MIRROR, "--dry-run")
    assert bench.run(*MIRROR).outcomes == rehearsed.outcomes == {"removed": 2}
    assert bench.fetched() == {}


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_the_sidecar_of_a_photo_that_was_edited_here(
    server: Server, bench: Bench, ids: list[str], photo: Path, known: bool
) -> None:
    """It is still ours, and goes on telling what the server knows."""
    with_a_new_sidecar(bench, known=known)
    photo.write_bytes(b"edited")
    server.edit(*ids, description="a day")
    bench.run(*MIRROR, "--sidecars", "xmp", "--on-conflict", "overwrite")
    sidecar = photo.with_name("a.jpg.xmp").read_text("utf-8")
    assert "a day" in sidecar
    assert "a night" not in sidecar


@pytest.mark.parametrize(
    "between",
    [
        ("check", "-o", "out", "--album", "Sea", "--read"),
        ("check", "--scrub", "out", "--repair"),
    ],
    ids=["check", "repair"],
)
@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_a_check_before_the_next_mirror(
    server: Server,
    bench: Bench,
    ids: list[str],
    photo: Path,
    between: tuple[str, ...],
    known: bool,
) -> None:
    with_a_new_sidecar(bench, known=known)
    if "--repair" in between:
        status = photo.stat()
        with photo.open("r+b") as file:
            file.write(b"rotten")
        os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    bench.run(*between)
    server.box.trash(*ids)
    bench.run(*MIRROR)
    assert bench.fetched() == {}


def test_a_sidecar_that_was_only_promised_is_written(
    bench: Bench, ids: list[str], photo: Path
) -> None:
    bench.run(*MIRROR)
    killed(bench, (*MIRROR, "--sidecars", "xmp"), "disk.appear#1")
    assert not list(bench.out.rglob("*.xmp"))
    bench.run(*MIRROR, "--sidecars", "xmp", "--deleted", "skip")
    assert "a night" in photo.with_name("a.jpg.xmp").read_text("utf-8")
    assert promised(bench) == 0


@pytest.mark.parametrize("at", ["manifest.commit", "disk.folder-sync"])
@pytest.mark.parametrize("passing", [1, 2, 3, 4, 5])
def test_a_sidecar_of_two_albums_in_one_place(
    server: Server, bench: Bench, at: str, passing: int
) -> None:
    """Whichever of the two had written it."""
    made = in_two_albums(server)
    bench.run(*ONE_PLACE)
    command = (*ONE_PLACE, "--sidecars", "xmp")
    bench.start(*command, env={VARIABLE: f"{at}#{passing}"}).finish(checked=False)
    server.box.trash(made)
    bench.run(*ONE_PLACE)
    assert bench.fetched() == {}


@pytest.mark.parametrize("refused", ["", NAS], ids=["unnamed", "parts"])
def test_two_albums_in_one_place_write_one_sidecar(
    server: Server, bench: Bench, refused: str
) -> None:
    """Nobody is killed: the two may meet at the name."""
    made = server.seed(*(f"{number}.jpg" for number in range(40)))
    server.album("A", *made)
    server.album("B", *made)
    server.edit(*made, description="a night")
    armed = {VARIABLE: refused}
    bench.run(*ONE_PLACE, env=armed)
    result = bench.run(*ONE_PLACE, "--sidecars", "xmp", env=armed)
    assert result.outcomes == {"unchanged": 80}
    assert sum(name.endswith(".xmp") for name in bench.fetched()) == 40
    assert not list(bench.out.rglob(".*.part"))


def test_a_sidecar_that_went_ahead_of_a_photo_that_is_not_there(
    server: Server, bench: Bench, ids: list[str], photo: Path
) -> None:
    """The photo was removed here, its album renamed; killed when the sidecar had moved."""
    bench.run(*MIRROR, "--sidecars", "xmp")
    photo.unlink()
    photo.with_name("b.jpg").unlink()
    album = next(a["id"] for a in api(server, "GET", "albums") if a["albumName"] == "Sea")
    api(server, "PATCH", f"albums/{album}", {"albumName": "Hills"})
    where = ("mirror", "-o", "out", "--album-id", album, *DELETING)
    killed(bench, where, "disk.folder-sync#2")
    assert {path.parent.name for path in bench.out.rglob("*.xmp")} == {"Hills"}
    server.box.trash(*ids)
    bench.run(*where)
    assert bench.fetched() == {}
