"""Albums and tags: complete, once, whatever the photo's own way was."""

from __future__ import annotations

import json
import urllib.request

import pytest

from .support import Bench, Server, photo, sha1

BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)


@BOTH
def test_every_file_is_in_the_album_also_duplicates(bench: Bench, server: Server) -> None:
    old = bench.make(3, below="old")
    bench.run("upload", "photos/old")
    new = bench.make(3, below="new", seed="new")
    result = bench.upload("--album", 'Sommer ☀ "24"')
    assert result.outcomes == {"duplicate": 3, "uploaded": 3}
    everything = {sha1(content) for content in (old | new).values()} | {
        sha1(content) for content in old.values()
    }
    assert server.albums() == {'Sommer ☀ "24"': [everything]}
    assert result.summary["owed"] == 0


def test_an_album_that_is_complete_costs_nothing(bench: Bench, server: Server) -> None:
    bench.make(4)
    bench.upload("--album", "Done")
    before = server.changes()
    result = bench.upload("--album", "Done")
    assert result.outcomes == {"duplicate": 4}
    assert server.changes() == before


@BOTH
def test_an_album_deleted_on_the_server_is_filled_anew(bench: Bench, server: Server) -> None:
    photos = bench.make(3)
    bench.upload("--album", "Gone")
    listed = urllib.request.Request(f"{bench.url}/api/albums", headers={"x-api-key": bench.key})
    with urllib.request.urlopen(listed, timeout=20) as response:
        found = next(a["id"] for a in json.load(response) if a["albumName"] == "Gone")
    delete = urllib.request.Request(
        f"{bench.url}/api/albums/{found}", headers={"x-api-key": bench.key}, method="DELETE"
    )
    urllib.request.urlopen(delete, timeout=20).close()
    bench.upload()
    assert server.albums() == {}, "not asked for: not made"
    bench.upload("--album", "Gone")
    assert server.albums() == {"Gone": [{sha1(content) for content in photos.values()}]}


@BOTH
def test_an_album_of_that_name_is_used(bench: Bench, server: Server) -> None:
    first = bench.make(1)
    bench.upload("--album", "Trip")
    second = bench.make(1, start=1)
    bench.upload("--album", "Trip", "--album", "Other")
    both = {sha1(content) for content in (first | second).values()}
    assert server.albums() == {"Trip": [both], "Other": [both]}


def test_twins_fill_both_albums_with_one_body(bench: Bench, server: Server) -> None:
    bench.write("A/one.jpg", photo("twin"))
    bench.write("B/two.jpg", photo("twin"))
    bench.write("B/own.jpg", photo("own"))
    bench.upload("--album-from", "folder")
    twin, own = sha1(photo("twin")), sha1(photo("own"))
    assert server.albums() == {"A": [{twin}], "B": [{twin, own}]}
    assert server.bodies() == 2


def test_from_folder_equal_names_are_different_albums(bench: Bench, server: Server) -> None:
    for place in ("2023/Trip", "2024/Trip", "2024/Home"):
        bench.write(f"{place}/a.jpg", photo(place))
    bench.write("root.jpg", photo("root"))
    bench.upload("--album-from", "folder")
    albums = server.albums()
    assert len(albums) == 4
    assert albums["Home"] == [{sha1(photo("2024/Home"))}]
    assert albums["photos"] == [{sha1(photo("root"))}]
    for year in ("2023", "2024"):
        (name,) = [name for name in albums if "Trip" in name and year in name]
        assert albums[name] == [{sha1(photo(f"{year}/Trip"))}]


def test_from_path(bench: Bench, server: Server) -> None:
    bench.write("2023/Trip/a.jpg", photo("a"))
    bench.write("b.jpg", photo("b"))
    bench.upload("--album-from", "path")
    assert server.albums() == {"2023 / Trip": [{sha1(photo("a"))}], "photos": [{sha1(photo("b"))}]}


@BOTH
def test_tags_with_their_parents(bench: Bench, server: Server) -> None:
    contents = bench.make(3)
    result = bench.upload("--tag", "Trips/2024/Rome", "--tag", "Mine")
    everything = {sha1(content) for content in contents.values()}
    assert result.summary["owed"] == 0
    tags = server.tags()
    assert tags["Trips/2024/Rome"] == everything
    assert tags["Mine"] == everything


def test_a_trashed_photo_is_not_put_into_albums(bench: Bench, server: Server) -> None:
    content = bench.make(1)["IMG_0000.jpg"]
    bench.upload()
    server.trash(sha1(content))
    result = bench.upload("--album", "No")
    assert result.outcomes == {"trashed": 1}
    assert result.summary["owed"] == 0


def test_albums_need_their_permissions_before_anything_is_sent(
    bench: Bench, server: Server
) -> None:
    bench.make(2)
    bench.key = server.new_key(["asset.upload"])
    result = bench.upload("--album", "No", code=12)
    assert "album" in result.error["message"]
    assert server.bodies() == 0
    assert bench.upload().outcomes == {"uploaded": 2}


def test_a_photo_sent_again_is_put_into_its_album_again(bench: Bench, server: Server) -> None:
    contents = bench.make(2)
    bench.upload("--album", "A", "--tag", "T")
    server.delete(sha1(contents["IMG_0000.jpg"]))
    bench.upload("--album", "A", "--tag", "T", "--deleted", "reupload")
    everything = {sha1(content) for content in contents.values()}
    assert server.albums() == {"A": [everything]}
    assert server.tags()["T"] == everything


def test_the_memory_of_albums_is_only_a_cache(bench: Bench, server: Server) -> None:
    """Without the manifest the album is asked for again; the server says it is complete."""
    contents = bench.make(3)
    bench.upload("--album", "A")
    for path in bench.state.iterdir():
        path.unlink()
    result = bench.upload("--album", "A")
    assert result.summary["owed"] == 0
    assert server.albums() == {"A": [{sha1(content) for content in contents.values()}]}


def test_nothing_is_owed_to_a_photo_that_was_deleted(bench: Bench, server: Server) -> None:
    content = bench.make(2)["IMG_0000.jpg"]
    server.break_albums()
    bench.upload("--album", "Trip", "--retries", "1", code=3)
    server.clear_faults()
    server.delete(sha1(content))
    server.until_forgotten(sha1(content))
    result = bench.upload("--album", "Trip")
    assert result.outcomes == {"duplicate": 1, "deleted-remotely": 1}
    assert result.summary["owed"] == 0
    # Sent again, it gets into its album.
    bench.upload("--album", "Trip", "--deleted", "reupload")
    assert server.albums() == {"Trip": [set(server.held())]}
    assert len(server.held()) == 2
