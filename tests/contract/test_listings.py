"""Search, timeline and download/info: what each lists, and how it pages."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

import pytest

from tests.contract.listed import buckets, found
from tests.contract.target import Target

NOBODY = "11111111-1111-4111-8111-111111111111"


class Set(NamedTuple):
    """One album with an asset of every kind, by a common part of the names."""

    album: str
    name: str
    timeline: str
    archive: str
    hidden: str
    trashed: str


@pytest.fixture(scope="module")
def made(server: Target) -> Set:
    name = f"list-{secrets.token_hex(4)}"
    ids = [
        server.new_asset(name=f"{name}-{kind}.jpg", extra=server.put_away(kind, form=True))
        for kind in ("timeline", "archive", "hidden")
    ]
    trashed = server.new_asset(name=f"{name}-trashed.jpg")
    album = server.new_album(assetIds=[*ids, trashed])["id"]
    server.call("DELETE", "/assets", {"ids": [trashed]})
    timeline, archive, hidden = ids
    return Set(album, name, timeline, archive, hidden, trashed)


def test_a_search_page_is_text_and_its_total_is_the_page_s_own(server: Target) -> None:
    name = f"search-{secrets.token_hex(4)}.jpg"
    made = [server.new_asset(name=name) for _ in range(3)]
    query = {"originalFileName": name, "size": 2}
    first = server.call("POST", "/search/metadata", query).json["assets"]
    assert len(first["items"]) == first["total"] == first["count"] == 2
    assert first["nextPage"] == "2"
    second = server.call("POST", "/search/metadata", {**query, "page": 2}).json["assets"]
    assert (second["nextPage"], second["total"]) == (None, 1)
    assert {a["id"] for a in first["items"] + second["items"]} <= set(made)
    beyond = server.call("POST", "/search/metadata", {**query, "page": 9}).json["assets"]
    assert (beyond["items"], beyond["nextPage"]) == ([], None)


@pytest.mark.parametrize("query", [{"size": 1001}, {"size": 0}, {"page": 0}])
def test_pages_have_limits(server: Target, query: dict[str, int]) -> None:
    assert server.call("POST", "/search/metadata", query).status == 400


def test_unknown_keys_are_ignored(server: Target, made: Set) -> None:
    assert made.timeline in found(server, originalFileName=made.name, bogus=1)


def test_the_default_set_of_a_search(server: Target, made: Set) -> None:
    shown = found(server, originalFileName=made.name)
    if not server.since(1, 133):
        assert shown == {made.timeline, made.hidden}
        named = {"originalFileName": made.name}
        assert found(server, **named, withArchived=True) == {*shown, made.archive}
        assert found(server, **named, isArchived=True) == {made.archive}
        assert found(server, **named, isVisible=True) == {made.timeline}
        assert found(server, **named, isVisible=False) == {made.hidden}
        assert found(server, **named, visibility="archive") == shown, "an unknown word"
    else:
        assert shown == (
            {made.timeline} if server.major < 3 else {made.timeline, made.archive, made.hidden}
        )
        assert found(server, originalFileName=made.name, visibility="archive") == {made.archive}
        assert found(server, originalFileName=made.name, visibility="hidden") == {made.hidden}
    assert made.trashed in found(server, originalFileName=made.name, withDeleted=True)


def test_locked_ones_need_a_session(server: Target) -> None:
    server.need(1, 133)
    answer = server.call("POST", "/search/metadata", {"visibility": "locked"})
    assert (answer.status, answer.message) == (401, "Elevated permission is required")


def test_statistics_count_the_same_set(server: Target, made: Set) -> None:
    server.need(1, 135)
    query = {"albumIds": [made.album]}
    total = server.call("POST", "/search/statistics", query).json["total"]
    assert total == len(found(server, **query))


def test_statistics_know_no_names(server: Target, made: Set) -> None:
    server.need(1, 135)

    def total(**query: Any) -> int:
        return int(server.call("POST", "/search/statistics", query).json["total"])

    tries = 3 if server.live else 1  # to a live server somebody may upload in between
    assert any(total(originalFileName=made.name) == total() for _ in range(tries))


def test_exif_comes_when_asked_for(server: Target, made: Set) -> None:
    def item(exif: bool) -> dict[str, Any]:
        query = {"originalFileName": made.name, "withExif": exif}
        items: list[dict[str, Any]] = server.call("POST", "/search/metadata", query).json["assets"][
            "items"
        ]
        return items[0]

    assert item(True)["exifInfo"]["fileSizeInByte"] > 0
    assert not item(False).get("exifInfo")


def test_a_search_by_checksum_in_both_forms(server: Target) -> None:
    asset = server.call("GET", f"/assets/{server.new_asset()}").json
    assert found(server, checksum=asset["checksum"]) == {asset["id"]}


def test_windows_are_inclusive(server: Target) -> None:
    name, moment = f"window-{secrets.token_hex(4)}.jpg", "2018-03-04T05:06:07.000Z"
    dates = {"fileCreatedAt": moment, "fileModifiedAt": moment}
    asset = server.new_asset(name=name, extra=dates)
    server.until(lambda: server.call("GET", f"/assets/{asset}").json["fileCreatedAt"] == moment)
    window = {"takenAfter": moment, "takenBefore": moment}
    assert found(server, originalFileName=name, **window) == {asset}
    later = {"takenAfter": "2018-03-04T05:06:08.000Z"}
    assert found(server, originalFileName=name, **later) == set()


def test_an_album_by_search(server: Target, made: Set) -> None:
    if not server.since(1, 135):
        named = {"originalFileName": made.name}
        assert found(server, **named, albumIds=[NOBODY]) == found(server, **named), "unknown"
        return
    shown = found(server, albumIds=[made.album])
    assert shown == (
        {made.timeline} if server.major < 3 else {made.timeline, made.archive, made.hidden}
    )
    assert server.call("POST", "/search/metadata", {"albumIds": [NOBODY]}).status == 400


def test_an_album_counts_timeline_and_archive(server: Target, made: Set) -> None:
    album = server.call("GET", f"/albums/{made.album}").json
    assert album["assetCount"] == 2
    if server.major < 3:
        assert {asset["id"] for asset in album["assets"]} == {made.timeline, made.archive}


def test_the_timeline_of_an_album_is_its_count(server: Target, made: Set) -> None:
    assert buckets(server, f"albumId={made.album}") == {
        made.timeline: "timeline",
        made.archive: "archive",
    }
    if server.live and not server.since(3):
        return  # the rest was recorded on 3.0.3 only
    assert buckets(server, f"albumId={made.album}&isTrashed=true").keys() == {made.trashed}
    if not server.since(1, 133):
        for archived, only in (("true", made.archive), ("false", made.timeline)):
            shown = buckets(server, f"albumId={made.album}&isArchived={archived}")
            assert shown.keys() == {only}
        assert server.call("GET", f"/timeline/buckets?albumId={made.album}").status == 400, "size"
        return
    assert buckets(server, f"albumId={made.album}&visibility=hidden") == {made.hidden: "hidden"}
    locked = server.call("GET", f"/timeline/buckets?albumId={made.album}&visibility=locked")
    assert locked.status == 401


def test_download_info_lists_id_and_size_unpaged(server: Target, made: Set) -> None:
    body = {"albumId": made.album, "archiveSize": 1}
    answer = server.call("POST", "/download/info", body)
    assert answer.status == 201
    archives = answer.json["archives"]
    assert {i for a in archives for i in a["assetIds"]} == {
        made.timeline,
        made.archive,
        made.hidden,
    }
    assert all(len(archive["assetIds"]) == 1 for archive in archives)
    assert answer.json["totalSize"] == sum(archive["size"] for archive in archives)


def test_download_info_of_a_user(server: Target, made: Set) -> None:
    me = server.call("GET", "/users/me").json["id"]
    answer = server.call("POST", "/download/info", {"userId": me, "archiveSize": 1})
    assert answer.status == 201
    ids = {i for archive in answer.json["archives"] for i in archive["assetIds"]}
    assert {made.timeline, made.archive} <= ids
    assert not {made.hidden, made.trashed} & ids


def test_download_info_brings_live_videos_along(server: Target) -> None:
    video = server.new_asset(name="a.mov")
    still = server.new_asset(name="a.heic", extra={"livePhotoVideoId": video})
    answer = server.call("POST", "/download/info", {"assetIds": [still]})
    assert {i for a in answer.json["archives"] for i in a["assetIds"]} == {still, video}


def test_download_info_has_no_archive_of_nothing(server: Target, made: Set) -> None:
    body = {"albumId": made.album, "archiveSize": 0}
    assert server.call("POST", "/download/info", body).status == 400


def test_counts_of_assets(server: Target, made: Set) -> None:
    def total(query: str = "") -> int:
        if not server.since(1, 133):
            query = query.replace("visibility=archive", "isArchived=true")
        told = server.call("GET", f"/assets/statistics{query}").json
        assert told["total"] == told["images"] + told["videos"]
        return int(told["total"])

    def grown() -> list[int]:
        kinds = "", "?visibility=archive", "?isTrashed=true"
        before = [total(kind) for kind in kinds]
        server.new_asset(extra=server.put_away("archive", form=True))
        server.new_asset(extra=server.put_away("hidden", form=True))
        assert before[2] >= 1
        return [total(kind) - seen for kind, seen in zip(kinds, before, strict=True)]

    if not server.live:
        assert grown() == [1, 1, 0]
    else:  # where somebody may upload or empty the trash in between
        assert any(grown()[:2] == [1, 1] for _ in range(3))
