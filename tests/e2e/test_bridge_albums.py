"""`albums` on every server version: what is shown, changed and refused, and how that is said."""

from __future__ import annotations

import os
import pty
import subprocess
import uuid

import pytest

from tests.sandbox_fixture import BRIDGED

from .support import Bench, Result, Server, command

every_version = pytest.mark.parametrize("server", BRIDGED, indirect=True)


def of_type(result: Result, kind: str) -> list[dict[str, object]]:
    return [line for line in result.lines if line["type"] == kind]


@every_version
def test_from_making_an_album_to_deleting_it(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.mp4")
    made = bench.run("albums", "create", "Trip", "--description", "By bike").lines
    assert [(line["type"], line["name"], line["assets"]) for line in made] == [("album", "Trip", 0)]
    album_id = made[0]["id"]

    stranger = str(uuid.uuid4())
    added = bench.run("albums", "add", "Trip", *ids, stranger, code=3)
    outcomes = [line["outcome"] for line in of_type(added, "result")]
    assert outcomes == ["added", "added", "added", "refused"]
    again = bench.run("albums", "add", album_id, ids[0])
    assert [line["outcome"] for line in again.lines] == ["already-in"]

    listed = bench.run("albums", "list").lines
    assert [(line["id"], line["name"], line["assets"]) for line in listed] == [
        (album_id, "Trip", 3)
    ]
    shown = bench.run("albums", "show", "Trip").lines
    assert shown[0]["description"] == "By bike"
    assert sorted(line["id"] for line in shown[1:]) == sorted(ids)
    assert {line["name"]: line["kind"] for line in shown[1:]} == {
        "a.jpg": "image",
        "b.jpg": "image",
        "c.mp4": "video",
    }

    removed = bench.run("albums", "remove", "Trip", ids[0], stranger)
    assert [line["outcome"] for line in removed.lines] == ["removed", "not-in"]
    renamed = bench.run("albums", "rename", "Trip", "Rome", "--description", "On foot").lines
    assert [(line["id"], line["name"]) for line in renamed] == [(album_id, "Rome")]
    shown = bench.run("albums", "show", album_id, "--no-assets").lines
    assert [(line["name"], line["description"]) for line in shown] == [("Rome", "On foot")]

    deleted = bench.run("albums", "delete", "--yes", "Rome").lines
    assert [(line["id"], line["outcome"]) for line in deleted] == [(album_id, "deleted")]
    assert bench.run("albums", "list").lines == []
    assert len(server.held()) == 3


@every_version
def test_an_album_of_equal_dates_is_listed_whole(bench: Bench, server: Server) -> None:
    server.seed(assets=2400, size=0, equal_dates=2400, album="Burst")
    shown = bench.run("albums", "show", "Burst").lines
    assert shown[0]["assets"] == 2400
    assert len({line["id"] for line in shown[1:]}) == len(shown) - 1 == 2400


@every_version
def test_albums_of_others_are_listed_with_their_photos(bench: Bench, server: Server) -> None:
    mine = server.seed("mine.jpg")
    owner = server.box.control("users", {"name": "owner"})
    theirs = server.box.control(
        "seed", {"user": owner["id"], "bytes": 200, "names": ["theirs.jpg"]}
    )["ids"]
    server.box.control(
        "albums",
        {
            "name": "Shared",
            "user": owner["id"],
            "ids": theirs,
            "roles": {server.owner: "editor"},
        },
    )
    bench.run("albums", "add", "Shared", *mine)
    (album,) = bench.run("albums", "list").lines
    assert (album["name"], album["owner"], album["shared"]) == ("Shared", owner["id"], True)
    shown = bench.run("albums", "show", "Shared").lines[1:]
    assert {line["name"]: line["owner"] for line in shown} == {
        "mine.jpg": server.owner,
        "theirs.jpg": owner["id"],
    }
    server.box.delete(*theirs)


def test_names_that_are_not_unique_or_not_there(bench: Bench, server: Server) -> None:
    first, second = server.new_album("Trip"), server.new_album("Trip")
    error = bench.run("albums", "show", "Trip", code=2).error
    assert first in error["message"]
    assert second in error["message"]
    assert "id" in error["hint"]
    assert bench.run("albums", "show", second, "--no-assets").lines[0]["id"] == second
    assert "did you mean 'Trip'" in bench.run("albums", "show", "Tripp", code=2).error["message"]
    gone = str(uuid.uuid4())
    for arguments in (("show", gone), ("add", gone, gone), ("rename", gone, "x")):
        assert gone in bench.run("albums", *arguments, code=2).error["message"]

    refused = bench.run("albums", "create", "Trip", code=2).error
    assert first in refused["message"]
    assert bench.run("albums", "create", "Trip", "--another").lines[0]["id"] not in (first, second)


def test_create_can_fill_at_once(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg")
    made = bench.run("albums", "create", "New", "--asset", ids[0], "--asset", ids[1])
    assert [line["type"] for line in made.lines] == ["album", "result", "result"]
    assert [len(contents) for contents in server.albums()["New"]] == [2]


def test_an_album_whose_answer_was_lost_is_not_made_twice(bench: Bench, server: Server) -> None:
    server.box.faults("albums:1=lost")
    unsure = bench.run("albums", "create", "Trip", code=5).error
    assert "answer" in unsure["message"] and "'Trip' is there" in unsure["message"]
    assert "albums list" in unsure["hint"]
    assert len(server.albums()["Trip"]) == 1
    server.box.faults("albums:1=reset")
    bench.run("albums", "create", "Home")
    assert len(server.albums()["Home"]) == 1


def test_tables_fit_and_hold_nothing_hostile(bench: Bench, server: Server) -> None:
    server.new_album("evil \x1b[31m\u202e name\nwith a break " + "x" * 200)
    told = bench.run("albums", "list", json=False, env={"COLUMNS": "80"}).stdout
    head, row = told.splitlines()
    assert head.split() == ["ID", "PHOTOS", "SHARED", "NAME"]
    assert "\x1b" not in row
    assert "\u202e" not in row
    assert len(row) <= 80
    # A program that reads the table gets the whole name.
    assert "x" * 200 in bench.run("albums", "list", json=False).stdout


def test_deleting_needs_a_yes(bench: Bench, server: Server) -> None:
    server.new_album("Kept")
    before = server.requests()
    error = bench.run("albums", "delete", "Kept", code=2).error
    assert "--yes" in error["hint"]
    assert server.requests() == before  # refused before a word was said
    assert "Kept" in server.albums()


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, True), ("y", 0, False)])
def test_deleting_asks_on_a_terminal(
    bench: Bench, server: Server, answer: str, code: int, left: bool
) -> None:
    server.new_album("Asked")
    bench.home.mkdir(parents=True, exist_ok=True)
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*command(), "albums", "delete", "Asked"],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(bench.home),
                "IMMICH_URL": server.url,
                "IMMICH_API_KEY": bench.key,
                "LANG": "C.UTF-8",
            },
        )
        os.write(ours, answer.encode() + b"\n")
        process.communicate(timeout=60)
        said = os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == code, said
    assert "Asked" in said
    assert ("Asked" in server.albums()) is left


