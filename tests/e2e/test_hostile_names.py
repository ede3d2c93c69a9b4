"""Five thousand names that somebody made up to do harm: all of them land in the folder, once."""

from __future__ import annotations

import random

from tests.e2e.support import Bench, Server
from tests.property.test_names import PIECES, assert_sound

COUNT = 5000
SEED = 20261124


def hostile_names() -> list[str]:
    """Pieces of all that is dangerous, put together at random; many are equal or nearly so."""
    draw = random.Random(SEED)
    pieces = [piece for piece in PIECES if not any("\ud800" <= c <= "\udfff" for c in piece)]
    return [
        "".join(draw.choices(pieces, k=draw.randrange(0, 5))) + draw.choice(("", ".jpg", ".mp4"))
        for _ in range(COUNT)
    ]


def test_five_thousand_hostile_names(bench: Bench, server: Server) -> None:
    server.seed(*hostile_names(), size=40)
    everything = ("--all", "--layout", "{filename}")
    first = bench.download(*everything)
    assert first.outcomes == {"downloaded": COUNT}
    paths = {item["asset_id"]: item["path"] for item in first.items()}
    for path in paths.values():
        assert "/" not in path
        assert_sound(path)
    found = bench.fetched()
    # Nothing was overwritten, and nothing is anywhere else.
    assert set(found) == set(paths.values())
    assert sorted(found.values()) == sorted(server.held())
    assert {p.name for p in bench.home.iterdir()} <= {"out", "state", "photos"}

    again = bench.download(*everything)
    assert again.outcomes == {"unchanged": COUNT}
    assert {item["asset_id"]: item["path"] for item in again.items()} == paths
    # The same names without any memory, and the files that are there are taken for what they are.
    other = Bench(bench.home / "other", bench.url, bench.key)
    fresh = other.run("download", "-o", str(bench.out), *everything)
    assert fresh.outcomes == {"unchanged": COUNT}
    assert fresh.summary["bytes_received"] == 0
    assert {item["asset_id"]: item["path"] for item in fresh.items()} == paths
