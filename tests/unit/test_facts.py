"""From an asset's answer to facts: dates with their zones, checksums, stamps."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from zoneinfo import available_timezones

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import immich_transfer.immich.details as details
from immich_transfer.immich.details import AssetDetail, facts, local_time
from immich_transfer.policy.facts import Facts, stamp

SHA1 = hashlib.sha1(b"photo", usedforsecurity=False).digest()
ANSWER: dict[str, Any] = {
    "id": "11111111-1111-4111-8111-111111111111",
    "originalFileName": "IMG_1.JPG",
    "checksum": base64.b64encode(SHA1).decode(),
    "libraryId": None,
    "localDateTime": "2024-05-01T12:00:00.000Z",
    "isFavorite": True,
    "isArchived": False,
    "visibility": "timeline",
    "exifInfo": {
        "description": "words",
        "rating": 4,
        "latitude": 52,
        "longitude": -13.5,
        "dateTimeOriginal": "2024-05-01T10:00:00+00:00",
        "timeZone": "Europe/Berlin",
        "make": "Canon",
    },
    "tags": [
        {"id": "2", "name": "b", "value": "z/b"},
        {"id": "1", "name": "a", "value": "a"},
        {"id": "3", "name": "old servers tell no path"},
    ],
    "people": [
        {"id": "2", "name": "Zoe", "isHidden": False, "faces": []},
        {"id": "1", "name": "Ada"},
        {"id": "0", "name": ""},
    ],
}


def detail(**changes: Any) -> AssetDetail:
    return msgspec.convert({**ANSWER, **changes}, AssetDetail)


def told(**changes: Any) -> Facts:
    return facts(detail(**changes), albums=(), original_name="")


def test_everything_the_server_tells() -> None:
    found = facts(detail(), albums=["Two", "One", "Two"], original_name="a:b.jpg")
    assert found == Facts(
        asset_id=ANSWER["id"],
        sha1=SHA1.hex(),
        original_name="a:b.jpg",
        description="words",
        rating=4,
        favorite=True,
        archived=False,
        taken="2024-05-01T12:00:00+02:00",
        latitude=52.0,
        longitude=-13.5,
        tags=("a", "z/b"),
        people=("Ada", "Zoe"),
        albums=("One", "Two"),
    )


def test_little_or_nothing_is_known() -> None:
    nulls = dict.fromkeys(ANSWER["exifInfo"])
    bare = Facts(asset_id=ANSWER["id"], sha1=SHA1.hex(), favorite=True)
    for exif in (nulls, None, {}):
        assert told(exifInfo=exif, tags=[], people=[]) == bare
    assert told(exifInfo={"latitude": 5.5}, tags=[], people=[]) == bare
    few = {name: ANSWER[name] for name in ("id", "originalFileName", "checksum")}
    assert msgspec.convert(few, AssetDetail).sha1 == SHA1


def test_ratings_come_as_any_number() -> None:
    assert told(exifInfo={"rating": 3.0}).rating == 3
    assert told(exifInfo={"rating": -1}).rating == -1
    assert told(exifInfo={"rating": 0}).rating == 0


def test_archived_by_either_name() -> None:
    assert told(isArchived=True).archived
    assert told(visibility="archive").archived
    assert not told(visibility="hidden").archived


def test_a_checksum_that_is_not_of_the_bytes_is_none() -> None:
    assert told(libraryId="22222222-1111-4111-8111-111111111111").sha1 is None
    for text in ("", "****", "AAAA", "é"):
        assert told(checksum=text).sha1 is None


@pytest.mark.parametrize(
    ("instant", "zone", "wall", "wanted"),
    [
        ("2024-01-01T10:00:00.000Z", "Europe/Berlin", None, "2024-01-01T11:00:00+01:00"),
        ("2024-07-01T10:00:00.000Z", "Europe/Berlin", None, "2024-07-01T12:00:00+02:00"),
        ("2024-12-31T23:30:00.000Z", "UTC+2", None, "2025-01-01T01:30:00+02:00"),
        ("2024-01-01T10:00:00.000Z", "UTC-3:30", None, "2024-01-01T06:30:00-03:30"),
        ("2024-01-01T10:00:00.000Z", "UTC+05:45", None, "2024-01-01T15:45:00+05:45"),
        ("2024-01-01T10:00:00.000Z", "-07:00", None, "2024-01-01T03:00:00-07:00"),
        ("2024-01-01T10:00:00.000Z", "UTC", None, "2024-01-01T10:00:00+00:00"),
        ("2024-01-01T10:00:00.000Z", "UTC+0", None, "2024-01-01T10:00:00+00:00"),
        ("2024-01-01T10:00:00.120Z", "UTC+1", None, "2024-01-01T11:00:00.120+01:00"),
        # No zone: the wall clock is all that is certain.
        ("2024-01-01T10:00:00Z", None, "2024-01-01T12:00:00.000Z", "2024-01-01T12:00:00"),
        ("2024-01-01T10:00:00Z", "", "2024-01-01T12:00:00.000Z", "2024-01-01T12:00:00"),
        ("2024-01-01T10:00:00Z", None, None, "2024-01-01T10:00:00Z"),
        # A zone nobody here knows.
        ("2024-01-01T10:00:00Z", "Mars/X", "2024-01-01T15:30:00Z", "2024-01-01T15:30:00+05:30"),
        ("2024-01-01T10:00:00Z", "Mars/X", "2024-01-01T05:00:00Z", "2024-01-01T05:00:00-05:00"),
        ("2024-01-01T10:00:00Z", "Mars/X", "2024-01-01T10:07:00Z", "2024-01-01T10:00:00Z"),
        ("2024-01-01T10:00:00Z", "Mars/X", "2024-01-03T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("2024-01-01T10:00:00Z", "Mars/X", None, "2024-01-01T10:00:00Z"),
        ("2024-01-01T10:00:00Z", "../../etc/passwd", None, "2024-01-01T10:00:00Z"),
        ("2024-01-01T10:00:00Z", "Europe", None, "2024-01-01T10:00:00Z"),
        ("2024-01-01T10:00:00Z", "UTC+99", None, "2024-01-01T10:00:00Z"),
        # An offset with seconds is not RFC 3339.
        ("1900-01-01T10:00:00Z", "Europe/Amsterdam", None, "1900-01-01T10:00:00Z"),
        # Before and after what a calendar can hold.
        ("0001-01-01T00:00:00Z", "UTC-5", None, "0001-01-01T00:00:00Z"),
        ("+012345-01-01T00:00:00Z", "UTC", None, ""),
        ("-000001-01-01T00:00:00Z", "UTC", "yesterday", ""),
        (None, "UTC", "2024-01-01T12:00:00.000Z", ""),
        ("", None, None, ""),
    ],
)
def test_when_it_was_taken(
    instant: str | None, zone: str | None, wall: str | None, wanted: str
) -> None:
    if zone == "Europe/Berlin" and zone not in available_timezones():
        pytest.skip("this machine has no data on zones")
    assert local_time(instant, zone, wall) == wanted


def test_without_a_zone_database_the_wall_clock_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(name: str) -> None:
        raise KeyError(name)

    monkeypatch.setattr(details, "ZoneInfo", lacking)
    assert told().taken == "2024-05-01T12:00:00+02:00"
    assert told(localDateTime=None).taken == "2024-05-01T10:00:00Z"


@given(
    st.one_of(st.none(), st.text(max_size=20), st.datetimes().map(lambda at: f"{at.isoformat()}Z")),
    st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["UTC+14", "UTC-14", "Asia/Tokyo"])),
    st.one_of(st.none(), st.text(max_size=20), st.datetimes().map(str)),
)
def test_no_date_and_no_zone_breaks_it(
    instant: str | None, zone: str | None, wall: str | None
) -> None:
    assert isinstance(local_time(instant, zone, wall), str)


def test_a_stamp_changes_with_every_fact_and_else_never() -> None:
    base = facts(detail(), albums=(), original_name="")
    assert stamp(base) == stamp(facts(detail(), albums=(), original_name=""))
    others = {
        "asset_id": "x",
        "sha1": None,
        "original_name": "\udce9",
        "description": "other",
        "rating": None,
        "favorite": False,
        "archived": True,
        "taken": "",
        "latitude": 1.0,
        "longitude": None,
        "tags": ("a", "z", "b"),
        "people": (),
        "albums": ("a",),
    }
    assert others.keys() == set(Facts.__struct_fields__)
    stamps = {stamp(msgspec.structs.replace(base, **{name: v})) for name, v in others.items()}
    assert len(stamps | {stamp(base)}) == len(others) + 1


def test_stamps_kept_by_earlier_runs_still_hold() -> None:
    assert stamp(Facts(asset_id="x")) == "9fc6888fad9b190b"
