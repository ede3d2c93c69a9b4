"""Lists are complete, by the server's own count; and what happens when they cannot be."""

from __future__ import annotations

from collections import Counter

import pytest

from .support import Bench, Result, Server

BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)
MANY = 3000


def listed(result: Result) -> Counter[str]:
    return Counter(line["asset_id"] for line in result.items())


@BOTH
def test_three_thousand_of_one_date_are_all_listed(bench: Bench, server: Server) -> None:
    ids = server.seed(assets=MANY, size=0, equal_dates=MANY, album="Burst")
    for flags in (["--all"], ["--album", "Burst"]):
        before = server.requests()
        result = bench.download(*flags, "--dry-run")
        assert listed(result) == Counter(ids), flags
        assert len({line["path"] for line in result.items()}) == MANY
        assert server.requests() - before < 40, flags


def test_three_thousand_arrive(bench: Bench, server: Server) -> None:
    ids = server.seed(assets=MANY, size=24, equal_dates=MANY)
    result = bench.download("--all")
    assert result.outcomes == {"downloaded": MANY}
    assert result.summary["verified"] == MANY
    assert Counter(bench.fetched().values()) == Counter(server.sums(ids))
    assert server.originals() == MANY
    assert server.listings() < 40


@BOTH
def test_pages_that_miss_some_are_filled_up(bench: Bench, server: Server) -> None:
    ids = server.seed(*(f"{n}.jpg" for n in range(30)), album="A")
    server.box.faults("search:*=miss,by=7")
    for flags in (["--all"], ["--album", "A", "--dry-run"]):
        result = bench.download(*flags)
        assert listed(result) == Counter(ids)
        assert result.outcomes == {"downloaded": 30}


@pytest.mark.parametrize(
    ("server", "flags", "fault"),
    [
        ("2.7", "--all", "timeline:*=miss,by=3"),
        ("3.0", "--all", "timeline:*=miss,by=3"),
        ("2.7", "--album A", "albums:*=miss,by=3"),
        ("3.0", "--album A", "timeline:*=miss,by=3"),
        ("2.7", "--favorites", "search:*=miss,by=3"),
        ("3.0", "--favorites", "search:*=miss,by=3"),
        ("3.0", "--favorites", "search-statistics:*=miss,by=3"),
    ],
    indirect=["server"],
)
def test_counts_that_disagree(bench: Bench, server: Server, flags: str, fault: str) -> None:
    ids = server.seed(*(f"{n}.jpg" for n in range(10)), album="A", edit={"favorite": True})
    server.box.faults(fault)
    result = bench.download(*flags.split(), code=3)
    fewer = 10 if "statistics" in fault else 7
    assert result.outcomes == {"downloaded": fewer}
    assert len(bench.fetched()) == fewer
    assert listed(result) <= Counter(ids)
    (note,) = result.summary["notes"]
    assert "10" in note and "7" in note
    assert note in result.stderr
    if flags == "--all":
        server.box.faults()
        again = bench.download(*flags.split())
        assert again.outcomes == {"unchanged": 7, "downloaded": 3}
        assert "notes" not in again.summary


@BOTH
def test_a_count_that_disagrees_once_is_made_again(bench: Bench, server: Server) -> None:
    server.seed(*(f"{n}.jpg" for n in range(10)))
    server.box.faults("timeline:2=miss,by=3")
    assert bench.download("--all").outcomes == {"downloaded": 10}


@pytest.mark.parametrize(
    ("server", "flags", "fault"),
    [
        ("2.7", "--all", "timeline:*=502"),
        ("3.0", "--all", "timeline:2-=500,json"),
        ("2.7", "--all", "search:*=reset"),
        ("3.0", "--all", "search:2-=500,json"),
        ("2.7", "--album A", "albums:*=cut"),
        ("2.7", "--album A", "albums:*=500,json"),
        ("3.0", "--album A", "search:2-=502"),
        ("2.7", "--album A", "album-list:2-=truncated"),
        ("3.0", "--taken-after 1999-01-01", "search:2-=html"),
        ("3.0", "--search x --limit 1500", "search:2-=504"),
        ("3.0", "--person Mum", "people:*=502"),
    ],
    indirect=["server"],
)
def test_a_list_that_cannot_be_had(bench: Bench, server: Server, flags: str, fault: str) -> None:
    server.seed(assets=1200, size=0, album="A", edit={"people": ["Mum"]})
    server.box.faults(fault)
    result = bench.download(*flags.split(), "--wait=0s", "--retries=2", code=None)
    assert result.code in (3, 5), result.told()
    assert result.code == 5 or "500" in fault
    assert result.lines[-1].get("message"), result.told()
    assert server.originals() == 0
    assert bench.fetched() == {}


@BOTH
def test_a_list_that_stumbles_is_had_in_the_end(bench: Bench, server: Server) -> None:
    ids = server.seed(assets=1200, size=0, album="A")
    server.box.faults(
        "search:1-2=502|cut", "timeline:2-3=reset|truncated", "albums:2=cut", "album-list:1=503"
    )
    result = bench.download("--album", "A", "--dry-run")
    assert listed(result) == Counter(ids)
    assert result.summary["retries"] >= 2


@BOTH
def test_what_leaves_between_list_and_download(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", "c.jpg")
    server.box.faults("original:2=gone")
    result = bench.download("--all", "--transfers=1")
    assert result.outcomes == {"downloaded": 2, "skipped": 1}
    (item,) = result.items("skipped")
    assert "left the server" in item["reason"]
    assert item["asset_id"] not in server.known()


@BOTH
def test_an_asset_that_cannot_be_described_is_failed_and_named(
    bench: Bench, server: Server
) -> None:
    ids = server.seed("a.jpg", "b.jpg")
    server.box.faults("search:*=miss,by=1", "asset:*=500,json")
    result = bench.download("--all", "--retries=2", code=3)
    assert result.outcomes == {"downloaded": 1, "failed": 1}
    (failed,) = result.items("failed")
    assert failed["asset_id"] in ids
    assert failed["error"]
