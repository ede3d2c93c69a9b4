"""The sandbox's listings where only it can be made to: equal dates, people, faults of listings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.contract.target import Target
from tests.sandbox_fixture import RECORDED, SandboxProcess

DAY = "2000-01-01T12:00:00.000Z"
"""Of the first seeded assets."""


class Library(NamedTuple):
    """A user with photos of their own, all in one album."""

    box: SandboxProcess
    there: Target
    user: str
    album: str
    ids: list[str]


@pytest.fixture(scope="module", params=RECORDED)
def process(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxProcess]:
    box = SandboxProcess(tmp_path_factory.mktemp("server"), version=request.param)
    yield box
    box.stop()


def library(box: SandboxProcess, **options: Any) -> Library:
    told = box.control("users", {"name": "someone"})
    made = box.control("seed", {"user": told["id"], "album": "All", **options})
    there = Target(box.url, told["key"])
    return Library(box, there, told["id"], made["albums"]["All"], made["ids"])


@pytest.fixture(scope="module")
def tied(process: SandboxProcess) -> Library:
    """Three thousand assets of one date."""
    return library(process, assets=3000, equal_dates=3000)


@pytest.fixture
def few(process: SandboxProcess) -> Iterator[Library]:
    yield library(process, assets=30, equal_dates=10)
    process.faults()


def pages(there: Target, size: int = 1000, **query: Any) -> list[str]:
    """Ids of all pages of a search, as they come."""
    ids: list[str] = []
    page: str | None = "1"
    while page is not None:
        body = {"size": size, "page": int(page), **query}
        found = there.call("POST", "/search/metadata", body).json["assets"]
        ids += [asset["id"] for asset in found["items"]]
        page = found["nextPage"]
    return ids


def months(there: Target, query: str) -> list[str]:
    ids: list[str] = []
    for bucket in there.call("GET", f"/timeline/buckets?{query}").json:
        path = f"/timeline/bucket?{query}&timeBucket={bucket['timeBucket']}"
        ids += there.call("GET", path).json["id"]
    return ids


def archives(there: Target, **body: Any) -> list[str]:
    told = there.call("POST", "/download/info", {"archiveSize": 1, **body}).json["archives"]
    return [asset for archive in told for asset in archive["assetIds"]]


# equal dates


@pytest.mark.parametrize("size", [1000, 250])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("of_album", [True, False])
def test_pages_repeat_and_miss_on_equal_dates(
    tied: Library, size: int, order: str, of_album: bool
) -> None:
    query: dict[str, Any] = {"order": order, **({"albumIds": [tied.album]} if of_album else {})}
    listed = pages(tied.there, size, **query)
    assert len(listed) == 3000, "every page is full"
    assert 2500 < len(set(listed)) < 3000
    assert pages(tied.there, size, **query) == listed, "the same every time"
    total = tied.there.call("POST", "/search/statistics", query).json["total"]
    assert total == 3000


def test_what_is_not_paged_is_complete(tied: Library) -> None:
    there, everything = tied.there, sorted(tied.ids)
    assert sorted(months(there, f"albumId={tied.album}")) == everything
    assert sorted(months(there, f"userId={tied.user}")) == everything
    assert sorted(archives(there, albumId=tied.album)) == everything
    assert sorted(archives(there, userId=tied.user)) == everything
    album = there.call("GET", f"/albums/{tied.album}").json
    assert album["assetCount"] == 3000
    if there.major < 3:
        assert sorted(asset["id"] for asset in album["assets"]) == everything


def test_windows_of_one_page_are_complete(process: SandboxProcess) -> None:
    some = library(process, assets=2500, equal_dates=500)
    windows: list[str] = []
    for start in ("2000-01-01", "2000-01-26", "2000-02-20", "2000-03-16", "2000-04-10"):
        window: dict[str, Any] = {
            "takenAfter": f"{start}T00:00:00.000Z",
            "takenBefore": f"{start}T23:59:59.999Z",
        }
        windows += pages(some.there, **window)
    assert sorted(windows) == sorted(some.ids)


# people, words, places


def test_people(few: Library) -> None:
    told = few.box.control("people", {"name": "Ann", "user": few.user, "ids": few.ids[:3]})
    ann = told["id"]
    hidden = {"name": "Zoe", "user": few.user, "hidden": True, "ids": few.ids[:1]}
    few.box.control("people", hidden)
    few.box.control("edit", {"ids": few.ids[1:2], "people": ["Ann", "Bob"]})
    there = few.there
    listed = there.call("GET", "/people").json
    assert ([p["name"] for p in listed["people"]], listed["total"], listed["hidden"]) == (
        ["Ann", "Bob"],
        3,
        1,
    )
    everyone = there.call("GET", "/people?withHidden=true&size=2").json
    assert ([p["name"] for p in everyone["people"]], everyone["hasNextPage"]) == (
        ["Ann", "Bob"],
        True,
    )
    last = there.call("GET", "/people?withHidden=true&size=2&page=2").json
    assert ([p["name"] for p in last["people"]], last["hasNextPage"]) == (["Zoe"], False)
    assert there.call("GET", f"/people/{ann}").json["name"] == "Ann"
    assert there.call("GET", f"/people/{ann}/statistics").json == {"assets": 3}
    assert [p["id"] for p in there.call("GET", "/search/person?name=an").json] == [ann]
    assert set(pages(there, personIds=[ann])) == set(few.ids[:3])
    bob = listed["people"][1]["id"]
    assert pages(there, personIds=[ann, bob]) == few.ids[1:2]
    assert set(months(there, f"personId={ann}")) == set(few.ids[:3])
    shown = there.call("GET", f"/assets/{few.ids[1]}").json["people"]
    assert [p["name"] for p in shown] == ["Ann", "Bob"]
    assert [len(p.get("faces", [0])) for p in shown] == [1, 1]
    body = {"personIds": [bob], "withPeople": True}
    (item,) = there.call("POST", "/search/metadata", body).json["assets"]["items"]
    assert [p["name"] for p in item["people"]] == ["Ann", "Bob"]
    assert Target(few.box.url, few.box.key).call("GET", f"/people/{ann}").status == 400


def test_places_and_cameras(few: Library) -> None:
    where = {"city": "Rome", "country": "Italy", "make": "Maker", "model": "M1"}
    few.box.control("edit", {"ids": few.ids[:2], **where})
    assert set(pages(few.there, city="Rome", make="Maker")) == set(few.ids[:2])
    assert set(pages(few.there, city=None)) == set(few.ids[2:])
    exif = few.there.call("GET", f"/assets/{few.ids[0]}").json["exifInfo"]
    assert {name: exif[name] for name in where} == where


def test_a_search_by_words_puts_what_fits_first_and_ends_with_everything(few: Library) -> None:
    few.box.control("edit", {"ids": few.ids[5:6], "description": "a boat", "tags": ["lake"]})
    few.box.control("edit", {"ids": few.ids[7:8], "description": "another boat"})
    body = {"query": "Boat LAKE", "size": 20}
    first = few.there.call("POST", "/search/smart", body).json["assets"]
    assert [a["id"] for a in first["items"][:2]] == [few.ids[5], few.ids[7]]
    assert (first["count"], first["nextPage"]) == (20, "2")
    second = few.there.call("POST", "/search/smart", {**body, "page": 2}).json["assets"]
    assert (second["count"], second["nextPage"]) == (10, None)
    filtered = {**body, "takenBefore": DAY, "isFavorite": False}
    assert few.there.call("POST", "/search/smart", filtered).json["assets"]["count"] == 10


def test_what_others_share(few: Library) -> None:
    guest = few.box.control("users", {"name": "guest"})
    album = few.box.control("albums", {"name": "All", "user": few.user, "ids": []})["id"]
    assert album == few.album
    roles = {"name": "All", "user": few.user, "roles": {guest["id"]: "viewer"}}
    few.box.control("albums", roles)
    few.box.control("edit", {"ids": few.ids[:1], "people": ["Ann"], "favorite": True})
    there = Target(few.box.url, guest["key"])
    assert sorted(months(there, f"albumId={album}")) == sorted(few.ids)
    assert sorted(archives(there, albumId=album)) == sorted(few.ids)
    assert len(pages(there, albumIds=[album])) == (0 if there.major < 3 else 30)
    told = there.call("GET", f"/assets/{few.ids[0]}").json
    assert (told["isFavorite"], told["people"]) == (False, [])
    shown = there.call("GET", f"/albums/{album}").json
    assert shown["contributorCounts"] == [{"userId": few.user, "assetCount": 30}]


# listings that are wrong


def test_a_page_fails_for_ever(few: Library) -> None:
    few.box.faults("search:2-=500,json", "timeline:2-=500,json", "albums:*=500,json")
    call = few.there.call
    search = [call("POST", "/search/metadata", {"page": n}).status for n in (1, 2, 2, 1)]
    assert search == [200, 500, 500, 500]
    month = "/timeline/bucket?timeBucket=2000-01-01"
    timeline = [call("GET", path).status for path in ("/timeline/buckets", month, month)]
    assert timeline == [200, 500, 500]
    assert call("GET", f"/albums/{few.album}").status == 500
    assert call("GET", "/albums").status == 200


def test_listings_lack_some_and_do_not_say_so(few: Library) -> None:
    few.box.faults(
        "search:*=miss,by=2", "timeline:*=miss,by=2", "download-info:*=miss", "albums:*=miss,by=5"
    )
    there = few.there
    assert len(pages(there, 10)) == 24
    assert there.call("POST", "/search/statistics", {}).json["total"] == 30
    counted = sum(b["count"] for b in there.call("GET", "/timeline/buckets").json)
    listed = months(there, f"userId={few.user}")
    assert (counted, len(listed)) == (30, 30 - 2 * 2)  # two months
    assert len(archives(there, userId=few.user)) == 29
    album = there.call("GET", f"/albums/{few.album}").json
    assert album["assetCount"] == 30
    assert len(album.get("assets", [0] * 25)) == 25


def test_people_and_places_survive(tmp_path: Path) -> None:
    box = SandboxProcess(tmp_path / "server")
    try:
        made = box.control("seed", {"assets": 2, "edit": {"people": ["Ann"], "city": "Rome"}})
        box.control("edit", {"ids": made["ids"][:1], "library": "Disk"})
        state = box.state()
        assert [person["name"] for person in state["people"]] == ["Ann"]
        assert [one["name"] for one in state["libraries"]] == ["Disk"]
        box.restart()
        assert box.state() == state
    finally:
        box.stop()


def test_a_wrong_command_is_told(few: Library) -> None:
    for name, body in (
        ("edit", {"ids": few.ids, "colour": "red"}),
        ("edit", {"ids": ["nobody"]}),
        ("seed", {"assets": 2, "user": "nobody"}),
        ("albums", {}),
    ):
        with pytest.raises(ValueError, match="error"):
            few.box.control(name, body)
