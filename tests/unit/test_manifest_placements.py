"""What the manifest remembers of the files below a mirror."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from immich_transfer.manifest.sqlite import SqliteManifest, open_for_dry_run, open_manifest
from immich_transfer.manifest.store import Manifest
from immich_transfer.model import (
    AssetId,
    Collection,
    Debt,
    Digest,
    Fingerprint,
    LocalFile,
    Part,
    Placed,
    Sha1,
)
from immich_transfer.policy.naming import name_key, part_name

A = AssetId("11111111-2222-3333-4444-555555555555")
B = AssetId("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
ODD = AssetId("no uuid/at all")
FILE = "manifest.sqlite3"
FROZEN = (Path(__file__).parent / "manifest_format_1.sql").read_text("utf-8")


def sha(number: int) -> Sha1:
    return Sha1(number.to_bytes(20, "big"))


def placed(collection: int, asset_id: AssetId, path: str, **more: object) -> Placed:
    row = Placed(
        collection,
        asset_id,
        path,
        f"base of {path}",
        sha(7),
        Fingerprint(10, 1_700_000_000_123_456_789, 5),
        b"0123456789abcdef",
    )
    return msgspec.structs.replace(row, **more)


def asset(number: int) -> AssetId:
    return AssetId(f"{number:08x}-0000-4000-8000-000000000000")


@pytest.fixture
def manifest(tmp_path: Path) -> Iterator[SqliteManifest]:
    opened = open_manifest(str(tmp_path / "state"))
    yield opened
    opened.close()


@pytest.fixture
def mirror(manifest: SqliteManifest) -> int:
    return manifest.mirror(manifest.account("anna"), "/photos")


def test_it_is_the_port(manifest: SqliteManifest) -> None:
    port: Manifest = manifest
    assert port.moves(0) == []


# mirrors and collections


def test_a_mirror_is_an_account_and_a_folder(manifest: SqliteManifest) -> None:
    anna, ben = manifest.account("anna"), manifest.account("ben")
    odd = os.fsdecode(b"/p/\xff")
    numbers = [
        manifest.mirror(anna, "/p"),
        manifest.mirror(ben, "/p"),
        manifest.mirror(anna, "/P"),
        manifest.mirror(anna, odd),
    ]
    assert len(set(numbers)) == 4
    assert 0 not in numbers
    assert manifest.mirror(anna, "/p") == numbers[0]
    assert manifest.mirrors_at("/p") == numbers[:2]
    assert manifest.mirrors_at(odd) == numbers[3:]
    assert manifest.mirrors_at("/nowhere") == []
    assert manifest.mirrors_at("/P") == [numbers[2]]


def test_collections_keep_their_number(manifest: SqliteManifest, mirror: int) -> None:
    first = manifest.keep_collection(mirror, "album", "id 1", "Rome", "Rome")
    second = manifest.keep_collection(mirror, "search", "id 1", "Rome", "Rome (2)")
    elsewhere = manifest.mirror(manifest.account("anna"), "/other")
    third = manifest.keep_collection(elsewhere, "album", "id 1", "Rome", "Rome")
    assert len({first, second, third}) == 3
    assert manifest.keep_collection(mirror, "album", "id 1", "Roma\udcff", "Roma") == first
    assert manifest.collections(mirror) == [
        Collection(first, "album", "id 1", "Roma\udcff", "Roma"),
        Collection(second, "search", "id 1", "Rome", "Rome (2)"),
    ]
    assert [c.number for c in manifest.collections(elsewhere)] == [third]


def test_a_collection_with_files_is_not_dropped(manifest: SqliteManifest, mirror: int) -> None:
    full = manifest.keep_collection(mirror, "album", "1", "A", "A")
    empty = manifest.keep_collection(mirror, "album", "2", "B", "B")
    manifest.place(mirror, [placed(full, A, "A/a.jpg")])
    manifest.drop_collection(full)
    manifest.drop_collection(empty)
    manifest.drop_collection(999)
    assert [c.number for c in manifest.collections(mirror)] == [full]
    manifest.unplace([(full, A)])
    manifest.drop_collection(full)
    assert manifest.collections(mirror) == []


# files


@pytest.mark.parametrize("asset_id", [A, ODD])
@pytest.mark.parametrize("raw", [b"A/\xff\xfe.jpg", b"A/new\nline", "A/é".encode(), b"'\"%_*[x]"])
def test_a_file_comes_back_as_it_was(
    manifest: SqliteManifest, mirror: int, asset_id: AssetId, raw: bytes
) -> None:
    path = os.fsdecode(raw)
    row = placed(
        3,
        asset_id,
        path,
        base=path + "x",
        fingerprint=Fingerprint(1 << 40, -5, (1 << 63) - 1),
        proven=False,
        sidecar_stamp="a b",
    )
    manifest.place(mirror, [row])
    assert manifest.placed(3, [asset_id, B]) == {asset_id: row}
    assert manifest.placed(4, [asset_id]) == {}
    assert manifest.placed(3, []) == {}


def test_inodes_of_all_64_bits_are_kept_as_signed_ones(
    manifest: SqliteManifest, mirror: int
) -> None:
    manifest.place(mirror, [placed(1, A, "a", fingerprint=Fingerprint(1, 2, (1 << 64) - 3))])
    assert manifest.placed(1, [A])[A].fingerprint.inode % (1 << 64) == (1 << 64) - 3


def test_place_replaces(manifest: SqliteManifest, mirror: int) -> None:
    manifest.place(mirror, [placed(1, A, "a.jpg"), placed(1, B, "b.jpg")])
    manifest.place(mirror, [placed(1, A, "c.jpg", sha1=sha(8))])
    manifest.place(mirror, [])
    found = manifest.placed(1, [A, B])
    assert (found[A].path, found[A].sha1) == ("c.jpg", sha(8))
    assert found[B].path == "b.jpg"
    assert manifest.placed_count(1) == 2
    assert manifest.name_holders(mirror, ["a.jpg", "b.jpg", "c.jpg"]) == {
        "b.jpg": (1, B),
        "c.jpg": (1, A),
    }


def test_unplace_forgets_that_row_alone(manifest: SqliteManifest, mirror: int) -> None:
    manifest.place(mirror, [placed(1, A, "a"), placed(1, B, "b"), placed(2, A, "c")])
    manifest.unplace([(1, A), (2, B), (9, A)])
    manifest.unplace([])
    assert manifest.placed(1, [A, B]).keys() == {B}
    assert manifest.placed(2, [A, B]).keys() == {A}


def test_copies_of_an_asset_are_found_below_one_mirror(
    manifest: SqliteManifest, mirror: int
) -> None:
    other = manifest.mirror(manifest.account("anna"), "/other")
    rows = [placed(1, A, "A/a.jpg"), placed(2, A, "B/a.jpg"), placed(2, B, "B/b.jpg")]
    manifest.place(mirror, rows)
    manifest.place(other, [placed(3, A, "C/a.jpg")])
    found = manifest.placed_copies(mirror, [A, B, ODD])
    assert {asset_id: sorted(r.path for r in rows) for asset_id, rows in found.items()} == {
        A: ["A/a.jpg", "B/a.jpg"],
        B: ["B/b.jpg"],
    }
    assert [row.path for row in manifest.placed_copies(other, [A])[A]] == ["C/a.jpg"]


def test_names_are_held_as_the_most_forgiving_disk_sees_them(
    manifest: SqliteManifest, mirror: int
) -> None:
    manifest.place(mirror, [placed(1, A, "Süß/A.JPG"), placed(2, B, "b.jpg")])
    asked = [name_key(path) for path in ("SÜSS/a.jpg", "su\u0308ß/a.jpg", "B.jpg", "other.jpg")]
    assert manifest.name_holders(mirror, asked) == {asked[0]: (1, A), asked[2]: (2, B)}
    assert manifest.name_holders(mirror + 1, asked) == {}
    assert manifest.name_holders(mirror, []) == {}


def test_many_are_asked_for_at_once(manifest: SqliteManifest, mirror: int) -> None:
    rows = [placed(1, asset(n), f"A/{n}.jpg") for n in range(5_000)]
    manifest.place(mirror, rows)
    ids = [row.asset_id for row in rows]
    assert manifest.placed(1, ids[::-1]) == {row.asset_id: row for row in rows}
    assert len(manifest.placed_copies(mirror, ids)) == 5_000
    assert len(manifest.name_holders(mirror, [name_key(row.path) for row in rows])) == 5_000


def test_every_file_is_told_once_while_rows_go(manifest: SqliteManifest, mirror: int) -> None:
    rows = [placed(1 + n % 3, asset(n), f"{n}.jpg") for n in range(3_500)]
    rows.append(placed(2, ODD, "odd.jpg"))
    manifest.place(mirror, rows)
    other = manifest.mirror(manifest.account("anna"), "/other")
    manifest.place(other, [placed(9, A, "theirs.jpg")])
    seen = []
    for page in manifest.every_placed(mirror):
        assert len(page) <= 1_000
        seen += page
        manifest.unplace((row.collection, row.asset_id) for row in page)
    assert sorted(row.path for row in seen) == sorted(row.path for row in rows)
    assert list(manifest.every_placed(mirror)) == []
    assert manifest.placed_count(9) == 1


def test_every_file_of_one_collection(manifest: SqliteManifest, mirror: int) -> None:
    rows = [placed(1 + n % 2, asset(n), f"{n}.jpg") for n in range(2_500)]
    manifest.place(mirror, rows)
    for number in (1, 2, 3):
        found = [row for page in manifest.every_placed(mirror, number) for row in page]
        assert {row.path for row in found} == {r.path for r in rows if r.collection == number}
        assert manifest.placed_count(number) == len(found)


# renames


def test_a_promised_rename_is_remembered_until_it_is_over(
    manifest: SqliteManifest, mirror: int
) -> None:
    rows = [placed(1, A, "a.jpg", sidecar_stamp="x"), placed(1, B, "b.jpg"), placed(2, A, "c.jpg")]
    manifest.place(mirror, rows)
    assert manifest.moves(mirror) == []
    target = os.fsdecode(b"New/\xff.jpg")
    manifest.intend_moves([(1, A, target), (2, A, "New/c.jpg"), (9, A, "nobody's")])
    manifest.intend_moves([])
    assert sorted(manifest.moves(mirror), key=lambda m: m[0].path) == [
        (rows[0], target),
        (rows[2], "New/c.jpg"),
    ]
    assert manifest.moves(mirror + 1) == []
    assert manifest.placed(1, [A])[A] == rows[0], "it is still where it was"
    manifest.place(mirror, [placed(1, A, target)])
    assert [row.path for row, _ in manifest.moves(mirror)] == ["c.jpg"]
    manifest.unplace([(2, A)])
    assert manifest.moves(mirror) == []


def test_a_file_is_placed_half_way_and_sent_on_at_once(
    manifest: SqliteManifest, mirror: int
) -> None:
    manifest.place(mirror, [placed(1, A, "a.jpg"), placed(1, B, "b.jpg")])
    manifest.intend_moves([(1, A, ".a.part"), (1, B, "a.jpg")])
    rows = [placed(1, A, ".a.part"), placed(1, B, "a.jpg")]
    manifest.place(mirror, rows, moving={(1, A): "b.jpg", (2, B): "another collection's"})
    assert manifest.moves(mirror) == [(rows[0], "b.jpg")]
    manifest.place(mirror, [placed(1, A, "b.jpg")])
    assert manifest.moves(mirror) == []


# part files


def test_parts_until_the_file_is_placed(manifest: SqliteManifest, mirror: int) -> None:
    other = manifest.mirror(manifest.account("anna"), "/other")
    odd = os.fsdecode(b"A/\xff.part")
    manifest.begin_parts(mirror, [Part(A, odd), Part(B, "A/.b.part", '"etag"')])
    manifest.begin_parts(other, [Part(A, "A/.a.part")])
    manifest.begin_parts(mirror, [])
    assert manifest.parts(mirror) == [Part(A, odd), Part(B, "A/.b.part", '"etag"')]
    manifest.place(mirror, [placed(1, B, "A/b.jpg")])
    assert len(manifest.parts(mirror)) == 2, "it grew in another part file than this one"
    content = Sha1(b"\x07" * 20)
    own = f"A/{part_name(B, content)}"
    manifest.begin_parts(mirror, [Part(B, own)])
    elsewhere = placed(1, B, "B/b.jpg", sha1=content)
    manifest.place(mirror, [elsewhere, placed(2, B, "A/b.jpg", sha1=content, proven=False)])
    assert manifest.parts(mirror) == [Part(A, odd), Part(B, own)]
    manifest.place(mirror, [placed(1, B, "A/b.jpg", sha1=content)])
    assert manifest.parts(mirror) == [Part(A, odd)]
    manifest.end_parts(mirror, [A, B])
    assert manifest.parts(mirror) == []
    assert manifest.parts(other) == [Part(A, "A/.a.part")]


@pytest.mark.parametrize("durable", [True, False])
def test_arrivals_until_the_file_is_placed(
    manifest: SqliteManifest, mirror: int, durable: bool
) -> None:
    other = manifest.mirror(manifest.account("anna"), "/other")
    odd = placed(1, A, os.fsdecode(b"A/\xff.jpg"), fingerprint=Fingerprint(1, -2, (1 << 64) - 3))
    stamped = placed(1, B, "A/b.jpg", sidecar_stamp="s 1")
    manifest.begin_arrivals(mirror, [odd, placed(1, B, "A/b.jpg")], durable=durable)
    manifest.begin_arrivals(mirror, [stamped, placed(2, B, "B/b.jpg")], durable=durable)
    manifest.begin_arrivals(other, [placed(3, A, "a.jpg")], durable=durable)
    manifest.begin_arrivals(mirror, [], durable=durable)
    signed = placed(1, A, odd.path, fingerprint=Fingerprint(1, -2, -3))
    assert manifest.arrivals(mirror) == [signed, stamped, placed(2, B, "B/b.jpg")]
    manifest.place(mirror, [stamped])
    assert len(manifest.arrivals(mirror)) == 3, "known by other means"
    manifest.place(mirror, [stamped], arrived=True)
    assert manifest.arrivals(mirror) == [signed, placed(2, B, "B/b.jpg")], "of one collection"
    manifest.end_arrivals([(1, A), (2, B)])
    manifest.end_arrivals([])
    assert manifest.arrivals(mirror) == []
    assert manifest.arrivals(other) == [placed(3, A, "a.jpg")]


def test_stamps_of_files_that_are_placed(manifest: SqliteManifest, mirror: int) -> None:
    manifest.place(mirror, [placed(1, A, "a.jpg"), placed(2, A, "b.jpg", sidecar_stamp="s 1")])
    manifest.intend_moves([(1, A, "c.jpg")])
    stamped = placed(1, A, "not looked at", sidecar_stamp="s 2")
    manifest.stamp([stamped, placed(3, A, "nor placed", sidecar_stamp="s 3")])
    manifest.stamp([])
    row = placed(1, A, "a.jpg", sidecar_stamp="s 2")
    assert manifest.moves(mirror) == [(row, "c.jpg")], "nothing else of it changed"
    assert manifest.placed(2, [A]) == {A: placed(2, A, "b.jpg", sidecar_stamp="s 1")}
    assert manifest.placed(3, [A]) == {}


def test_a_collection_that_a_file_may_have_arrived_in_is_kept(
    manifest: SqliteManifest, mirror: int
) -> None:
    number = manifest.keep_collection(mirror, "album", "1", "A", "A")
    manifest.begin_arrivals(mirror, [placed(number, A, "A/a.jpg")])
    manifest.drop_collection(number)
    assert [c.number for c in manifest.collections(mirror)] == [number]
    manifest.end_arrivals([(number, A)])
    manifest.drop_collection(number)
    assert manifest.collections(mirror) == []


def test_a_validator_belongs_to_its_part_file(manifest: SqliteManifest, mirror: int) -> None:
    def after(*parts: Part) -> list[Part]:
        for part in parts:
            manifest.begin_parts(mirror, [part])
        return manifest.parts(mirror)

    assert after(Part(A, "p", "1"), Part(A, "p")) == [Part(A, "p", "1")], "known: it stays"
    assert after(Part(A, "p", "2")) == [Part(A, "p", "2")], "told anew"
    assert after(Part(A, "q")) == [Part(A, "q")], "another file: it says nothing of that one"


# what lasts


def test_all_of_it_lasts(tmp_path: Path) -> None:
    first = open_manifest(str(tmp_path))
    mirror = first.mirror(first.account("anna"), "/photos")
    number = first.keep_collection(mirror, "album", "1", "A", "A")
    first.place(mirror, [placed(number, A, "A/a.jpg")])
    first.intend_moves([(number, A, "B/a.jpg")])
    first.begin_parts(mirror, [Part(B, "A/.b.part", "v")])
    first.begin_arrivals(mirror, [placed(number, B, "A/b.jpg")])
    first.close()
    again = open_manifest(str(tmp_path))
    assert again.mirror(again.account("anna"), "/photos") == mirror
    assert again.moves(mirror) == [(placed(number, A, "A/a.jpg"), "B/a.jpg")]
    assert again.parts(mirror) == [Part(B, "A/.b.part", "v")]
    assert again.arrivals(mirror) == [placed(number, B, "A/b.jpg")]
    again.close()


def test_format_1_keeps_its_rows_and_gets_mirrors(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / FILE)
    raw.executescript(FROZEN)
    assert raw.execute("PRAGMA user_version").fetchone() == (1,)
    raw.close()
    manifest = open_manifest(str(tmp_path))
    file = LocalFile("/p/a", "/p/a", "", "/", Fingerprint(10, 1_700, 5))
    assert manifest.lookup([file]) == [sha(1)]
    assert manifest.payable(1) == [Debt(sha(1), "album", "Trip", A)]
    assert manifest.mirrors_at("/photos") == []
    mirror = manifest.mirror(1, "/photos")
    manifest.place(mirror, [placed(1, A, "a.jpg")])
    manifest.close()
    again = open_manifest(str(tmp_path))
    assert again.lookup([file]) == [sha(1)]
    assert again.placed(1, [A]) == {A: placed(1, A, "a.jpg")}
    again.close()
    raw = sqlite3.connect(tmp_path / FILE)
    assert raw.execute("PRAGMA user_version").fetchone()[0] >= 2
    assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()


# reading without writing (law 9)


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    first = open_manifest(str(tmp_path))
    account = first.account("anna")
    mirror = first.mirror(account, "/photos")
    number = first.keep_collection(mirror, "album", "1", "A", "A")
    first.place(mirror, [placed(number, A, "A/a.jpg")])
    first.begin_parts(mirror, [Part(B, "A/.b.part")])
    first.remember([(LocalFile("/x", "x", "", "/", Fingerprint(1, 2, 3)), Digest(sha(1), b"s"))])
    first.close()
    dry = open_for_dry_run(str(tmp_path))
    assert dry.mirror(account, "/photos") == mirror
    assert dry.mirror(account, "/elsewhere") == 0
    assert dry.keep_collection(mirror, "album", "1", "Renamed", "Renamed") == number
    assert dry.keep_collection(mirror, "album", "2", "B", "B") == 0
    dry.place(mirror, [placed(number, B, "A/b.jpg"), placed(number, A, "A/other.jpg")])
    dry.intend_moves([(number, A, "B/a.jpg")])
    dry.unplace([(number, A)])
    dry.begin_parts(mirror, [Part(A, "p")])
    dry.begin_arrivals(mirror, [placed(number, B, "A/b.jpg")])
    dry.end_arrivals([(number, B)])
    dry.stamp([placed(number, A, "A/a.jpg", sidecar_stamp="s 1")])
    dry.end_parts(mirror, [B])
    dry.drop_collection(number)
    assert dry.collections(mirror) == [Collection(number, "album", "1", "A", "A")]
    assert dry.placed(number, [A, B]) == {A: placed(number, A, "A/a.jpg")}
    assert dry.moves(mirror) == []
    assert dry.arrivals(mirror) == []
    assert dry.parts(mirror) == [Part(B, "A/.b.part")]
    dry.close()
