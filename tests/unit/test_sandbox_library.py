"""What the sandbox's control routes make: seeded libraries, edits, people, albums."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from immich_transfer.sandbox.asset_answers import wall_clock
from immich_transfer.sandbox.checking import zone_of
from immich_transfer.sandbox.editing import edit, person, put_into_album
from immich_transfer.sandbox.rows import Asset, later_than, now_text
from immich_transfer.sandbox.seeding import seed
from immich_transfer.sandbox.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(str(tmp_path / "data"))
    yield made
    made.close()


def assets(store: Store, **body: Any) -> list[Asset]:
    return [store.assets[asset] for asset in seed(store, body)["ids"]]


def content(store: Store, asset: Asset) -> bytes:
    return Path(store.path_of(asset)).read_bytes()


def test_seeded_rows_have_no_files(store: Store) -> None:
    made = assets(store, assets=5, equal_dates=2)
    assert [asset.name for asset in made] == [f"SEED_{n:07}.jpg" for n in range(5)]
    assert [asset.created[:10] for asset in made] == [
        "2000-01-01",
        "2000-01-01",
        "2000-01-26",
        "2000-01-26",
        "2000-02-20",
    ]
    assert not any(os.path.exists(store.path_of(asset)) for asset in made)


def test_seeded_files_are_distinct_and_what_their_checksums_say(store: Store) -> None:
    made = assets(store, assets=300, bytes=100) + assets(store, assets=300, bytes=100)
    contents = {content(store, asset) for asset in made}
    assert len(contents) == 600
    assert {len(one) for one in contents} == {100}
    for asset in made:
        sha1 = hashlib.sha1(content(store, asset), usedforsecurity=False).hexdigest()
        assert (asset.sha1, asset.size) == (sha1, 100)
        assert store.by_checksum[asset.owner, sha1] is asset


def test_files_too_small_to_differ_are_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="at least 12"):
        seed(store, {"assets": 2, "bytes": 3})


def test_a_seeded_album_of_another_user(store: Store) -> None:
    user = store.add_user("Eve")
    body = {"names": ["a.jpg", "b.png"], "assets": 3, "user": user.id, "album": ["One", "Two"]}
    told = seed(store, body)
    assert [store.assets[i].name for i in told["ids"]] == ["a.jpg", "b.png", "a.jpg"]
    assert {store.assets[i].owner for i in told["ids"]} == {user.id}
    assert [store.albums[told["albums"][name]].name for name in ("One", "Two")] == ["One", "Two"]
    again = seed(store, body)
    assert again["albums"] == told["albums"], "made once"
    assert list(store.albums[told["albums"]["One"]].assets) == told["ids"] + again["ids"]


def test_seeded_live_photos(store: Store) -> None:
    told = seed(store, {"names": ["a.heic", "b.heic", "c.heic"], "bytes": 20, "live": 2})
    photos = [store.assets[i] for i in told["ids"]]
    videos = [store.assets[i] for i in told["videos"]]
    assert [photo.live_video for photo in photos] == [*told["videos"], None]
    assert [(v.name, v.visibility) for v in videos] == [("a.mov", "hidden"), ("b.mov", "hidden")]


def test_edits_are_kept(store: Store, tmp_path: Path) -> None:
    changes = {
        "name": "../../evil\0.jpg",
        "description": "words",
        "rating": 5,
        "latitude": 1.5,
        "longitude": -2.5,
        "created": "2020-01-02T03:04:05+05:30",
        "make": "Maker",
        "model": "M1",
        "city": "Rome",
        "state": "Lazio",
        "country": "Italy",
        "favorite": True,
        "visibility": "archive",
        "people": ["Ann", "Bob"],
        "tags": ["Trips/Rome"],
        "album": "Best",
    }
    (asset,) = assets(store, assets=1, bytes=50, edit=changes)
    store.close()
    again = Store(str(tmp_path / "data"))
    kept = again.assets[asset.id]
    assert kept == asset
    assert (kept.name, kept.created) == ("../../evil\0.jpg", "2020-01-01T21:34:05.000Z")
    assert wall_clock(kept) == "2020-01-02T03:04:05.000Z"
    people = {p.name: list(p.assets) for p in again.people.values()}
    assert people == {"Ann": [asset.id], "Bob": [asset.id]}
    assert {t.value: list(t.assets) for t in again.tags.values()} == {
        "Trips": [],
        "Trips/Rome": [asset.id],
    }
    edit(again, [kept], {"people": ["Bob"]})
    assert {p.name for p in again.people.values() if kept.id in p.assets} == {"Bob"}
    again.delete([kept])
    assert not any(one.assets for one in again.people.values())
    assert not any(album.assets for album in again.albums.values())
    again.close()


def test_an_asset_moves_to_another_owner(store: Store) -> None:
    user = store.add_user("Eve")
    (asset,) = assets(store, assets=1, bytes=50)
    admin = asset.owner
    edit(store, [asset], {"owner": user.id})
    assert (store.usage[admin], store.usage[user.id]) == (0, 50)
    assert (admin, asset.sha1) not in store.by_checksum
    assert store.by_checksum[user.id, asset.sha1] is asset


def test_an_asset_becomes_one_of_a_library(store: Store) -> None:
    one, two = assets(store, assets=2, bytes=50)
    sha1, body = one.sha1, content(store, one)
    edit(store, [one, two], {"library": "Disk"})
    (library,) = store.libraries.values()
    assert one.library == two.library == library.id
    assert one.sha1 == hashlib.sha1(f"path:{one.place}".encode(), usedforsecurity=False).hexdigest()
    assert (one.owner, sha1) not in store.by_checksum
    assert content(store, one) == body


@pytest.mark.parametrize(
    "changes",
    [{"nam": "x"}, {"visibility": "public"}, {"created": "yesterday"}, {"name": "\ud800.jpg"}],
)
def test_what_is_no_edit_is_refused(store: Store, changes: dict[str, Any]) -> None:
    (asset,) = assets(store, assets=1)
    with pytest.raises(ValueError, match=r"."):
        edit(store, [asset], changes)


def test_people_and_albums_are_found_by_owner_and_name(store: Store) -> None:
    user = store.add_user("Eve")
    assert person(store, user.id, "Ann") is person(store, user.id, "Ann")
    assert person(store, user.id, "Ann") is not person(store, store.admin.id, "Ann")
    assert put_into_album(store, user.id, "A", []) is put_into_album(store, user.id, "A", [])


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2020-01-02T03:04:05Z", "UTC"),
        ("2020-01-02T03:04:05+02:00", "UTC+2"),
        ("2020-01-02T03:04:05-03:30", "UTC-3:30"),
        ("2020-01-02T03:04:05", None),
    ],
)
def test_zones(text: str, zone: str | None) -> None:
    assert zone_of(text) == zone


def test_a_change_always_moves_the_stamp() -> None:
    stamp = now_text()
    for _ in range(100):
        later = later_than(stamp)
        assert later > stamp
        stamp = later


def test_an_answer_is_remembered_until_something_changes(store: Store) -> None:
    (asset,) = assets(store, assets=1)
    counts = [store.remember("count", lambda: [len(store.assets)]) for _ in range(2)]
    assert counts[0] is counts[1]
    for n in range(100):
        store.remember(n, lambda: n)  # noqa: B023 - asked at once
    store.touch(asset)
    assert store.remember("count", lambda: "anew") == "anew"
