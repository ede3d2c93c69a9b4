"""SIGKILL at random points, then one clean run. Raise IMMICH_TRANSFER_KILLS to try harder.

A point is a number of requests (or of received bytes) the server has seen since the command
started, drawn from a seeded random; the seed is printed, and IMMICH_TRANSFER_KILL_SEED repeats it.
"""

from __future__ import annotations

import os
import random
import sys

import pytest

from tests.e2e.support import Bench, Server, mixed_tree, sha1

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

KILLS = int(os.environ.get("IMMICH_TRANSFER_KILLS", "8"))
SEED = int(os.environ.get("IMMICH_TRANSFER_KILL_SEED", "20261124"))
TRANSFERS = 4
COMMAND = (
    *("upload", "photos", "--transfers", str(TRANSFERS), "--bwlimit", "8M"),
    *("--album", "Every one", "--album-from", "folder", "--tag", "Kept/through"),
)


@pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)
def test_killed_again_and_again(bench: Bench, server: Server) -> None:
    draw = random.Random(SEED)
    print(f"seed {SEED}, {KILLS} kills")
    half = max(1, KILLS // 2)
    files = 24 * half
    contents = mixed_tree(bench.photos, files, seed=SEED)
    distinct = {sha1(content) for content in contents.values()}
    killed = 0
    for _ in range(half):
        # From "hardly started" to well inside; a run that is faster than that counts as no kill.
        point = draw.choice((draw.randrange(1, 6), draw.randrange(6, 40)))
        before = server.requests()
        running = bench.start(*COMMAND)
        while server.requests() - before < point and running.process.poll() is None:
            pass  # every look is a round trip to the server
        killed += running.process.poll() is None
        running.kill()
        assert all(count == 1 for count in server.held().values())
    print(f"{killed} of {half} runs were killed in the middle")
    assert killed > half // 2, "the points are drawn too late to be a test"
    result = bench.run(*COMMAND)
    assert result.summary["discovered"] == files
    assert set(result.outcomes) <= {"uploaded", "duplicate"}
    assert result.summary["verified"] == files
    assert result.summary["owed"] == 0
    assert server.held() == dict.fromkeys(distinct, 1)
    assert server.bodies() <= len(distinct) + killed * TRANSFERS

    albums = server.albums()
    assert albums.pop("Every one") == [distinct]
    by_folder: dict[str, set[str]] = {}
    for name, content in contents.items():
        folder = name.rpartition("/")[0].rpartition("/")[2] or "photos"
        by_folder.setdefault(folder, set()).add(sha1(content))
    assert albums == {name: [wanted] for name, wanted in by_folder.items()}
    assert server.tags()["Kept/through"] == distinct

    again = bench.run(*COMMAND)
    assert again.outcomes == {"duplicate": files}
    assert again.summary["bytes_hashed"] == 0
