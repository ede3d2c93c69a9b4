"""`search` and `tags` on every server version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox_fixture import BRIDGED

from .support import Bench, Server

every_version = pytest.mark.parametrize("server", BRIDGED, indirect=True)


def found(bench: Bench, *arguments: str) -> list[str]:
    """Names that a search finds, in its order."""
    lines: list[dict[str, Any]] = bench.run("search", *arguments).lines
    assert all(line["type"] == "asset" for line in lines)
    return [line["name"] for line in lines]


@every_version
def test_a_smart_search_ranks(bench: Bench, server: Server) -> None:
    server.seed("beach at sunset.jpg", "dog.jpg", "cat.mp4", "beach.jpg")
    ranked = found(bench, "beach", "at", "sunset")
    assert sorted(ranked) == ["beach at sunset.jpg", "beach.jpg", "cat.mp4", "dog.jpg"]
    assert found(bench, "beach", "at", "sunset", "--take", "2") == ranked[:2]
    assert found(bench, "beach", "--type", "video") == ["cat.mp4"]


@every_version
def test_metadata_filters(bench: Bench, server: Server) -> None:
    ids = server.seed("IMG_1.jpg", "IMG_2.jpg", "clip.mp4", "old.jpg")
    server.edit(ids[0], favorite=True, created="2024-05-01T10:00:00Z")
    server.edit(ids[1], visibility="archive", created="2024-06-01T10:00:00Z")
    server.edit(ids[2], created="2023-01-01T10:00:00Z")
    server.edit(ids[3], created="1999-01-01T10:00:00Z")

    everything = ["IMG_2.jpg", "IMG_1.jpg", "clip.mp4", "old.jpg"]
    assert found(bench, "--metadata") == everything  # the newest first, the archive among them
    assert found(bench, "--metadata", "--take", "2") == everything[:2]
    assert found(bench, "--name", "img_") == ["IMG_2.jpg", "IMG_1.jpg"]
    assert found(bench, "--type", "video") == ["clip.mp4"]
    assert found(bench, "--favorites") == ["IMG_1.jpg"]
    assert found(bench, "--archived") == ["IMG_2.jpg"]
    assert found(bench, "--taken-after", "2024-01-01", "--taken-before", "2024-05-15") == [
        "IMG_1.jpg"
    ]
    server.album("Trip", ids[2])
    assert set(found(bench, "--not-in-album")) == {"IMG_1.jpg", "IMG_2.jpg", "old.jpg"}


@every_version
def test_people_tags_and_albums_by_name(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg")
    server.box.control("people", {"name": "Ada", "user": server.owner, "ids": ids[:2]})
    assert set(found(bench, "--person", "Ada")) == {"a.jpg", "b.jpg"}
    server.album("Trip", *ids[1:])
    bench.run("tags", "add", "Sea", ids[0])
    newest = tuple(int(part) for part in server.version.split("."))
    if newest >= (1, 135):
        assert set(found(bench, "--album", "Trip")) == {"b.jpg", "c.jpg"}
        assert found(bench, "--album", "Trip", "--person", "Ada") == ["b.jpg"]
    else:
        told = bench.run("search", "--album", "Trip", code=7).error["message"]
        assert "1.135" in told
    if newest >= (1, 126):
        assert found(bench, "--tag", "Sea") == ["a.jpg"]
    else:
        assert "1.126" in bench.run("search", "--tag", "Sea", code=7).error["message"]


@every_version
def test_a_filter_that_the_server_would_overlook(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg")
    server.edit(ids[0], rating=5)
    if tuple(int(part) for part in server.version.split(".")) >= (1, 120):
        assert found(bench, "--rating", "5") == ["a.jpg"]
    else:
        assert "1.120" in bench.run("search", "--rating", "5", code=7).error["message"]


@every_version
def test_tags(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg")
    path = "Trips/Sea"  # before 1.113 a name like any other
    assert bench.run("tags", "list").lines == []
    added = bench.run("tags", "add", path, *ids).lines
    assert [line["outcome"] for line in added] == ["added", "added"]
    again = bench.run("tags", "add", path, ids[0]).lines
    assert [line["outcome"] for line in again] == ["already-in"]
    assert len(server.tags()[path]) == 2
    assert path in [line["tag"] for line in bench.run("tags", "list").lines]
    (made,) = bench.run("tags", "add", "Alone").lines
    assert (made["type"], made["tag"]) == ("tag", "Alone")
    assert "names no tag" in bench.run("tags", "add", "//", ids[0], code=2).error["message"]


def test_what_makes_no_sense_is_refused(bench: Bench, server: Server) -> None:
    for arguments in (
        (),
        ("",),
        ("beach", "--metadata"),
        ("beach", "--name", "IMG"),
        ("--person", "Nobody"),
        ("--tag", "Nothing"),
        ("--album", "Nowhere"),
    ):
        bench.run("search", *arguments, code=2)


def test_permissions_are_named(bench: Bench, server: Server) -> None:
    bench.key = server.new_key(["user.read"])
    assert "asset.read" in bench.run("search", "beach", code=12).error["message"]
    refused = bench.run("search", "beach", json=False, code=12)
    assert refused.stdout == "", "not that nothing was found"
    assert "tag.read" in bench.run("tags", "list", code=12).error["message"]
    assert "tag.create" in bench.run("tags", "add", "Sea", code=12).error["message"]
    bench.key = server.new_key(["user.read", "asset.read"])
    assert "person.read" in bench.run("search", "--person", "Ada", code=12).error["message"]


def test_a_table_for_people(bench: Bench, server: Server) -> None:
    server.seed("a.jpg")
    told = bench.run("search", "--metadata", "--details", json=False).stdout.splitlines()
    assert told[0].split() == ["ID", "TAKEN", "KIND", "SIZE", "CAMERA", "NAME"]
    assert told[1].endswith("a.jpg")
    assert bench.run("search", "--favorites", json=False).stdout == "Nothing found.\n"
