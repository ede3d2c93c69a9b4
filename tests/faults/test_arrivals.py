"""The plug is pulled after a file got its final name and before it was remembered; then its asset
leaves. What the killed run named is its own, what somebody else put there is not."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing

import pytest

from immich_transfer.failpoints import VARIABLE
from tests.e2e.support import Bench, Server, sha1

pytestmark = pytest.mark.parametrize("server", ["3.0"], indirect=True)

MIRROR = ("mirror", "-o", "out", "--album", "Sea", "--delete", "--max-delete", "100%")


def killed(bench: Bench, at: str, *more: str) -> None:
    running = bench.start(*MIRROR, *more, env={VARIABLE: at})
    assert running.finish(checked=False).code == -signal.SIGKILL


def promised(bench: Bench) -> int:
    """Names that the manifest has a promise of."""
    with closing(sqlite3.connect(f"file:{bench.state}/manifest.sqlite3?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM arrivals").fetchone()[0])


def commit_after_names(bench: Bench, names: int) -> str:
    """The failpoint of the commit that remembers files which have their names."""
    trace = bench.home / "points.txt"
    away = Bench(bench.home / "tried", bench.url, bench.key)
    away.run(*MIRROR, env={VARIABLE: f"?{trace}"})
    passed = [line.partition("#") for line in trace.read_text().splitlines()]
    last = max(place for place, (name, _, _) in enumerate(passed) if name == "disk.appear")
    number = next(n for name, _, n in passed[last:] if name == "manifest.commit")
    assert sum(name == "disk.appear" for name, _, _ in passed) == names
    return f"manifest.commit#{number}"


@pytest.fixture
def named(server: Server, bench: Bench) -> list[str]:
    """Assets whose files have their names, and that no row tells of."""
    ids = server.seed("a.jpg", "b.jpg")
    server.album("Sea", *ids)
    killed(bench, commit_after_names(bench, 2))
    assert set(bench.fetched()) == {"Sea/a.jpg", "Sea/b.jpg"}
    assert promised(bench) == 2
    return ids


def test_its_asset_left_the_server(server: Server, bench: Bench, named: list[str]) -> None:
    server.box.trash(named[0])
    result = bench.run(*MIRROR)
    assert result.outcomes == {"unchanged": 1, "removed": 1}
    assert set(bench.fetched()) == {"Sea/b.jpg"}
    assert promised(bench) == 0


def test_its_asset_is_still_there(server: Server, bench: Bench, named: list[str]) -> None:
    result = bench.run(*MIRROR)
    assert result.outcomes == {"unchanged": 2}
    assert result.summary["bytes_hashed"] == 0, "the promise tells what the bytes are"
    assert result.summary["verified"] == 2
    assert promised(bench) == 0


def test_somebody_else_took_the_name(server: Server, bench: Bench, named: list[str]) -> None:
    """A photo editor that saved over it: the same length, other bytes, and not ours to remove."""
    path = bench.out / "Sea" / "a.jpg"
    theirs = bytes(reversed(path.read_bytes()))
    path.unlink()
    path.write_bytes(theirs)
    server.box.trash(*named)
    result = bench.run(*MIRROR)
    assert result.outcomes == {"removed": 1}
    assert bench.fetched() == {"Sea/a.jpg": sha1(theirs)}
    assert promised(bench) == 0


def test_the_folder_was_copied_to_another_disk(
    server: Server, bench: Bench, named: list[str]
) -> None:
    """New inodes everywhere: the bytes tell whose a file is."""
    path = bench.out / "Sea" / "a.jpg"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    server.box.trash(*named)
    assert bench.run(*MIRROR).outcomes == {"removed": 2}
    assert bench.fetched() == {}


def test_a_name_that_never_appeared_is_struck_off(server: Server, bench: Bench) -> None:
    server.album("Sea", *server.seed("a.jpg", "b.jpg"))
    killed(bench, "disk.appear#1")
    assert promised(bench) == 2
    assert bench.fetched() == {}
    result = bench.run(*MIRROR, "--deleted", "skip")
    assert result.outcomes == {"downloaded": 2}, "never there is not deleted here"
    assert promised(bench) == 0


def test_a_file_replaced_by_the_killed_run(server: Server, bench: Bench) -> None:
    """The row of the old content must not make the new one somebody else's edit."""
    (old,) = server.seed("a.jpg")
    server.album("Sea", old)
    bench.run(*MIRROR)
    path = bench.out / "Sea" / "a.jpg"
    path.unlink()  # it comes again, in another inode
    killed(bench, "disk.folder-sync#1")
    assert path.exists()
    assert promised(bench) == 1
    server.box.trash(old)
    bench.run(*MIRROR)
    assert bench.fetched() == {}


@pytest.mark.parametrize("kind", ["xmp", "json"])
def test_the_sidecar_of_a_photo_that_left(server: Server, bench: Bench, kind: str) -> None:
    """Made of another kind before: neither of them stays behind."""
    ids = server.seed("a.jpg", "b.jpg")
    server.album("Sea", *ids)
    server.edit(*ids, description="a night")
    bench.run(*MIRROR, "--sidecars", "xmp" if kind == "json" else "json")
    killed(bench, "disk.unlink#1", "--sidecars", kind)
    assert len(bench.fetched()) > 4, "a new one and an old one, of one photo"
    server.box.trash(*ids)
    assert bench.run(*MIRROR).outcomes == {"removed": 2}
    assert bench.fetched() == {}


def test_a_sidecar_that_was_only_promised_is_written(server: Server, bench: Bench) -> None:
    ids = server.seed("a.jpg")
    server.album("Sea", *ids)
    server.edit(*ids, description="a night")
    bench.run(*MIRROR)
    killed(bench, "disk.appear#1", "--sidecars", "xmp")
    assert promised(bench) == 1
    bench.run(*MIRROR, "--sidecars", "xmp", "--deleted", "skip")
    assert "a night" in (bench.out / "Sea" / "a.jpg.xmp").read_text("utf-8")
    assert promised(bench) == 0
