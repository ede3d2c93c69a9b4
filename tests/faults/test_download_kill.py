"""Plugs that are pulled while photos come down: SIGKILL at random bytes and in storms of renames,
Ctrl-C, two runs in one folder. IMMICH_TRANSFER_KILLS=N tries harder, IMMICH_TRANSFER_KILL_SEED
repeats what a failure printed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys

import pytest

from immich_transfer.policy.naming import part_name
from tests.e2e.support import Bench, Running, Server, until

from .test_download_faults import LOST, nothing_torn, parts, put, sums, whole

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

KILLS = int(os.environ.get("IMMICH_TRANSFER_KILLS", "20"))
SEED = int(os.environ.get("IMMICH_TRANSFER_KILL_SEED", "20261124"))
TRANSFERS = 3
LOST_EACH = 2 << 20
"""Bytes that a kill may cost each transfer: read or on their way, and not yet in its part file."""
ALBUM = ("download", "-o", "out", "--album", "A", "--layout", "{filename}")


def sent(server: Server) -> int:
    """Bytes of originals that left the server."""
    return int(server.box.stats()["original_bytes"])


@pytest.mark.parametrize(
    ("server", "limit", "kills"),
    [
        ("3.0", ("--bwlimit", "8M"), KILLS),
        ("2.7", ("--bwlimit", "8M"), max(1, KILLS // 10)),
        ("3.0", (), max(1, KILLS // 10)),
    ],
    indirect=["server"],
)
def test_killed_in_the_middle_of_large_bodies(
    bench: Bench, server: Server, limit: tuple[str, ...], kills: int
) -> None:
    """What was there is not sent again, but for what no part file could hold yet."""
    draw = random.Random(SEED)
    room = 0
    for number, size in enumerate((4 << 20, 20 << 20, 7 << 20, 12 << 20, 9 << 20)):
        put(server, f"film{number}.mp4", size=size)
        room += size
    wanted = sums(server)
    if not limit:
        server.box.faults("original:*=slow,rate=4000000")  # the line is the limit
    killed = 0
    for _ in range(kills):
        before = sent(server)
        point = draw.randrange(1, min(2 << 20, 2 * room // kills))
        running = bench.start(*ALBUM, "--transfers", str(TRANSFERS), *limit)
        while sent(server) - before < point and running.process.poll() is None:
            pass  # every look is a round trip to the server
        killed += running.process.poll() is None
        running.kill()
        nothing_torn(bench, wanted)
    assert killed >= kills * 3 // 4, "the points are drawn too late to be a test"
    server.clear_faults()
    last = bench.run(*ALBUM)
    assert set(last.outcomes) <= {"downloaded", "unchanged"}
    assert last.summary["verified"] == len(wanted)
    whole(bench, wanted)
    total = sent(server)
    print(
        f"seed {SEED}: {killed} kills, {room:,} bytes of photos, {total - room:,} sent twice,"
        f" {(total - room) // (killed * TRANSFERS):,} for each kill and transfer"
    )
    assert room <= total <= room + killed * TRANSFERS * LOST_EACH
    again = bench.run(*ALBUM)
    assert again.outcomes == {"unchanged": len(wanted)}
    assert sent(server) == total


@pytest.mark.parametrize(("server", "links"), [("2.7", True), ("3.0", False)], indirect=["server"])
def test_killed_in_a_storm_of_small_files(bench: Bench, server: Server, links: bool) -> None:
    """Between any two of write, fsync, link, removal and commit, hundreds of times a second."""
    draw = random.Random(SEED)
    kills = max(1, KILLS // 5)
    ids = put(server, assets=60 * kills, size=3_000)
    if links:
        server.album("B", *ids)
    wanted = sums(server)
    album = ("--album", "B") if links else ()
    command = [*ALBUM[:-2], *album, "--layout", "{album}/{filename}"]
    wanted = {f"A/{name}": got for name, got in wanted.items()}
    if links:
        wanted |= {name.replace("A/", "B/"): got for name, got in wanted.items()}
    killed = 0
    for _ in range(kills):
        before, point = server.originals(), draw.randrange(1, 60)
        running = bench.start(*command)
        while server.originals() - before < point and running.process.poll() is None:
            pass
        killed += running.process.poll() is None
        running.kill()
        nothing_torn(bench, wanted)
    assert killed > kills // 2, "the points are drawn too late to be a test"
    last = bench.run(*command)
    assert set(last.outcomes) <= {"downloaded", "unchanged"}
    whole(bench, wanted)
    assert server.originals() <= len(ids) + 80 * killed


def test_two_runs_at_once_into_one_folder(bench: Bench, server: Server) -> None:
    """With manifests of their own, so that only the files themselves keep them apart."""
    put(server, *(f"film{number}.mp4" for number in range(8)), size=1_000_000)
    put(server, assets=60, size=20_000)
    wanted = sums(server)
    other = {"IMMICH_TRANSFER_STATE_DIR": str(bench.home / "other-state")}
    command = (*ALBUM, "--transfers", "3", "--bwlimit", "4M")
    runs = [bench.start(*command), bench.start(*command, env=other)]
    for running in runs:
        result = running.finish()
        assert result.code in (0, 3), result.told()
        assert set(result.outcomes) <= {"downloaded", "unchanged", "failed"}
        for item in result.items("failed"):
            assert "another run" in item["error"], item
    nothing_torn(bench, wanted)
    bench.run(*ALBUM)
    bench.run(*ALBUM, env=other)
    whole(bench, wanted)


# Ctrl-C and SIGTERM


def in_the_middle(bench: Bench, server: Server, *arguments: str) -> Running:
    """A run that has some of its bodies half."""
    running = bench.start(*ALBUM, *arguments)
    until(lambda: sum(part.stat().st_size for part in parts(bench)) > 0, running)
    return running


@pytest.mark.parametrize(
    ("server", "number", "code"),
    [("2.7", signal.SIGINT, 130), ("3.0", signal.SIGTERM, 143)],
    indirect=["server"],
)
def test_once_lets_what_is_in_flight_finish(
    bench: Bench, server: Server, number: signal.Signals, code: int
) -> None:
    put(server, *(f"film{number}.mp4" for number in range(6)), size=900_000)
    wanted = sums(server)
    running = in_the_middle(bench, server, "--transfers", "2", "--bwlimit", "2M")
    running.signal(number)
    result = running.finish()
    assert result.code == code
    assert result.outcomes["downloaded"] >= 1
    assert result.outcomes["pending"] >= 2
    assert set(result.outcomes) == {"downloaded", "pending"}
    assert len(nothing_torn(bench, wanted)) == result.outcomes["downloaded"]
    assert parts(bench) == [], "what was in flight has finished"
    resumed = bench.run("resume", "--bwlimit", "off")
    assert resumed.summary["command"] == "download"
    whole(bench, wanted)
    received = result.summary["bytes_received"] + resumed.summary["bytes_received"]
    assert received == 6 * 900_000, "nothing came twice"


@pytest.mark.parametrize(
    ("server", "number", "code"),
    [("2.7", signal.SIGTERM, 143), ("3.0", signal.SIGINT, 130)],
    indirect=["server"],
)
def test_twice_drops_it_and_keeps_the_parts(
    bench: Bench, server: Server, number: signal.Signals, code: int
) -> None:
    put(server, "one.mp4", "two.mp4", size=8_000_000)
    put(server, assets=4, size=1000)
    wanted = sums(server)
    running = in_the_middle(bench, server, "--bwlimit", "1M")
    running.signal(number)
    running.until_said("stopping", where="err")
    running.signal(number)
    result = running.finish()
    assert result.code == code, result.told()
    assert result.outcomes["pending"] >= 2
    assert "failed" not in result.outcomes
    assert result.summary["seconds"] < 8, "nobody waited for sixteen megabytes"
    nothing_torn(bench, wanted)
    held = sum(part.stat().st_size for part in parts(bench))
    assert held > 0
    resumed = bench.run("resume", "--bwlimit", "off")
    whole(bench, wanted)
    assert resumed.summary["bytes_received"] <= 2 * 8_000_000 + 4 * 1000 - held
    received = result.summary["bytes_received"] + resumed.summary["bytes_received"]
    assert received <= 2 * 8_000_000 + 4 * 1000 + 2 * LOST


def test_a_crash_between_the_two_names_of_a_file(bench: Bench, server: Server) -> None:
    """The final name is there, the part's too, and the user has edited the photo since."""
    put(server, "edited.jpg", "same.jpg", size=900_000)
    wanted = sums(server)
    running = in_the_middle(bench, server, "--bwlimit", "1M", "--transfers", "2")
    running.kill()
    for asset in server.known().values():
        (stored,) = (server.box.data / "upload").rglob(f"{asset['id']}*")
        final = bench.out / asset["originalFileName"]
        shutil.copyfile(stored, final)
        part = bench.out / part_name(asset["id"], bytes.fromhex(asset["checksum"]))
        part.unlink(missing_ok=True)
        os.link(final, part)
    edited = bench.out / "edited.jpg"
    with open(edited, "r+b") as file:
        file.write(b"edited by the user")
    mine = edited.read_bytes()
    result = bench.run(*ALBUM)
    assert result.outcomes == {"conflict": 1, "unchanged": 1}
    assert (bench.out / "edited (local).jpg").read_bytes() == mine
    (bench.out / "edited (local).jpg").unlink()
    whole(bench, wanted)
