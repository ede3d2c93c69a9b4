"""A server, a line and a disk that misbehave while photos come down: no file has its name and other
bytes, nothing is received twice that was there, and the exit code tells the truth."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from immich_transfer.policy.naming import part_name
from tests.e2e.support import Bench, Server, Stub, until

BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)
ALL = ("--album", "A", "--layout", "{filename}")
"""Of 2.7 the list of an album tells sizes, of 3.0 it does not: both ways are gone."""
LARGE = 3_000_000
"""Beyond what is held in memory: it grows in a part file."""
SMALL = 2_000
LOST = 600_000
"""Bytes that may be on their way, and lost, when a line breaks: of the last read and its buffer."""
ONCE = "|delay,seconds=0"
"""Behind an action that hits one file: the next attempt is well."""


def put(server: Server, *names: str, **more: object) -> list[str]:
    """Photos on the server, in album A unless another is named."""
    return server.seed(*names, **{"album": "A", **more})  # type: ignore[arg-type]


def sums(server: Server) -> dict[str, str]:
    """The SHA-1 of every asset by its name."""
    return {asset["originalFileName"]: asset["checksum"] for asset in server.known().values()}


def parts(bench: Bench) -> list[Path]:
    return sorted(bench.out.rglob(".*.part"))


def nothing_torn(bench: Bench, wanted: dict[str, str]) -> set[str]:
    """Whatever has a photo's name has its bytes; returns the names that are there."""
    found = {name: got for name, got in bench.fetched().items() if not name.endswith(".part")}
    assert found == {name: wanted[name] for name in found}
    return set(found)


def whole(bench: Bench, wanted: dict[str, str]) -> None:
    """Every photo is there, and not a file more."""
    assert bench.fetched() == wanted


def start_over(bench: Bench) -> None:
    """A part file and no memory of it."""
    shutil.rmtree(bench.state)


