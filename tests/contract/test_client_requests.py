"""Every request the installed command sends, held against the document of the server's version.

One conversation with a sandbox of each version is kept and looked at from all sides.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from immich_transfer.sandbox.versions import RELEASES, Release
from tests.contract.schema import FOLDER, Document
from tests.sandbox_fixture import VERSIONS, SandboxProcess

Request = dict[str, Any]
Version = tuple[int, int, int]

FIRST_LOOK = "/api/server/version"
"""Asked of every server to learn its version, though the oldest have it elsewhere."""
ONLY_WAY = {("PUT", "/jobs/{name}")}
"""Deprecated, but nothing else starts a queue."""


class Talk(NamedTuple):
    """What one server was asked, and what the commands came to."""

    version: Version
    requests: list[Request]
    codes: dict[str, int]
    told: str


_TELLER = """
import json, os, sys
from immich_transfer.cli.main import run
out = os.fdopen(os.dup(1), "w", buffering=1)
said = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.dup2(said, 1), os.dup2(said, 2)
for line in sys.stdin:
    print("$", line, end="", flush=True)
    code = run(json.loads(line))
    sys.stdout.flush()
    print(code, file=out)
"""
"""Runs one command line after another, as the installed command does, in one process: a hundred of
them would take a minute to start."""


class Teller:
    """Somebody at a shell, in a home of their own."""

    def __init__(self, home: Path, box: SandboxProcess, key: str) -> None:
        self.home = home
        self.codes: dict[str, int] = {}
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(home),
            "IMMICH_URL": box.url,
            "IMMICH_API_KEY": key,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TELLER],
            cwd=home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *commands: str) -> None:
        """Each is remembered with its exit code."""
        pipe, out = self._process.stdin, self._process.stdout
        assert pipe is not None
        assert out is not None
        for command in commands:
            pipe.write(json.dumps([*command.split(), "--json"]) + "\n")
            pipe.flush()
            code = out.readline()
            assert code, (self.home / "said.txt").read_text()
            self.codes[command] = int(code)

    def end(self) -> str:
        """What all of them said."""
        self._process.communicate()
        return (self.home / "said.txt").read_text()


def _manage(teller: Teller, release: Release, asset: str) -> None:
    """What is no transfer."""
    teller.run(
        "server features",
        "server storage",
        "server statistics",
        "users list",
        "users me",
        "albums list",
        "albums show Trip",
        "albums create New",
        "albums rename New Newer",
        f"albums add Newer {asset}",
        f"albums remove Newer {asset}",
        "albums delete Newer --yes",
        "assets list",
        "assets list --trashed --details",
        f"assets show {asset}",
        f"assets original {asset} -o original.jpg",
        f"assets thumbnail {asset} --size preview -o preview.jpg",
        f"assets delete {asset} --yes",
        f"assets restore {asset}",
        "search IMG --take 3 --type image --favorites",
        "search --metadata --name a --taken-after 2000-01-01 --details",
        "search --metadata --not-in-album --make Leica --model M --city Oslo --country Norway",
        "search --metadata --archived --person Ann",
        "tags list",
        "libraries list",
        "libraries show Disk",
        "libraries statistics Disk",
        "libraries validate Disk",
        "libraries scan Disk",
        "libraries sync Disk",
        "jobs list",
        "jobs start smartSearch",
        "jobs pause smartSearch",
        "jobs resume smartSearch",
        "jobs empty smartSearch --yes",
        "jobs clear-failed smartSearch",
        "jobs wait",
    )
    for first, command in [
        ((1, 107), "server about"),
        ((1, 120), "search --metadata --rating 5"),
        ((1, 126), "search --metadata --tag x/y"),
        ((1, 126), "download -o tagged --tag x/y"),
        ((1, 131), f"assets thumbnail {asset} --size fullsize -o full.jpg"),
        ((1, 135), "search --metadata --album Trip"),
    ]:
        if release.has(first):
            teller.run(command)


def converse(box: SandboxProcess, home: Path) -> Talk:
    """A few of everything that the command line can ask of a server."""
    release = RELEASES[box.version]
    account = box.control("users", {"name": "client", "admin": True})
    for place, content in {
        "Sea/a.jpg": b"a" * 2000,
        "Sea/b.png": b"b" * 2000,
        "Sea/a.jpg.xmp": b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
        "Sea/a\\b.jpg": b"odd" * 300,
        "Hills/c.mp4": b"c" * 2000,
        "Put away/old.jpg": b"old" * 300,
    }.items():
        path = home / "photos" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    teller = Teller(home, box, account["key"])
    tag = " --tag a/b" if release.has((1, 113)) else ""
    box.record()
    teller.run("ping", f"upload photos/Sea photos/Hills --album Trip --album-from folder{tag}")
    mine = [asset for asset in box.assets() if asset["owner"] == account["id"]]
    first, second = mine[0]["id"], mine[1]["id"]
    box.control("people", {"name": "Ann", "user": account["id"], "ids": [first]})
    teller.run(
        "upload photos --visibility archive --favorite --album Away",
        "mirror -o mirrored --album Trip",
        "download -o album --album Trip --sidecars xmp",
        "download -o ann --person Ann --type image --taken-after 2000-01-01",
        f"tags add x/y {second}",
        f"libraries create Disk --path {home}/photos",
    )
    box.trash(first)
    teller.run(
        "mirror -o mirrored --album Trip --delete",
        "download -o all --all",
        "download -o found --search IMG --limit 3",
        "download -o best --favorites --archived",
        "check photos",
        "check --album Trip -o mirrored",
        "upload photos --trashed restore --pause-jobs",
    )
    _manage(teller, release, second)
    requests = box.recorded()
    return Talk(release.number, requests, teller.codes, teller.end())


@pytest.fixture(scope="module")
def talks(
    sandboxes: Callable[[str], SandboxProcess], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Talk]:
    boxes = [sandboxes(version) for version in VERSIONS]
    homes = [tmp_path_factory.mktemp("client") for _ in VERSIONS]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(VERSIONS, pool.map(converse, boxes, homes), strict=True))


@pytest.fixture(params=VERSIONS)
def talk(request: pytest.FixtureRequest, talks: dict[str, Talk]) -> Talk:
    found: Talk = talks[request.param]
    return found


@pytest.fixture
def document(talk: Talk) -> Document:
    found = Document.of(talk.version)
    if found is None:
        pytest.skip(f"no OpenAPI document of {talk.version} in {FOLDER}")
    return found


def faults_of(document: Document, request: Request) -> list[str]:
    query = [(name, value) for name, value in request["query"]]
    return list(
        document.request_faults(
            request["method"], request["path"], query, request["body"], request["fields"]
        )
    )


def test_the_commands_do_their_work(talk: Talk) -> None:
    wrong = {c: code for c, code in talk.codes.items() if code and c != "check photos"}
    assert not wrong, talk.told


def test_what_is_in_the_trash_is_seen_there(talk: Talk) -> None:
    """Before 1.115 no check tells: the assets themselves are asked for."""
    assert talk.codes["check photos"] == 4


def test_nothing_is_asked_that_the_server_does_not_have(talk: Talk) -> None:
    strange = {(r["method"], r["place"]) for r in talk.requests if r["path"] is None}
    assert strange == ({("GET", FIRST_LOOK)} if talk.version < (1, 107) else set())


def test_nothing_is_refused(talk: Talk) -> None:
    refused = [r for r in talk.requests if r["path"] is not None and (r["status"] or 0) >= 400]
    assert refused == []


def test_requests_are_as_documented(talk: Talk, document: Document) -> None:
    """Route, parameters, body and form fields of each."""
    found = {
        (r["method"], r["path"], fault): r
        for r in talk.requests
        if r["path"] is not None
        for fault in faults_of(document, r)
    }
    assert found == {}
    assert len(talk.requests) > 60


def test_deprecated_routes_only_where_there_is_no_other(talk: Talk, document: Document) -> None:
    asked = {(r["method"], r["path"]) for r in talk.requests if r["path"] is not None}
    deprecated = {route for route in asked if document.deprecated(*route)}
    if talk.version < (1, 113):
        # That document already points to /server, which answers only from 1.107 on.
        deprecated = {(m, p) for m, p in deprecated if not p.startswith("/server-info/")}
    assert deprecated <= ONLY_WAY
