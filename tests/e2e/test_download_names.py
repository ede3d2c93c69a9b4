"""Names from the server, however hostile, and what stands in the way: nothing leaves the output
folder, nothing is overwritten, and every run gives the same names."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from .support import Bench, Server, photo, sha1

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs links, FIFOs and any name")
BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)

HOSTILE = [
    "../../evil.jpg",
    "..\\..\\evil.jpg",
    "../../../../../../../../tmp/evil.jpg",
    "/abs.jpg",
    "C:\\x.jpg",
    "C:",
    "\\\\nas\\share\\x.jpg",
    "a/b.jpg",
    "CON.jpg",
    "con",
    "nul.tar.jpg",
    "COM1 .jpg",
    "a\0b.jpg",
    "\0",
    "new\nline.jpg",
    "back\rhome.jpg",
    "\x1b[31mred.jpg",
    "ends with dot.jpg.",
    "ends with space.jpg ",
    " leads.jpg",
    "stream.jpg:ads",
    '<>|?*".jpg',
    ".",
    "..",
    "...",
    "   ",
    "",
    ".hidden.jpg",
    "-rf",
    "~",
    "%2e%2e%2fx.jpg",
    "\u202egpj.exe",
    "zero\u200bwidth.jpg",
    "x" * 300 + ".jpg",
    "é" * 150 + ".jpg",
    "😀" * 80 + ".jpg",
    "x" * 300,
    "a." + "y" * 300,
    ".0123abcd.0123456789ab.part",
    unicodedata.normalize("NFD", "Zürich.jpg"),
]
TWINS = [
    "same.jpg",
    "same.jpg",
    "SAME.JPG",
    "straße.jpg",
    "STRASSE.jpg",
    unicodedata.normalize("NFC", "café.jpg"),
    unicodedata.normalize("NFD", "café.jpg"),
    "dot.jpg",
    "dot.jpg.",
    "a:b.jpg",
    "a?b.jpg",
]
DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
}
FORBIDDEN = set('/\\<>:"|?*\u202e\u200b')


def assert_safe(path: str) -> None:
    """Every component is a name on every system."""
    for name in path.split("/"):
        assert name.strip(". "), path
        assert not name.endswith((".", " ")), path
        assert not FORBIDDEN.intersection(name), path
        assert min(map(ord, name)) >= 32, path
        assert len(name.encode()) <= 255, path
        assert name.partition(".")[0].strip().lower() not in DEVICES, path


def key(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def names(bench: Bench, *arguments: str, out: str = "out", state: str = "state") -> dict[str, str]:
    """Download, and tell the path of every asset by its id."""
    result = bench.run(
        "download",
        "-o",
        out,
        *arguments,
        env={"IMMICH_TRANSFER_STATE_DIR": str(bench.home / state)},
    )
    there = bench.fetched(bench.home / out)
    assert {line["path"]: line.get("sha1", there[line["path"]]) for line in result.items()} == there
    return {line["asset_id"]: line["path"] for line in result.items()}


@BOTH
def test_hostile_names_land_inside(bench: Bench, server: Server) -> None:
    given = HOSTILE + TWINS
    ids = server.seed(*given)
    album = server.album("../../../e:vil\n", *ids)
    Path("/tmp/evil.jpg").unlink(missing_ok=True)
    first = names(bench, "--album-id", album, out="a/b/out")
    assert set(first) == set(ids)
    assert Counter(bench.fetched(bench.home / "a/b/out").values()) == Counter(server.sums(ids))
    for path in first.values():
        assert_safe(path)
    assert len({key(path) for path in first.values()}) == len(ids)
    assert sorted(path.name for path in bench.home.iterdir()) == ["a", "state"]
    assert [path.name for path in (bench.home / "a/b").iterdir()] == ["out"]
    assert not Path("/tmp/evil.jpg").exists()
    assert len(os.listdir(bench.home / "a/b/out")) == 1, "one folder for one album"

    # In another order, of another run: the names are the same.
    for place, asset_id in enumerate(sorted(ids, key=lambda i: sha1(i.encode()))):
        server.edit(asset_id, created=f"20{10 + place % 10}-01-01T00:00:{place % 60:02}Z")
    assert names(bench, "--album-id", album, out="other", state="state 2") == first


def test_names_stay_when_one_more_comes(bench: Bench, server: Server) -> None:
    ids = server.seed(*TWINS, album="A")
    before = names(bench, "--album", "A")
    assert len({key(path) for path in before.values()}) == len(ids)
    assert "a/same.jpg" in map(str.lower, before.values())
    more = server.seed(*TWINS, album="A")
    result = bench.download("--album", "A")
    assert result.outcomes == {"downloaded": len(more), "unchanged": len(ids)}
    assert result.summary["bytes_received"] == 200 * len(more)
    after = names(bench, "--album", "A")
    assert {asset_id: after[asset_id] for asset_id in ids} == before
    assert len({key(path) for path in after.values()}) == len(ids + more)
    assert Counter(bench.fetched().values()) == Counter(server.sums(ids + more))


def test_a_made_name_takes_no_given_one(bench: Bench, server: Server) -> None:
    ids = sorted(server.seed("a.jpg", "a.jpg", "a.jpg", "x.jpg", "y.jpg"))
    third = ids[2].replace("-", "")
    for asset_id, name in zip(
        ids,
        ["a.jpg", "a.jpg", "a.jpg", f"a ({third[:8]}).jpg", f"A ({third[:16]}).JPG"],
        strict=True,
    ):
        server.edit(asset_id, name=name)
    found = names(bench, "--all", "--layout", "{filename}")
    assert found[ids[0]] == "a.jpg"
    assert found[ids[3]] == f"a ({third[:8]}).jpg"
    assert found[ids[4]] == f"A ({third[:16]}).JPG"
    assert found[ids[2]] == f"a ({third}).jpg"


def test_albums_that_share_photos_in_one_folder(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", live=1, album=["A", "B", "C"])
    flags = ["--album", "*", "--all", "--layout", "{filename}"]
    first = bench.download(*flags)
    # A photo is one file here, whoever asks for it.
    assert first.outcomes == {"downloaded": 3, "unchanged": 3 * 3}
    assert server.originals() == 3
    assert set(bench.fetched()) == {"a.jpg", "a.mov", "b.jpg"}
    assert bench.download(*flags).outcomes == {"unchanged": 4 * 3}


def test_another_selection_finds_the_same_files(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", edit={"favorite": True})
    bench.download("--favorites")
    before = bench.fetched()
    assert bench.download("--all").outcomes == {"unchanged": 2}
    assert bench.download("--taken-after", "1999-01-01").outcomes == {"unchanged": 2}
    assert bench.fetched() == before


def test_folders_that_differ_in_case_alone(bench: Bench, server: Server) -> None:
    one, two, three = server.seed("a.jpg", "a.jpg", "b.jpg")
    server.edit(one, make="Canon")
    server.edit(two, make="CANON")
    server.edit(three, make="../..")
    found = names(bench, "--all", "--layout", "{make}/{filename}")
    assert len({key(path) for path in found.values()}) == 3
    for path in found.values():
        assert_safe(path)


def test_nothing_is_written_through_a_linked_folder(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", album="A")
    server.seed("c.jpg", album="B")
    elsewhere = bench.home / "elsewhere"
    elsewhere.mkdir(parents=True)
    bench.out.mkdir()
    (bench.out / "A").symlink_to(elsewhere)
    (bench.out / "B").write_bytes(b"a file of mine")
    result = bench.download("--album", "*", code=3)
    assert result.outcomes == {"failed": 3}
    assert all("link" in line["error"] for line in result.items())
    assert list(elsewhere.iterdir()) == []
    assert (bench.out / "B").read_bytes() == b"a file of mine"
    # A linked output folder is the user's own word.
    linked = bench.home / "linked"
    linked.symlink_to(elsewhere)
    bench.run("download", "-o", "linked", "--album", "A")
    assert len(bench.fetched(elsewhere)) == 2


KINDS = ["link", "dangling", "folder", "fifo", "file"]


def stand_in_the_way(place: Path, kind: str, outside: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "link":
            place.symlink_to(outside)
        case "dangling":
            place.symlink_to(outside.with_name("nowhere"))
        case "folder":
            place.mkdir()
            (place / "mine.txt").write_bytes(b"mine")
        case "fifo":
            os.mkfifo(place)
        case "file":
            place.write_bytes(b"mine")


def is_kind(place: Path, kind: str) -> bool:
    tests = {"link": place.is_symlink, "dangling": place.is_symlink, "folder": place.is_dir}
    return {**tests, "fifo": place.is_fifo, "file": place.is_file}[kind]()


@pytest.mark.parametrize("policy", ["keep-both", "skip", "overwrite"])
def test_something_else_stands_where_a_file_should_be(
    bench: Bench, server: Server, policy: str
) -> None:
    ids = dict(zip(KINDS, server.seed(*(f"{kind}.jpg" for kind in KINDS), album="A"), strict=True))
    sums = dict(zip(KINDS, server.sums(ids.values()), strict=True))
    outside = bench.home / "outside.jpg"
    for kind in KINDS:
        stand_in_the_way(bench.out / f"A/{kind}.jpg", kind, outside)
    outside.write_bytes(photo("outside"))
    # No folder is replaced, whatever was said.
    result = bench.download(
        "--album", "A", "--on-conflict", policy, code=3 if policy == "overwrite" else 0
    )
    for kind in KINDS:
        place, aside = bench.out / f"A/{kind}.jpg", bench.out / f"A/{kind} (local).jpg"
        item = result.item(f"{kind}.jpg")
        if policy == "keep-both":
            assert item["outcome"] == "conflict"
            assert aside.name in item["note"]
            assert is_kind(aside, kind)
        elif policy == "skip":
            assert item["outcome"] == "skipped"
            assert "differs" in item["reason"]
            assert is_kind(place, kind)
        elif kind == "folder":
            assert item["outcome"] == "failed"
            assert "folder" in item["error"]
            assert (place / "mine.txt").read_bytes() == b"mine"
        if policy == "keep-both" or (policy == "overwrite" and kind != "folder"):
            assert not place.is_symlink()
            assert sha1(place.read_bytes()) == sums[kind]
    assert outside.read_bytes() == photo("outside")
    assert not outside.with_name("nowhere").exists()
    assert not list(bench.out.rglob("*.part"))


def test_an_output_folder_that_is_a_file(bench: Bench, server: Server) -> None:
    server.seed("a.jpg")
    bench.home.mkdir(parents=True)
    bench.out.write_bytes(b"mine")
    result = bench.download("--all", code=2)
    assert str(bench.out) in result.error["message"]
    below = bench.run("download", "-o", "out/below", "--all", code=2)
    assert "out" in below.error["message"]
    assert bench.out.read_bytes() == b"mine"
    assert server.originals() == 0


@pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere"
)
def test_an_output_folder_that_cannot_be_written(bench: Bench, server: Server) -> None:
    server.seed("a.jpg")
    bench.out.mkdir(parents=True)
    bench.out.chmod(0o500)
    result = bench.download("--all", code=2)
    bench.out.chmod(0o700)
    assert str(bench.out) in result.error["message"]
    assert server.originals() == 0
