"""Words of a server that could act on a terminal or forge a line are shown, not obeyed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support import Bench, Server
from tests.sandbox_fixture import SandboxProcess

from .hostile import Hostile, answer
from .told import assert_harmless, run

FORGED = "upload: all is well, nothing failed"
EVIL = f"e\x1b[31m\x1b]0;t\x07\x9b2J\u202egpj.\u2066\u200f\r\n{FORGED}\x7f\x08\u2028"

COMMANDS = (
    ("ping",),
    ("albums", "list"),
    ("albums", "show", "ALBUM"),
    ("assets", "list", "--details"),
    ("assets", "show", "ID"),
    ("search", "beach"),
    ("search", "--metadata"),
    ("tags", "list"),
    ("users", "list"),
    ("users", "me"),
    ("server",),
    ("libraries", "list"),
    ("download", "-o", "out", "--all", "-vv"),
    ("mirror", "-o", "kept", "--album", "*", "-vv", "--sidecars", "json"),
    ("check", "--all", "-o", "out", "-v"),
    ("status",),
    ("runs",),
)


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[tuple[Server, Bench, str, str]]:
    """A server where everything that has a name has this one, and a user's side of it."""
    box = SandboxProcess(tmp_path / "server", version="3.0")
    user = box.control("users", {"name": EVIL, "admin": True})
    server = Server(box, owner=user["id"], key=user["key"])
    (asset_id,) = server.seed(f"{EVIL}.jpg", size=300)
    album = server.album(EVIL, asset_id)
    yield server, Bench(tmp_path / "home", box.url, user["key"]), asset_id, album
    box.stop()


def test_names_of_every_kind(evil: tuple[Server, Bench, str, str]) -> None:
    _, bench, asset_id, album = evil
    shown = 0
    for words in COMMANDS:
        said = [{"ID": asset_id, "ALBUM": album}.get(word, word) for word in words]
        result = run(bench, *said, json=False)
        assert result.code == 0, result.told()
        lines = (result.stdout + result.stderr).splitlines()
        assert not any(line.lstrip().startswith(FORGED) for line in lines), result.told()
        shown += "all is well" in result.stdout + result.stderr
    assert shown >= 8  # the names were there to be shown


def test_json_says_all_of_it_and_is_harmless(evil: tuple[Server, Bench, str, str]) -> None:
    _, bench, asset_id, _ = evil
    listed = run(bench, "albums", "list")
    assert listed.lines[0]["name"] == EVIL
    shown = run(bench, "assets", "show", asset_id)
    assert shown.lines[0]["name"] == f"{EVIL}.jpg"
    run(bench, "download", "-o", "out", "--all", "--log-file", "log.jsonl")
    logged = bench.home.joinpath("log.jsonl").read_text("ascii")
    assert all(isinstance(json.loads(line), dict) for line in logged.splitlines())


@pytest.mark.parametrize("status", ["400 Bad", "401 No", "403 No", "404 No", "500 Oh", "503 Later"])
def test_errors(bench: Bench, server: Server, status: str) -> None:
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        message = json.dumps(
            {"message": [EVIL, EVIL], "errors": [{"message": EVIL, "path": [EVIL]}]}
        )
        hostile.play("GET /api/albums", answer(message.encode(), status=status))
        arguments = ("download", "-o", "out", "--album", "*", "--retries", "1", "--wait", "0s")
        for as_json in (True, False):
            result = run(bench, *arguments, json=as_json)
            assert result.code != 0
            lines = (result.stdout + result.stderr).splitlines()
            assert not any(line.lstrip().startswith(FORGED) for line in lines), result.told()


def test_a_name_cannot_end_its_part_of_an_upload(bench: Bench, server: Server) -> None:
    """Line breaks, quotes and a delimiter in a file's name, in its bytes and in its sidecar."""
    forged = (
        '"\r\n\r\nx\r\n------immich-transfer-3b1f0c7e9a5d4f28\r\nContent-Disposition: form-data; '
    )
    names = [
        f"{forged[:60]}.jpg",
        'a"; name="sidecarData.jpg',
        "b\r\nX-Evil: 1.jpg",
        "c\\.jpg",
        '--boundary".jpg',
    ]
    inside = (forged + 'name="isFavorite"\r\n\r\ntrue\r\n').encode()
    for number, name in enumerate(names):
        bench.write(name, b"%d" % number + inside)
    bench.write(f"{names[1]}.xmp", b"<x/>" + inside)
    result = run(bench, "upload", "photos", json=False)
    assert_harmless(result)
    assert result.code == 0, result.told()
    held = [asset for asset in server.box.assets() if asset["owner"] == server.owner]
    assert sorted(asset["originalFileName"] for asset in held) == sorted(names)
    assert not any(asset["favorite"] or asset["trashed"] for asset in held)
    assert {asset["visibility"] for asset in held} == {"timeline"}


def test_the_delimiter_of_uploads_is_not_known_before(bench: Bench, server: Server) -> None:
    """A photo made by somebody who knows it could put fields of its own into the upload."""
    seen = set()
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        for number in range(2):
            bench.write(f"{number}.jpg", b"%d" % number)
            run(bench, "upload", "photos")
        for head in hostile.heads:
            seen |= {line for line in head.splitlines() if "boundary=" in line}
    assert len(seen) == 2
