"""`--sidecars`: what the server knows of a photo, in a file beside it; written once, and again
when something changed."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from .mirrored import (
    BOTH,
    api,
    delete_album,
    mirror,
    notes,
    on_disk,
    place,
    put_in,
    rename_album,
    take_out,
    trashed,
)
from .support import Bench, Server, sha1

SPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
}
XMP = ("--sidecars", "xmp")
JSON = ("--sidecars", "json")
KNOWN: dict[str, Any] = {
    "description": "Grandma & <the> cat,\n“Süß” 🐈",
    "rating": 4,
    "favorite": True,
    "latitude": 52.5,
    "longitude": -13.25,
    "created": "2024-06-01T12:30:00+02:00",
    "tags": ["Trips/Rome", "Best"],
    "people": ["Zoë", "Mum"],
}


def texts(path: Path, name: str) -> list[str]:
    """The values of one property of a sidecar, a list or a single one."""
    holder = ET.parse(path).getroot().find(f"rdf:RDF/rdf:Description/{name}", SPACES)
    if holder is None:
        return []
    items = holder.findall("*/rdf:li", SPACES)
    return [item.text or "" for item in (items or [holder])]


def facts(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@BOTH
def test_xmp_holds_what_the_server_knows(bench: Bench, server: Server) -> None:
    (photo,) = server.seed("what: a day?.jpg")
    server.edit(photo, **KNOWN)
    server.album("Rome", photo)
    server.album("Best of", photo)
    result = bench.download("--album", "Rome", *XMP)
    assert result.outcomes == {"downloaded": 1}
    assert on_disk(bench) == ["Rome/what_ a day_.jpg", "Rome/what_ a day_.jpg.xmp"]
    sidecar = bench.out / "Rome/what_ a day_.jpg.xmp"
    assert texts(sidecar, "dc:description") == [KNOWN["description"]]
    assert texts(sidecar, "xmp:Rating") == ["4"]
    assert texts(sidecar, "digiKam:PickLabel") == ["3"]
    assert texts(sidecar, "exif:GPSLatitude") == ["52,30.000000N"]
    assert texts(sidecar, "exif:GPSLongitude") == ["13,15.000000W"]
    assert texts(sidecar, "exif:DateTimeOriginal") == ["2024-06-01T12:30:00+02:00"]
    assert texts(sidecar, "Iptc4xmpExt:PersonInImage") == ["Mum", "Zoë"]
    assert texts(sidecar, "digiKam:TagsList") == [
        "Best",
        "Trips/Rome",
        "People/Mum",
        "People/Zoë",
        "Albums/Best of",
        "Albums/Rome",
    ]
    assert "Trips|Rome" in texts(sidecar, "lr:hierarchicalSubject")
    assert texts(sidecar, "dc:subject") == ["Best", "Rome", "Mum", "Zoë"]
    assert texts(sidecar, "xmpMM:PreservedFileName") == ["what: a day?.jpg"]


def test_json_holds_the_same(bench: Bench, server: Server) -> None:
    photo, plain = server.seed("a.jpg", "b.jpg")
    server.edit(photo, **KNOWN, visibility="archive")
    server.album("Rome", photo, plain)
    bench.download("--album", "Rome", *JSON)
    told = facts(bench.out / "Rome/a.jpg.json")
    assert told == {
        "v": 1,
        "asset_id": photo,
        "sha1": server.sums([photo])[0],
        "original_name": "",
        "description": KNOWN["description"],
        "rating": 4,
        "favorite": True,
        "archived": True,
        "taken": "2024-06-01T12:30:00+02:00",
        "latitude": 52.5,
        "longitude": -13.25,
        "tags": ["Best", "Trips/Rome"],
        "people": ["Mum", "Zoë"],
        "albums": ["Rome"],
    }
    other = facts(bench.out / "Rome/b.jpg.json")
    assert (other["description"], other["tags"], other["favorite"]) == ("", [], False)


def test_none_are_written_unless_asked(bench: Bench, server: Server) -> None:
    server.album("A", *server.seed("a.jpg"))
    for flags in ((), ("--sidecars", "none")):
        bench.download("--album", "A", *flags)
        assert on_disk(bench) == ["A/a.jpg"]
    assert server.requests("asset") == 0
    assert bench.download("--album", "A", *XMP).outcomes == {"unchanged": 1}
    assert on_disk(bench) == ["A/a.jpg", "A/a.jpg.xmp"], "later is not too late"
    assert server.originals() == 1


@BOTH
def test_what_did_not_change_costs_no_request(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg", "d.mp4")
    album = server.album("A", *ids)
    mirror(bench, *XMP)
    before = {path: path.stat().st_mtime_ns for path in bench.out.rglob("*.xmp")}
    assert len(before) == 4
    server.box.reset_stats()
    assert mirror(bench, *XMP).outcomes == {"unchanged": 4}
    assert server.requests("asset") == 0
    assert server.originals() == 0
    first, second, third, _ = ids
    server.edit(first, description="new")
    server.edit(second, tags=["new"])
    take_out(server, album, third)
    server.album("B", third)
    server.album("C", second)
    result = mirror(bench, "--album", "A", *XMP)
    assert result.outcomes == {"unchanged": 3}
    assert server.requests("asset") == 2
    after = {path: path.stat().st_mtime_ns for path in bench.out.rglob("*.xmp")}
    assert {path.name for path in after if after[path] != before[path]} == {
        "a.jpg.xmp",
        "b.jpg.xmp",
    }
    assert texts(bench.out / "A/a.jpg.xmp", "dc:description") == ["new"]
    assert texts(bench.out / "A/b.jpg.xmp", "digiKam:TagsList") == ["new", "Albums/A", "Albums/C"]
    assert server.originals() == 0


@BOTH
def test_edits_by_the_web_page_are_seen(bench: Bench, server: Server) -> None:
    photo, other = server.seed("a.jpg", "b.jpg")
    server.album("A", photo, other)
    mirror(bench, *JSON)
    api(server, "PUT", f"assets/{photo}", {"description": "from the page", "isFavorite": True})
    assert mirror(bench, *JSON).outcomes == {"unchanged": 2}
    told = facts(bench.out / "A/a.jpg.json")
    assert (told["description"], told["favorite"]) == ("from the page", True)


def test_one_that_was_deleted_comes_back(bench: Bench, server: Server) -> None:
    server.album("A", *server.seed("a.jpg", "b.jpg"))
    mirror(bench, *XMP)
    (bench.out / "A/a.jpg.xmp").unlink()
    mirror(bench, *XMP, "--deleted", "skip")
    assert not (bench.out / "A/a.jpg.xmp").exists()
    server.box.reset_stats()
    assert mirror(bench, *XMP).outcomes == {"unchanged": 2}
    assert (bench.out / "A/a.jpg.xmp").exists()
    assert server.requests("asset") == 1


@pytest.mark.parametrize("kind", ["xmp", "json"])
def test_one_that_was_edited_here_is_left_and_said(bench: Bench, server: Server, kind: str) -> None:
    photo, other = server.seed("a.jpg", "b.jpg")
    server.album("A", photo, other)
    flags = ("--sidecars", kind)
    mirror(bench, *flags)
    edited = place(bench, f"A/a.jpg.{kind}", "edited by hand")
    server.edit(photo, other, description="new")
    result = mirror(bench, *flags)
    assert f"a.jpg.{kind} was made or edited by somebody else" in result.item("a.jpg")["note"]
    assert edited.read_text() == "edited by hand"
    assert "new" in (bench.out / f"A/b.jpg.{kind}").read_text()
    assert result.outcomes == {"unchanged": 2}
    server.box.reset_stats()
    assert "note" not in mirror(bench, *flags).item("a.jpg"), "said once, not in every run"
    assert server.requests("asset") == 0
    edited.unlink()
    mirror(bench, *flags)
    assert "new" in edited.read_text(), "given up: ours again"


def test_a_strangers_is_left_and_said(bench: Bench, server: Server) -> None:
    server.album("A", *server.seed("a.jpg", "b.jpg", "c.jpg"))
    place(bench, "A/a.jpg.xmp", "<lightroom/>")
    (bench.out / "A/b.jpg.xmp").mkdir()
    elsewhere = bench.home / "elsewhere.xmp"
    elsewhere.write_text("elsewhere")
    (bench.out / "A/c.jpg.xmp").symlink_to(elsewhere)
    result = mirror(bench, *XMP)
    assert result.outcomes == {"downloaded": 3}
    assert "a.jpg.xmp was made or edited by somebody else" in result.item("a.jpg")["note"]
    assert "b.jpg.xmp is not a file" in result.item("b.jpg")["note"]
    assert "c.jpg.xmp is not a file" in result.item("c.jpg")["note"]
    assert (bench.out / "A/a.jpg.xmp").read_text() == "<lightroom/>"
    assert elsewhere.read_text() == "elsewhere"


def test_they_follow_renames(bench: Bench, server: Server) -> None:
    one, two = server.seed("a.jpg", "b.jpg")
    album = server.album("Old", one, two)
    mirror(bench, *JSON)
    rename_album(server, album, "New")
    server.edit(one, name="b.jpg", description="one")
    server.edit(two, name="a.jpg", description="two")
    result = mirror(bench, *JSON)
    assert result.outcomes == {"moved": 2}
    assert not notes(result)
    assert on_disk(bench) == ["New/a.jpg", "New/a.jpg.json", "New/b.jpg", "New/b.jpg.json"]
    assert facts(bench.out / "New/a.jpg.json")["description"] == "two"
    assert facts(bench.out / "New/b.jpg.json")["albums"] == ["New"]
    rename_album(server, album, "Newer")
    assert mirror(bench).outcomes == {"moved": 2}, "without --sidecars, too"
    assert on_disk(bench) == [
        "Newer/a.jpg",
        "Newer/a.jpg.json",
        "Newer/b.jpg",
        "Newer/b.jpg.json",
    ]


def test_one_follows_a_photo_that_was_removed_here(bench: Bench, server: Server) -> None:
    """Its photo comes again under the new name of its album; it must not stay in the old folder."""
    album = server.album("Old", *server.seed("a.jpg", "b.jpg"))
    mirror(bench, *JSON)
    before = (bench.out / "Old/a.jpg.json").read_bytes()
    (bench.out / "Old/a.jpg").unlink()
    rename_album(server, album, "New")
    assert mirror(bench).outcomes == {"downloaded": 1, "moved": 1}
    assert on_disk(bench) == ["New/a.jpg", "New/a.jpg.json", "New/b.jpg", "New/b.jpg.json"]
    assert (bench.out / "New/a.jpg.json").read_bytes() == before


def test_those_of_others_do_not_follow_and_it_is_said(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg")
    album = server.album("Old", *ids)
    place(bench, "Old/b.jpg.xmp", "a stranger's")
    mirror(bench, *XMP)
    place(bench, "Old/a.jpg.xmp", "edited by hand")
    rename_album(server, album, "New")
    result = mirror(bench, *XMP)
    assert "made or edited by somebody else, left where it was" in notes(result)
    assert "and 1 more" in notes(result)
    assert (bench.out / "Old/a.jpg.xmp").read_text() == "edited by hand"
    assert (bench.out / "Old/b.jpg.xmp").read_text() == "a stranger's"
    there = on_disk(bench)
    assert [path for path in there if path.startswith("Old/")] == [
        "Old/a.jpg.xmp",
        "Old/b.jpg.xmp",
    ]
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        assert texts(bench.out / f"New/{name}.xmp", "digiKam:TagsList") == ["Albums/New"]


@pytest.mark.parametrize("trash", ["kept", "none"])
def test_they_leave_with_their_file(bench: Bench, server: Server, trash: str) -> None:
    ids = server.seed("a.jpg", "b.jpg", "edited.jpg", "stranger.jpg")
    album = server.album("A", *ids)
    place(bench, "A/stranger.jpg.xmp", "a stranger's")
    mirror(bench, *XMP)
    before = bench.fetched()
    place(bench, "A/edited.jpg.xmp", "edited by hand")
    take_out(server, album, *ids[1:])
    flags = ("--trash-dir", "none") if trash == "none" else ()
    result = mirror(bench, "--delete", *flags)
    assert result.outcomes == {"unchanged": 1, "removed": 3}
    assert on_disk(bench) == [
        "A/a.jpg",
        "A/a.jpg.xmp",
        "A/edited.jpg.xmp",
        "A/stranger.jpg.xmp",
    ]
    assert "edited.jpg.xmp was made or edited" in result.item("edited.jpg")["note"]
    assert (bench.out / "A/edited.jpg.xmp").read_text() == "edited by hand"
    names = ("A/b.jpg", "A/b.jpg.xmp", "A/edited.jpg", "A/stranger.jpg")
    assert trashed(bench) == ({} if trash == "none" else {name: before[name] for name in names})


def test_another_kind_takes_the_place_of_the_first(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg")
    server.album("A", *ids)
    mirror(bench, *XMP)
    edited = place(bench, "A/b.jpg.xmp", "edited by hand")
    result = mirror(bench, *JSON)
    assert result.outcomes == {"unchanged": 2}
    assert on_disk(bench) == [
        "A/a.jpg",
        "A/a.jpg.json",
        "A/b.jpg",
        "A/b.jpg.json",
        "A/b.jpg.xmp",
    ]
    assert edited.read_text() == "edited by hand"
    server.box.reset_stats()
    mirror(bench, *JSON)
    assert server.requests("asset") == 0
    mirror(bench, *XMP)
    assert (bench.out / "A/a.jpg.xmp").exists()
    assert not (bench.out / "A/a.jpg.json").exists()


def test_names_too_long_for_a_sidecar_have_one_all_the_same(bench: Bench, server: Server) -> None:
    one, two = server.seed(f"{'x' * 250}1.jpg", f"{'x' * 250}2.jpg")
    server.edit(one, description="one")
    server.edit(two, description="two")
    server.album("A", one, two)
    assert not any("note" in item for item in mirror(bench, *JSON).items())
    told = [facts(path) for path in (bench.out / "A").glob("*.json")]
    assert {sidecar["asset_id"]: sidecar["description"] for sidecar in told} == {
        one: "one",
        two: "two",
    }
    assert mirror(bench, *JSON).outcomes == {"unchanged": 2}


def test_one_photo_in_two_albums_has_two_sidecars(bench: Bench, server: Server) -> None:
    (photo,) = server.seed("a.jpg")
    server.album("A", photo)
    server.album("B", photo)
    mirror(bench, *JSON)
    assert server.originals() == 1
    for album in "AB":
        assert facts(bench.out / f"{album}/a.jpg.json")["albums"] == ["A", "B"]
    (bench.out / "A/a.jpg.json").unlink()
    server.edit(photo, description="new")
    assert mirror(bench, *JSON).outcomes == {"unchanged": 2}
    for album in "AB":
        assert facts(bench.out / f"{album}/a.jpg.json")["description"] == "new"


def test_albums_in_one_place_share_the_sidecar(bench: Bench, server: Server) -> None:
    (photo,) = server.seed("a.jpg")
    for title in "AB":
        server.album(title, photo)
    flags = ("--layout", "{filename}", *JSON)
    mirror(bench, *flags)
    for number, title in enumerate("ABBA"):
        server.edit(photo, description=f"{number}")
        result = mirror(bench, "--album", title, *flags)
        assert "note" not in result.item("a.jpg")
        assert facts(bench.out / "a.jpg.json")["description"] == f"{number}"


def test_the_sidecar_of_a_file_that_is_linked_anew_is_still_ours(
    bench: Bench, server: Server
) -> None:
    (photo,) = server.seed("a.jpg")
    server.album("A", photo)
    server.album("B", photo)
    mirror(bench, *JSON)
    (bench.out / "A/a.jpg").unlink()
    server.edit(photo, description="new")
    mirror(bench, *JSON)
    assert facts(bench.out / "A/a.jpg.json")["description"] == "new"


def test_an_asset_that_cannot_be_asked_for_fails_alone(bench: Bench, server: Server) -> None:
    server.album("A", *server.seed("a.jpg", "b.jpg"))
    server.box.faults("asset:1=500,json")
    result = mirror(bench, *XMP, "--retries", "1", code=3)
    assert result.outcomes == {"downloaded": 1, "failed": 1}
    assert "sidecar:" in result.items("failed")[0]["error"]
    assert sorted(bench.fetched()) and server.originals() == 2
    server.clear_faults()
    assert mirror(bench, *XMP).outcomes == {"unchanged": 2}
    assert server.originals() == 2, "the body was there"
    assert len(list(bench.out.rglob("*.xmp"))) == 2


def test_a_dry_run_writes_none_and_tells_no_download(bench: Bench, server: Server) -> None:
    server.album("A", *server.seed("a.jpg"))
    mirror(bench)
    result = mirror(bench, *XMP, "-n")
    assert on_disk(bench) == ["A/a.jpg"]
    assert result.outcomes == {"unchanged": 1}


def test_sidecars_of_an_upload_and_ours_agree(bench: Bench, server: Server) -> None:
    """What comes down goes up again as it was."""
    (photo,) = server.seed("a.jpg")
    server.edit(photo, description="Mum", rating=5, tags=["A/B"])
    bench.download("--all", "--layout", "{filename}", *XMP)
    other = Server(server.box)
    theirs = Bench(bench.home, other.url, other.key)
    theirs.run("upload", "out")
    sidecar = other.asset(server.sums([photo])[0]).sidecar
    assert sidecar is not None
    assert sha1(sidecar) == bench.fetched()["a.jpg.xmp"]


def test_a_removed_album_is_not_named_any_more(bench: Bench, server: Server) -> None:
    (photo,) = server.seed("a.jpg")
    server.album("A", photo)
    other = server.album("B", photo)
    mirror(bench, "--album", "A", *JSON)
    assert facts(bench.out / "A/a.jpg.json")["albums"] == ["A", "B"]
    delete_album(server, other)
    mirror(bench, "--album", "A", *JSON)
    assert facts(bench.out / "A/a.jpg.json")["albums"] == ["A"]
    third = server.album("C")
    put_in(server, third, photo)
    mirror(bench, "--album", "A", *JSON)
    assert facts(bench.out / "A/a.jpg.json")["albums"] == ["A", "C"]
