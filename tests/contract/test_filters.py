"""Edits of assets, and the searches that find by what was edited."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

import pytest

from tests.contract.listed import buckets, found
from tests.contract.target import Target

NOBODY = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(scope="module")
def pair(server: Target) -> tuple[str, str, str]:
    """Two assets of one name, the first of them edited, and that name."""
    name = f"filter-{secrets.token_hex(4)}.jpg"
    first, second = server.settled_asset(name=name), server.new_asset(name=name)
    before = server.call("GET", f"/assets/{first}").json
    changes = {
        "isFavorite": True,
        "description": "A boat on the lake",
        "rating": 4,
        "latitude": 47.5,
        "longitude": 8.5,
        "dateTimeOriginal": "2019-05-06T07:08:09.000+02:00",
    }
    assert server.call("PUT", f"/assets/{first}", changes).status == 200
    moment = "2019-05-06T05:08:09.000Z"
    server.until(lambda: server.call("GET", f"/assets/{first}").json["fileCreatedAt"] == moment)
    after = server.call("GET", f"/assets/{first}").json
    assert after["updatedAt"] > before["updatedAt"]
    assert after["checksum"] == before["checksum"], "edits leave the bytes alone"
    return first, second, name


def test_edits_show_in_exif(server: Target, pair: tuple[str, str, str]) -> None:
    asset = server.call("GET", f"/assets/{pair[0]}").json
    exif = asset["exifInfo"]
    assert exif["description"] == "A boat on the lake"
    assert exif.get("rating") == (4 if server.since(1, 112) else None)
    assert (exif["latitude"], exif["longitude"]) == pytest.approx((47.5, 8.5), abs=1e-5)
    # A live server may find the place's zone by its coordinates.
    assert exif["timeZone"] if server.live else exif["timeZone"] == "UTC+2"
    assert asset["localDateTime"].startswith("2019-05-06T07:08:09")
    assert asset["isFavorite"]


def test_many_are_edited_at_once_or_none(server: Target) -> None:
    ids = [server.settled_asset(), server.settled_asset()]
    body = {"ids": ids, "description": "both", **server.put_away("archive")}
    assert server.call("PUT", "/assets", body).status == 204
    words = "both" if server.since(1, 133) else ""

    def told(asset: str) -> tuple[str, bool]:
        shown = server.call("GET", f"/assets/{asset}").json
        return shown["exifInfo"]["description"], shown["isArchived"]

    server.until(lambda: all(told(asset) == (words, True) for asset in ids))
    body = {"ids": [ids[0], NOBODY], "description": "none"}
    assert server.call("PUT", "/assets", body).status == 400
    server.until(lambda: told(ids[0]) == (words, True))


@pytest.mark.parametrize(
    ("query", "since"),
    [
        ({"isFavorite": True}, (1,)),
        ({"rating": 4}, (1, 120)),
        ({"description": "boat on"}, (1, 130)),
        ({"takenBefore": "2019-06-01T00:00:00.000Z"}, (1,)),
        (
            {"takenAfter": "2019-05-06T05:08:09.000Z", "takenBefore": "2019-05-06T05:08:09.000Z"},
            (1,),
        ),
    ],
)
def test_filters_of_a_search(
    server: Target, pair: tuple[str, str, str], query: dict[str, Any], since: tuple[int, ...]
) -> None:
    first, second, name = pair
    assert found(server, originalFileName=name) == {first, second}
    known = server.since(*since)
    wanted = {first} if known else {first, second}
    server.until(lambda: found(server, originalFileName=name, **query) == wanted)
    if not server.since(1, 135):
        return
    path, query = "/search/statistics", {"description": "boat", **query}
    server.until(lambda: server.call("POST", path, query).json["total"] >= 1)


def test_search_by_id_type_and_date_of_upload(server: Target, pair: tuple[str, str, str]) -> None:
    first, second, name = pair
    assert found(server, id=second) == {second}
    assert found(server, originalFileName=name, type="IMAGE") == {first, second}
    assert found(server, originalFileName=name, type="VIDEO") == set()
    late = "2100-01-01T00:00:00.000Z"
    for word in ("created", "updated", "taken"):
        assert found(server, originalFileName=name, **{f"{word}After": late}) == set()
        assert found(server, originalFileName=name, **{f"{word}Before": late}) == {first, second}
    assert server.call("POST", "/search/metadata", {"type": "SONG"}).status == 400


def test_a_tag_holds_what_is_tagged_below_it(server: Target, pair: tuple[str, str, str]) -> None:
    server.need(1, 126)
    parent = server.new_tag()
    child = server.new_tag(f"{parent['value']}/below")
    server.call("PUT", f"/tags/{child['id']}/assets", {"ids": [pair[0]]})

    def shown() -> list[str]:
        tags = server.call("GET", f"/assets/{pair[0]}").json["tags"]
        return [tag["value"] for tag in tags]

    def tagged(tag: str) -> bool:
        return found(server, tagIds=[tag]) == {pair[0]}

    server.until(lambda: shown() == [child["value"]])
    server.until(partial(tagged, child["id"]))
    if server.live:
        return  # the rest was not recorded
    for tag in parent["id"], child["id"]:
        assert tagged(tag)
        assert buckets(server, f"tagId={tag}").keys() == {pair[0]}


def test_filters_of_the_timeline(server: Target, pair: tuple[str, str, str]) -> None:
    first, second, _ = pair
    me = server.call("GET", "/users/me").json["id"]
    album = server.new_album(assetIds=[first, second])["id"]
    query = f"albumId={album}"
    assert buckets(server, f"{query}&isFavorite=true").keys() == {first}
    assert buckets(server, f"{query}&isFavorite=false").keys() == {second}
    assert {first, second} <= buckets(server, f"userId={me}").keys()
    if not server.since(1, 113):
        return
    server.call("POST", "/stacks", {"assetIds": [first, second]})
    assert buckets(server, query).keys() == {first, second}
    if server.since(3) or not server.live:  # as recorded on 3.0.3
        assert buckets(server, f"{query}&withStacked=true").keys() == {first}


def test_albums_of_an_asset(server: Target, pair: tuple[str, str, str]) -> None:
    album = server.new_album(assetIds=[pair[1]])["id"]
    assert album in {a["id"] for a in server.call("GET", f"/albums?assetId={pair[1]}").json}
    listed = next(a for a in server.call("GET", "/albums").json if a["id"] == album)
    assert listed["assetCount"] == 1
    assert listed.get("assets", []) == []
    bare = server.call("GET", f"/albums/{album}?withoutAssets=true").json
    assert (bare["assetCount"], bare.get("assets", [])) == (1, [])
    full = server.call("GET", f"/albums/{album}").json
    if server.major < 3:
        assert full["assets"][0]["exifInfo"]["fileSizeInByte"] > 0
        assert full["ownerId"] == full["owner"]["id"]
    else:
        assert "assets" not in full
        assert full["albumUsers"][0]["role"] == "owner"


def test_a_search_by_nothing_is_refused(server: Target) -> None:
    assert server.call("POST", "/search/smart", {"query": ""}).status == 400