def test_a_missing_permission_is_named_before_the_call(bench: Bench, server: Server) -> None:
    server.new_album("Trip")
    bench.key = server.new_key(["album.read", "user.read"])
    before = server.requests("albums")
    for arguments, permission in (
        (("create", "New"), "album.create"),
        (("rename", "Trip", "Rome"), "album.update"),
        (("delete", "--yes", "Trip"), "album.delete"),
        (("add", "Trip", str(uuid.uuid4())), "albumAsset.create"),
        (("remove", "Trip", str(uuid.uuid4())), "albumAsset.delete"),
    ):
        error = bench.run("albums", *arguments, code=12).error
        assert permission in error["message"]
    assert server.requests("albums") == before
    bench.key = server.new_key(["user.read"])
    assert "album.read" in bench.run("albums", "list", code=12).error["message"]


def test_a_typing_error_names_the_nearest_command(bench: Bench, server: Server) -> None:
    assert "did you mean list" in bench.run("albums", "lst", code=2).error["message"]
    assert (
        bench.run("albums", "add", "Trip", "IMG_1.jpg", code=2)
        .error["message"]
        .endswith("is not an id, like 0f8fad5b-d9cb-469f-a165-70867728950e")
    )
    told = bench.run("help", "albums", "add", json=False).stdout
    assert told.startswith("Usage: immich-transfer albums add")
    assert "Examples:" in told
