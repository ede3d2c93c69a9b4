"""The main job on a healthy server: what goes up, what does not, and what is said of it."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

import pytest

from .support import Bench, Server, mixed_tree, photo, sha1

BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)


@BOTH
def test_three_hundred_files_twice(bench: Bench, server: Server) -> None:
    contents = mixed_tree(bench.photos, 300)
    distinct = {sha1(content) for content in contents.values()}

    first = bench.upload()
    assert server.held() == dict.fromkeys(distinct, 1)
    assert first.outcomes == {"uploaded": len(distinct), "duplicate": 300 - len(distinct)}
    assert first.summary["verified"] == 300
    assert first.summary["bytes_hashed"] == sum(map(len, contents.values()))
    assert {line["path"] for line in first.items()} == {f"photos/{name}" for name in contents}
    bodies = server.bodies()
    assert bodies == len(distinct)

    second = bench.upload()
    assert second.outcomes == {"duplicate": 300}
    assert second.summary["bytes_hashed"] == 0
    assert second.summary["bytes_sent"] == 0
    assert second.summary["verified"] == 300
    assert second.summary["requests"] <= 6
    assert server.bodies() == bodies


@BOTH
def test_the_lines_are_the_contract(bench: Bench, server: Server) -> None:
    content = bench.make(1)["IMG_0000.jpg"]
    result = bench.upload()
    begin, item, summary = result.lines
    assert (begin["type"], begin["v"], begin["command"]) == ("run", 1, "upload")
    assert begin["server"].startswith(server.version)
    assert begin["user"]
    asset_id = server.asset(sha1(content)).id
    assert {**item, "asset_id": asset_id} == item
    assert (item["outcome"], item["path"]) == ("uploaded", "photos/IMG_0000.jpg")
    assert (item["sha1"], item["bytes"]) == (sha1(content), len(content))
    assert summary["run"] == begin["run"]
    for field in ("verified", "bytes_sent", "bytes_hashed", "requests"):
        assert summary[field] > 0, field
    assert summary["bytes_received"] == 0, "photos that came down, not answers"
    assert summary["retries"] == 0
    assert summary["seconds"] > 0


def test_twelve_new_files_on_a_full_server_cost_few_requests(
    bench: Bench, full_server: Server
) -> None:
    server = full_server
    contents = bench.make(12)
    result = bench.upload()
    assert result.outcomes == {"uploaded": 12}
    assert result.summary["requests"] <= 12 + 8
    assert server.bodies() == 12
    assert {sha1(content) for content in contents.values()} <= set(server.held())


def test_requests_are_counted_as_the_server_counts_them(bench: Bench, server: Server) -> None:
    bench.make(5)
    before = server.requests()
    result = bench.upload("--album", "Counted")
    assert result.summary["requests"] == server.requests() - before


def test_a_dry_run_writes_nothing(bench: Bench, server: Server) -> None:
    bench.make(5)
    bench.write("empty.jpg", b"")
    bench.write("twin.jpg", photo("twin"))
    bench.write("below/twin.jpg", photo("twin"))
    before = server.changes()
    result = bench.upload("--dry-run", "--album", "Never", "--tag", "never/made")
    assert result.outcomes == {"uploaded": 6, "duplicate": 1, "skipped": 1}
    assert all(line.get("dry_run") for line in result.items())
    assert result.summary["dry_run"] is True
    assert server.changes() == before
    assert server.held() == {}
    assert not bench.state.exists()
    assert sorted(path.name for path in bench.home.iterdir()) == ["photos"]


def test_a_dry_run_over_a_manifest_leaves_it_as_it_is(bench: Bench, server: Server) -> None:
    bench.make(3)
    bench.upload()
    before = {path.name: path.read_bytes() for path in bench.state.iterdir()}
    bench.make(2, start=3)
    result = bench.upload("--dry-run")
    assert result.outcomes == {"uploaded": 2, "duplicate": 3}
    assert result.summary["bytes_hashed"] == 4000
    assert {path.name: path.read_bytes() for path in bench.state.iterdir()} == before


NAMES = [
    "plain.jpg",
    "two words.jpg",
    'quo"te.jpg',
    "it's.jpg",
    "[2024] Trip.jpg",
    "{a,b} (1).jpg",
    "star * what ?!.jpg",
    "back\\slash.jpg",
    "new\nline.jpg",
    "tab\there.jpg",
    "semi;colon, comma.jpg",
    "per%20cent.jpg",
    "smile 😀.jpg",
    unicodedata.normalize("NFC", "Zürich é.jpg"),
    unicodedata.normalize("NFD", "Köln ñ.jpg"),
    "ends with dot..jpg",
    "undefined.jpg",
    "-n.jpg",
    "x" * 251 + ".jpg",
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse some of these names")
@BOTH
def test_the_server_gets_the_exact_name(bench: Bench, server: Server) -> None:
    for name in NAMES:
        bench.write(name, photo(name))
    bench.write("undefined/in folder.jpg", photo("in folder"))
    result = bench.upload()
    assert result.outcomes == {"uploaded": len(NAMES) + 1}
    assert {name: server.asset(sha1(photo(name))).name for name in NAMES} == {n: n for n in NAMES}
    assert {line["path"] for line in result.items()} == {
        *(f"photos/{name}" for name in NAMES),
        "photos/undefined/in folder.jpg",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_not_utf8(bench: Bench, server: Server) -> None:
    bench.write(b"caf\xe9.jpg", photo("latin"))
    result = bench.upload()
    assert server.asset(sha1(photo("latin"))).name == "caf\ufffd.jpg"
    (item,) = result.items()
    assert item["path"] == "photos/caf\ufffd.jpg"
    import base64

    assert base64.b64decode(item["path_b64"]) == b"photos/caf\xe9.jpg"
    assert bench.upload().outcomes == {"duplicate": 1}


def test_paths_are_literal_and_siblings_untouched(bench: Bench, server: Server) -> None:
    bench.make(1, below="[2024] Trip", seed="wanted")
    bench.make(1, below="2 Trip", seed="sibling")
    result = bench.run("upload", "photos/[2024] Trip")
    assert result.outcomes == {"uploaded": 1}
    assert set(server.held()) == {sha1(photo(("wanted", 0)))}


def test_a_file_given_twice_and_nested_roots_count_once(bench: Bench, server: Server) -> None:
    bench.make(2, below="a")
    result = bench.run("upload", "photos/a/IMG_0000.jpg", "photos/a", "photos", "photos/a/")
    assert result.summary["discovered"] == 2
    assert server.bodies() == 2


def test_a_path_that_does_not_exist_is_a_usage_error(bench: Bench, server: Server) -> None:
    bench.make(1)
    result = bench.run("upload", "photos", "phots", code=2)
    assert "phots" in result.error["message"]
    assert server.bodies() == 0


def test_empty_and_unsupported_files_are_skipped_with_the_reason(
    bench: Bench, server: Server
) -> None:
    bench.make(1)
    bench.write("empty.jpg", b"")
    bench.write("notes.txt", b"no photo")
    bench.write("none", b"no suffix")
    result = bench.upload()
    assert result.outcomes == {"uploaded": 1, "skipped": 3}
    assert "empty" in result.item("empty.jpg")["reason"]
    for name in ("notes.txt", "none"):
        assert result.item(name)["reason"]
    assert bench.upload("--strict", code=3).outcomes == {"duplicate": 1, "skipped": 3}


def test_twins_in_one_run_are_one_body(bench: Bench, server: Server) -> None:
    content = photo("twin")
    for place in ("a/one.jpg", "a/two.jpg", "b/three.jpg"):
        bench.write(place, content)
    result = bench.upload()
    assert result.outcomes == {"uploaded": 1, "duplicate": 2}
    assert result.summary["verified"] == 3
    assert len({line["asset_id"] for line in result.items()}) == 1
    assert server.bodies() == 1


def test_same_name_and_second_are_still_two_photos(bench: Bench, server: Server) -> None:
    for place in ("a", "b"):
        path = bench.write(f"{place}/IMG_1.jpg", photo(place))
        os.utime(path, (1_700_000_000, 1_700_000_000))
    assert bench.upload().outcomes == {"uploaded": 2}
    assert len(server.held()) == 2


@BOTH
def test_trashed_on_the_server(bench: Bench, server: Server) -> None:
    content = bench.make(1)["IMG_0000.jpg"]
    bench.upload()
    server.trash(sha1(content))
    bodies = server.bodies()

    left = bench.upload()
    assert left.outcomes == {"trashed": 1}
    assert server.asset(sha1(content)).trashed
    assert bench.upload("--strict", code=3).outcomes == {"trashed": 1}
    assert server.bodies() == bodies

    restored = bench.upload("--trashed", "restore")
    assert restored.outcomes == {"duplicate": 1}
    assert not server.asset(sha1(content)).trashed
    assert server.bodies() == bodies

    old = server.asset(sha1(content)).id
    server.trash(sha1(content))
    again = bench.upload("--trashed", "reupload")
    assert again.outcomes == {"uploaded": 1}
    assert server.asset(sha1(content)).id != old
    assert not server.asset(sha1(content)).trashed


@BOTH
def test_deleted_on_the_server(bench: Bench, server: Server) -> None:
    contents = bench.make(2)
    gone = sha1(contents["IMG_0000.jpg"])
    bench.upload()
    server.delete(gone)

    left = bench.upload()
    assert left.outcomes == {"deleted-remotely": 1, "duplicate": 1}
    assert left.item("IMG_0000.jpg")["outcome"] == "deleted-remotely"
    assert gone not in server.held()

    again = bench.upload("--deleted", "reupload")
    assert again.outcomes == {"uploaded": 1, "duplicate": 1}
    assert server.held()[gone] == 1


def test_delete_source_removes_what_was_proven(bench: Bench, server: Server) -> None:
    contents = bench.make(3)
    bench.write("notes.txt", b"mine")
    twin = bench.write("twin.jpg", contents["IMG_0000.jpg"])
    result = bench.upload("--delete-source")
    assert result.outcomes == {"uploaded": 3, "duplicate": 1, "skipped": 1}
    assert [path.name for path in bench.photos.iterdir()] == ["notes.txt"]
    assert not twin.exists()
    assert "deleted" in result.item("IMG_0001.png")["note"]
    assert len(server.held()) == 3

    bench.write("again.jpg", contents["IMG_0001.png"])
    assert bench.upload("--delete-source").outcomes == {"duplicate": 1, "skipped": 1}
    assert [path.name for path in bench.photos.iterdir()] == ["notes.txt"]


def test_delete_source_keeps_what_the_server_has_in_its_trash(bench: Bench, server: Server) -> None:
    content = bench.make(1)["IMG_0000.jpg"]
    bench.upload()
    server.trash(sha1(content))
    assert bench.upload("--delete-source").outcomes == {"trashed": 1}
    assert (bench.photos / "IMG_0000.jpg").read_bytes() == content


def test_delete_source_in_a_dry_run_deletes_nothing(bench: Bench, server: Server) -> None:
    bench.make(2)
    bench.upload()
    bench.upload("--delete-source", "--dry-run")
    assert len(list(bench.photos.iterdir())) == 2


@BOTH
def test_sidecars_go_with_their_photo(bench: Bench, server: Server) -> None:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    bench.write("a.jpg", photo("a"))
    bench.write("a.jpg.xmp", xmp + b"<!-- first -->")
    bench.write("a.xmp", xmp + b"<!-- second -->")
    bench.write("b.jpg", photo("b"))
    bench.write("b.XMP", xmp)
    bench.write("IMG[1]\\.jpg", photo("odd"))
    bench.write("IMG[1]\\.jpg.xmp", xmp + b"<!-- odd -->")
    bench.write("orphan.xmp", xmp)
    result = bench.upload()
    assert result.outcomes == {"uploaded": 3}
    assert server.asset(sha1(photo("a"))).sidecar == xmp + b"<!-- first -->"
    assert server.asset(sha1(photo("b"))).sidecar == xmp
    odd = server.asset(sha1(photo("odd")))
    assert (odd.sidecar, odd.name) == (xmp + b"<!-- odd -->", "IMG[1]\\.jpg")
    assert any("orphan.xmp" in note for note in result.summary["notes"])


def test_a_new_sidecar_beside_a_duplicate_is_reported(bench: Bench, server: Server) -> None:
    bench.write("a.jpg", photo("a"))
    bench.write("b.jpg", photo("b"))
    bench.write("b.jpg.xmp", b"<x/>")
    bench.upload()
    assert not [line for line in bench.upload().items() if "sidecar" in line.get("note", "")]
    bench.write("a.jpg.xmp", b"<new/>")
    bench.write("b.jpg.xmp", b"<changed/>")
    result = bench.upload()
    assert result.outcomes == {"duplicate": 2}
    for name in ("a.jpg", "b.jpg"):
        assert "sidecar" in result.item(name)["note"]
    assert any("sidecar" in note for note in result.summary["notes"])


def test_no_sidecars(bench: Bench, server: Server) -> None:
    bench.write("a.jpg", photo("a"))
    bench.write("a.jpg.xmp", b"<x/>")
    bench.upload("--no-sidecars")
    assert server.asset(sha1(photo("a"))).sidecar is None


@BOTH
def test_favorite_and_visibility(bench: Bench, server: Server) -> None:
    content = bench.make(1)["IMG_0000.jpg"]
    bench.upload("--favorite", "--visibility", "archive")
    asset = server.asset(sha1(content))
    assert asset.favorite
    assert asset.visibility == "archive"


def test_a_moved_folder_is_recognised_without_hashing(bench: Bench, server: Server) -> None:
    bench.make(10, below="old", size=40_000)
    bench.upload()
    (bench.photos / "old").rename(bench.photos / "new")
    result = bench.upload()
    assert result.outcomes == {"duplicate": 10}
    assert result.summary["bytes_hashed"] == 0
    assert result.item("new/IMG_0000.jpg")


def test_a_changed_file_is_a_new_photo(bench: Bench, server: Server) -> None:
    bench.make(2)
    bench.upload()
    bench.write("IMG_0000.jpg", photo("edited", 2001))
    result = bench.upload()
    assert result.outcomes == {"uploaded": 1, "duplicate": 1}
    assert result.summary["bytes_hashed"] == 2001
    assert len(server.held()) == 3


def test_checksum_reads_everything_again(bench: Bench, server: Server) -> None:
    """Only reading shows a change that kept size, time and inode."""
    path = bench.photos / "IMG_0000.jpg"
    bench.make(2)
    bench.upload()
    times = path.stat()
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert bench.upload().outcomes == {"duplicate": 2}
    result = bench.upload("--checksum")
    assert result.outcomes == {"uploaded": 1, "duplicate": 1}
    assert result.summary["bytes_hashed"] == 4000
    assert sha1(path.read_bytes()) in server.held()


def test_the_bandwidth_limit_is_kept(bench: Bench, server: Server) -> None:
    bench.make(4, size=250_000)
    result = bench.upload("--bwlimit", "500K")
    sent = result.summary["bytes_sent"]
    assert sent >= 1_000_000
    # A quarter second's worth may go at once; the rest not faster than the limit allows.
    assert result.summary["seconds"] > (sent - 512_000 / 4) / 512_000 * 0.9


def test_the_summary_for_people(bench: Bench, server: Server) -> None:
    bench.make(3)
    bench.write("notes.txt", b"no photo")
    result = bench.start("upload", "photos", json=False).finish()
    assert result.code == 0, result.told()
    assert "uploaded" in result.stdout.lower()
    assert "3" in result.stdout


def test_quiet_says_nothing_on_stderr(bench: Bench, server: Server) -> None:
    bench.make(3)
    assert bench.upload("-q").stderr == ""


def test_the_base_url_works_with_and_without_api(bench: Bench, server: Server) -> None:
    bench.make(1)
    for url in (f"{server.url}/api", f"{server.url}/api/", f"{server.url}/"):
        result = bench.upload("--url", url)
        assert result.summary["exit_code"] == 0
    assert server.bodies() == 1


def test_keys_from_a_file_and_the_other_variable(
    bench: Bench, server: Server, tmp_path: Path
) -> None:
    bench.make(1)
    file = tmp_path / "key"
    file.write_text(f"{bench.key}\n")
    file.chmod(0o600)
    environment = {"IMMICH_API_KEY": "", "IMMICH_URL": "", "IMMICH_INSTANCE_URL": server.url}
    bench.upload("--api-key-file", str(file), env=environment)
    assert server.bodies() == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs links and FIFOs")
def test_what_cannot_be_read_is_one_line_each(bench: Bench, server: Server) -> None:
    bench.make(2)
    (bench.photos / "loop").symlink_to(bench.photos, target_is_directory=True)
    (bench.photos / "broken.jpg").symlink_to("nowhere.jpg")
    (bench.photos / "linked.jpg").symlink_to("IMG_0000.jpg")
    os.mkfifo(bench.photos / "fifo.jpg")
    result = bench.upload()
    assert result.item("broken.jpg")["outcome"] == "skipped"
    assert result.item("fifo.jpg")["outcome"] == "skipped"
    assert len(server.held()) == 2
    assert not [line for line in result.items() if "loop/" in line["path"]]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_failed(bench: Bench, server: Server) -> None:
    bench.make(2)
    (bench.photos / "IMG_0000.jpg").chmod(0)
    result = bench.upload(code=3)
    assert result.outcomes == {"failed": 1, "uploaded": 1}


def test_hidden_files_and_junk_are_left_out_and_can_be_taken_back(
    bench: Bench, server: Server
) -> None:
    bench.make(1)
    bench.write(".hidden.jpg", photo("hidden"))
    bench.write("@eaDir/thumb.jpg", photo("thumb"))
    result = bench.upload()
    assert result.outcomes["uploaded"] == 1
    assert result.outcomes["skipped"] >= 1
    more = bench.upload("--hidden", "--no-default-excludes")
    assert more.outcomes["uploaded"] == 2