@BOTH
def test_damage_that_passes(bench: Bench, server: Server) -> None:
    """One attempt of every file is spoiled, each in another way."""
    hurts = {
        "corrupt": "corrupt",
        "short": "short,by=100",
        "truncated": "truncated",
        "cut": "cut",
        "reset": "reset",
        "lost": "lost",
        "page": "html",
        "proxy": "502",
        "stumble": "500,json",
        "busy": "503,retry-after=1",
        "timeout": "504",
    }
    for size, ending in ((SMALL, "jpg"), (LARGE // 4, "mp4")):
        put(server, *(f"{name}.{ending}" for name in hurts), size=size)
    put(server, "fine.jpg", "chunked.jpg", "chunked.mp4", size=LARGE // 4)
    rules = [f"original:name={n}.{e}={hurt}{ONCE}" for n, hurt in hurts.items() for e in _KINDS]
    rules += [f"original:name=chunked.{ending}=chunked" for ending in _KINDS]
    server.box.faults(*rules)
    result = bench.download(*ALL)
    assert result.outcomes == {"downloaded": 2 * len(hurts) + 3}
    assert result.summary["verified"] == 2 * len(hurts) + 3
    # A connection that is closed before the answer is opened anew without a word.
    assert result.summary["retries"] >= 2 * (len(hurts) - 2)
    assert result.summary["seconds"] >= 1, "Retry-After is heeded"
    whole(bench, sums(server))


_KINDS = ("jpg", "mp4")


@BOTH
def test_damage_that_stays(bench: Bench, server: Server) -> None:
    """Every file fails in its own way and says so; the others go on."""
    hurts = {
        "corrupt": ("corrupt", "checksum"),
        "short": ("short,by=7", "bytes"),
        "truncated": ("truncated", "bytes"),
        "page": ("html", "not the photo"),
        "stumble": ("500,json", "500"),
        "refused": ("400,json", "400"),
        "missing": ("missing", "500" if server.version == "2.7" else "404"),
    }
    for size, ending in ((SMALL, "jpg"), (LARGE // 4, "mp4")):
        put(server, *(f"{name}.{ending}" for name in hurts), f"fine.{ending}", size=size)
    faults = [f"original:name={n}.{e}={hurt}" for n, (hurt, _) in hurts.items() for e in _KINDS]
    server.box.faults(*faults)
    result = bench.download(*ALL, "--retries", "2", code=3)
    assert result.outcomes == {"downloaded": 2, "failed": 2 * len(hurts)}
    for name, (_, word) in hurts.items():
        for ending in _KINDS:
            item = result.item(f"{name}.{ending}")
            assert word in item["error"], item
    for ending in _KINDS:
        assert "server's disk" in result.item(f"missing.{ending}")["hint"]
    assert nothing_torn(bench, sums(server)) == {"fine.jpg", "fine.mp4"}
    assert parts(bench) == []
    assert server.originals() <= 2 + 2 * 2 * len(hurts), "two attempts each, not for ever"

    server.clear_faults()
    assert bench.run("resume").outcomes == {"downloaded": 2 * len(hurts), "unchanged": 2}
    whole(bench, sums(server))


@BOTH
def test_an_asset_that_leaves_between_list_and_fetch(bench: Bench, server: Server) -> None:
    put(server, "gone.jpg", "a.jpg", size=SMALL)
    put(server, "gone.mp4", "b.mp4", size=LARGE // 4)
    wanted = sums(server)
    server.box.faults("original:name=gone.jpg=gone", "original:name=gone.mp4=gone")
    result = bench.download(*ALL)
    assert result.outcomes == {"downloaded": 2, "skipped": 2}
    for item in result.items("skipped"):
        assert "left the server" in item["reason"]
    assert nothing_torn(bench, wanted) == {"a.jpg", "b.mp4"}
    assert parts(bench) == []


def test_a_file_that_rots_on_the_server(bench: Bench, server: Server) -> None:
    ids = put(server, "rot.jpg", "fine.jpg", size=SMALL)
    server.box.control("corrupt", {"id": ids[0]})
    result = bench.download(*ALL, "--retries", "2", code=3)
    assert "checksum" in result.item("rot.jpg")["error"]
    assert nothing_torn(bench, sums(server)) == {"fine.jpg"}


# going on in the middle


@BOTH
def test_a_cut_body_goes_on_where_it_ended(bench: Bench, server: Server) -> None:
    put(server, "film.mp4", size=LARGE)
    server.box.faults(f"original:1=cut,at={LARGE - 500_000}")
    result = bench.download(*ALL)
    assert server.originals() == 2
    assert result.summary["bytes_received"] + LOST >= LARGE
    assert result.summary["bytes_received"] <= LARGE, "only the rest was asked for"
    assert server.box.stats()["original_bytes"] <= LARGE + LOST
    whole(bench, sums(server))


@pytest.mark.parametrize(
    ("second", "attempts"),
    [("no-range", 2), ("etag", 2), ("corrupt", 3), ("other-range,by=100", 3)],
)
def test_the_rest_is_not_what_was_asked_for(
    bench: Bench, server: Server, second: str, attempts: int
) -> None:
    """A whole file, or one that is another now, starts over; bytes from elsewhere are not taken."""
    put(server, "film.mp4", size=LARGE)
    server.box.faults(f"original:1=cut,at={LARGE // 2}", f"original:1={second}")
    result = bench.download(*ALL)
    whole(bench, sums(server))
    assert server.originals() == attempts
    received = result.summary["bytes_received"]
    if second.startswith("other-range"):
        assert received <= LARGE, "what is there stays good"
    else:
        assert received >= LARGE * 3 // 2 - LOST, "it started over"


@pytest.mark.parametrize(("server", "memory"), [("2.7", True), ("3.0", False)], indirect=["server"])
def test_the_next_run_goes_on_in_the_middle(bench: Bench, server: Server, memory: bool) -> None:
    put(server, "film.mp4", size=LARGE)
    server.box.faults(f"original:*=cut,at={LARGE // 2}")
    first = bench.download(*ALL, "--retries", "1", code=5)
    assert first.outcomes == {"failed": 1}
    (part,) = parts(bench)
    there = part.stat().st_size
    assert there >= LARGE // 2 - LOST
    server.clear_faults()
    if not memory:
        start_over(bench)
    second = bench.download(*ALL)
    assert second.summary["bytes_received"] == LARGE - there
    assert second.summary["bytes_hashed"] == there
    whole(bench, sums(server))


def test_a_file_that_changed_meanwhile_starts_over(bench: Bench, server: Server) -> None:
    """Another ETag in the next run: If-Range keeps two files from being sewn together."""
    put(server, "film.mp4", size=LARGE)
    server.box.faults(f"original:*=cut,at={LARGE // 2}")
    bench.download(*ALL, "--retries", "1", code=5)
    server.box.faults("original:*=etag")
    assert bench.download(*ALL).summary["bytes_received"] == LARGE
    whole(bench, sums(server))


@BOTH
def test_a_range_behind_the_end(bench: Bench, server: Server) -> None:
    """The server's file is shorter than what we hold: 500 in 2.x, 404 in 3.x, 416 in neither."""
    (asset,) = put(server, "film.mp4", size=LARGE)
    server.box.faults(f"original:*=cut,at={LARGE - 100}")
    bench.download(*ALL, "--retries", "1", code=5)
    server.clear_faults()
    start_over(bench)
    stored = server.box.data / "upload" / asset[:2] / asset
    (stored,) = stored.parent.glob(f"{asset}*")
    content = stored.read_bytes()
    stored.write_bytes(content[: LARGE // 2])
    result = bench.download(*ALL, "--retries", "2", code=3)
    assert "bytes" in result.item("film.mp4")["error"]
    assert nothing_torn(bench, sums(server)) == set()
    assert parts(bench) == []
    assert server.originals() == 1 + 2
    stored.write_bytes(content)
    bench.download(*ALL)
    whole(bench, sums(server))


@BOTH
def test_part_files_that_were_there(bench: Bench, server: Server) -> None:
    """Complete, complete and wrong, too long, a link, a second name of a photo of the user's."""
    names = ("good.mp4", "wrong.mp4", "long.mp4", "link.mp4", "linked.mp4", "linked.jpg")
    ids = dict(zip(names, put(server, *names[:5], size=LARGE // 4), strict=False))
    (ids["linked.jpg"],) = put(server, "linked.jpg", size=SMALL)
    known = server.known()
    bench.out.mkdir(parents=True)
    mine = [bench.home / f"mine{number}.jpg" for number in range(3)]
    for file in mine:
        file.write_bytes(b"mine" * 400_000)

    def part(name: str) -> Path:
        asset = known[ids[name]]
        return bench.out / part_name(asset["id"], bytes.fromhex(asset["checksum"]))

    (stored,) = (server.box.data / "upload").rglob(f"{ids['good.mp4']}*")
    content = stored.read_bytes()
    part("good.mp4").write_bytes(content)
    part("wrong.mp4").write_bytes(content)
    part("long.mp4").write_bytes(content * 2)
    part("link.mp4").symlink_to(mine[0])
    os.link(mine[1], part("linked.mp4"))
    os.link(mine[2], part("linked.jpg"))
    server.box.reset_stats()
    result = bench.download(*ALL, code=3)
    assert result.outcomes == {"downloaded": 5, "failed": 1}
    assert "link.mp4" in result.items("failed")[0]["path"]
    assert result.summary["bytes_received"] == 3 * (LARGE // 4) + SMALL
    if server.version == "2.7":
        assert server.originals() == 4, "of known size: what was complete was not asked for"
    assert {file.read_bytes() for file in mine} == {b"mine" * 400_000}
    wanted = sums(server)
    assert nothing_torn(bench, wanted) == wanted.keys() - {"link.mp4"}


def test_parts_of_another_album_are_kept(bench: Bench, server: Server) -> None:
    """What is left of one album outlives a run that is about another."""
    put(server, "film.mp4", size=LARGE, album="Films")
    put(server, "a.jpg", size=SMALL, album="Photos")
    server.box.faults(f"original:name=film.mp4=cut,at={LARGE // 2}")
    bench.download("--album", "Films", "--retries", "1", code=5)
    bench.download("--album", "Photos")
    assert len(parts(bench)) == 1
    server.clear_faults()
    assert bench.download("--album", "Films").summary["bytes_received"] <= LARGE // 2 + LOST
    assert parts(bench) == []


def test_parts_of_what_left_the_server_are_swept(bench: Bench, server: Server) -> None:
    (film,) = put(server, "film.mp4", size=LARGE)
    put(server, "a.jpg", size=SMALL)
    server.box.faults(f"original:name=film.mp4=cut,at={LARGE // 2}")
    bench.download(*ALL, "--retries", "1", code=3)
    assert len(parts(bench)) == 1
    server.box.delete(film)
    bench.download(*ALL)
    assert parts(bench) == []


# the server, the key, the line


def test_a_key_that_is_refused_in_the_middle(bench: Bench, server: Server) -> None:
    put(server, assets=8, size=SMALL)
    server.box.faults("original:4-=401,json")
    result = bench.download(*ALL, "--transfers", "1", code=12)
    assert result.outcomes == {"downloaded": 3, "pending": 5}
    assert "key" in result.summary["message"]
    nothing_torn(bench, sums(server))
    server.clear_faults()
    assert bench.run("resume").outcomes == {"downloaded": 5, "unchanged": 3}
    whole(bench, sums(server))


def test_maintenance_in_the_middle(bench: Bench, server: Server) -> None:
    put(server, assets=20, size=SMALL)
    server.box.faults("original:9=maintenance,seconds=1")
    result = bench.download(*ALL, "--retries", "1", "--transfers", "4")
    assert result.outcomes == {"downloaded": 20}
    whole(bench, sums(server))


def test_the_server_is_away_for_good(bench: Bench, server: Server) -> None:
    put(server, assets=8, size=SMALL)
    wanted = sums(server)
    server.box.faults("original:4=away,seconds=600", "original:*=delay,seconds=0.05")
    result = bench.download(*ALL, "--transfers", "1", "--wait", "0s", code=5)
    assert set(result.outcomes) == {"downloaded", "pending"}
    assert result.outcomes["pending"] >= 4
    nothing_torn(bench, wanted)
    server.box.restart()
    assert bench.run("resume").summary["exit_code"] == 0
    whole(bench, wanted)


def test_a_line_that_falls_silent(bench: Bench, server: Server) -> None:
    put(server, "film.mp4", size=LARGE)
    put(server, "a.jpg", size=SMALL)
    server.box.faults(
        f"original:name=film.mp4=hang,at={LARGE // 2}{ONCE}", f"original:name=a.jpg=hang{ONCE}"
    )
    result = bench.download(*ALL, "--timeout-idle", "1s")
    assert result.outcomes == {"downloaded": 2}
    assert result.summary["retries"] == 2
    assert result.summary["bytes_received"] <= LARGE + 2 * SMALL + LOST
    whole(bench, sums(server))


def test_a_redirect_to_another_host_never_gets_the_key(bench: Bench, server: Server) -> None:
    put(server, assets=4, size=SMALL)
    with Stub(lambda path: (200, {"Content-Type": "image/jpeg"}, b"not yours")) as other:
        server.box.faults(f"original:2-=redirect,to={other.url}/original")
        result = bench.download(*ALL, "--transfers", "1", code=2)
        assert other.requests == []
    assert other.url in result.summary["message"]
    assert server.url in result.summary["message"]
    assert result.outcomes == {"downloaded": 1, "pending": 3}
    nothing_torn(bench, sums(server))


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_redirect_within_the_origin_is_followed(bench: Bench, server: Server, size: int) -> None:
    put(server, "a.jpg", size=size)
    (asset_id,) = server.known()
    server.box.faults(f"original:1=redirect,to=/api/assets/{asset_id}/original")
    assert bench.download(*ALL).outcomes == {"downloaded": 1}
    whole(bench, sums(server))
    # In circles it ends.
    (bench.out / next(iter(bench.fetched()))).unlink()
    server.box.faults(f"original:*=redirect,to=/api/assets/{asset_id}/original")
    assert bench.download(*ALL, code=2).outcomes == {"pending": 1}


def test_a_slow_line_and_a_limit(bench: Bench, server: Server) -> None:
    """Slower than the idle timeout in all, and no faster than asked."""
    put(server, "slow.mp4", size=LARGE // 4)
    put(server, "film.mp4", "second.mp4", size=LARGE // 2)
    server.box.faults("original:name=slow.mp4=slow,rate=400000")
    result = bench.download(*ALL, "--bwlimit", "2M", "--timeout-idle", "1s")
    assert result.outcomes == {"downloaded": 3}
    assert result.summary["retries"] == 0
    limit = 2 << 20
    assert result.summary["seconds"] >= (LARGE * 5 // 4 - limit // 4) / limit
    assert result.summary["seconds"] >= LARGE / 4 / 400_000 * 0.9
    whole(bench, sums(server))


# the disk


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of so many bytes at `folder`; skips the test where none can be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    options = ["-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up(bench: Bench, server: Server) -> None:
    """Room vanishes under a run: 7, nothing torn; with room again it goes on from there."""
    put(server, "one.mp4", "two.mp4", size=LARGE)
    put(server, assets=30, size=20_000)
    wanted = sums(server)
    with small_disk(bench.out, 3 * LARGE):
        command = ("download", "-o", "out", *ALL, "--transfers", "3")
        running = bench.start(*command, "--bwlimit", "3M")
        until(lambda: server.box.stats()["original_bytes"] > LARGE, running)
        filler = bench.out / "filler"
        with suppress_full(), open(filler, "wb") as file:
            while True:
                file.write(bytes(65536))
        result = running.finish()
        assert result.code == 7, result.told()
        assert "disk is full" in result.summary["message"]
        assert "failed" not in result.outcomes
        assert result.outcomes["pending"] > 0
        filler.unlink()
        nothing_torn(bench, wanted)
        again = bench.download(*ALL)
        received = result.summary["bytes_received"] + again.summary["bytes_received"]
        assert received <= 2 * LARGE + 30 * 20_000 + 3 * 2 * LOST
        whole(bench, wanted)


@contextmanager
def suppress_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        assert error.errno == errno.ENOSPC, error


@pytest.mark.parametrize("server", ["2.7"], indirect=True)
def test_what_cannot_fit_is_not_begun(bench: Bench, server: Server) -> None:
    ids = put(server, "one.mp4", "two.mp4", size=LARGE, album="A")
    server.album("B", *ids)
    wanted = sums(server)
    with small_disk(bench.out, LARGE + LARGE // 2):
        result = bench.download(*ALL, code=7)
        assert server.originals() == 0
        assert "left" in result.summary["message"]
        assert result.outcomes == {"pending": 2}
    with small_disk(bench.out, 2 * LARGE + LARGE // 2):
        # Two places of one asset are one file.
        bench.download("--album", "A", "--album", "B", "--layout", "{album}/{filename}")
    start_over(bench)
    with small_disk(bench.out, 2 * LARGE + LARGE // 2):
        # What a part file holds need not fit a second time.
        server.box.faults(f"original:*=cut,at={LARGE - 200_000}")
        bench.download(*ALL, "--retries", "1", code=5)
        server.clear_faults()
        bench.download(*ALL)
        whole(bench, wanted)
