"""`python -m tests.conformance`: Immich's own command-line client against the sandbox.

The client comes from npm into `.conformance/`, with a Node new enough for it. Whatever it asks the
sandbox must answer as a server would, and afterwards the sandbox must hold exactly what was on
disk. Today's client sends no device ids, which a 2.7 server refuses (recorded on 2.7.5): there the
client of that time is used when the registry has it, and today's must be refused, nothing stored.

Exit codes: 0 all passed, 1 something failed, 3 the client cannot be had here.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import Missing, cli_version, install_cli
from benchmarks.server import Server

HOME = Path(".conformance")
OF_2_7 = ">=2.2.0 <3"
"""Clients that speak to servers from 1.106 on, up to the last 2.x."""
TIMEOUT = 120


@dataclass
class Tally:
    """Counts, and says each check as it is made."""

    passed: int = 0
    failed: int = 0

    def check(self, what: str, true: bool, told: str = "") -> None:
        self.passed += true
        self.failed += not true
        print(f"  {'ok  ' if true else 'FAIL'} {what}", flush=True)
        if not true and told:
            print("".join(f"       {line}\n" for line in told.strip().splitlines()[-12:]), end="")


@dataclass
class Client:
    """The official client with a home of its own."""

    node: str
    script: str
    server: Server
    home: Path
    said: str = field(default="", init=False)

    def run(self, *arguments: str, signed_in: bool = False) -> int:
        """Exit code; what it said is in `said`. Unless signed in, URL and key are in the
        environment."""
        self.home.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.home),
            "IMMICH_CONFIG_DIR": str(self.home / "config"),
        }
        if not signed_in:
            environment["IMMICH_INSTANCE_URL"] = f"{self.server.url}/api"
            environment["IMMICH_API_KEY"] = self.server.key
        done = subprocess.run(
            [self.node, self.script, *arguments],
            env=environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        self.said = done.stdout
        return done.returncode


def make_photos(folder: Path) -> dict[Path, str]:
    """Two folders of files in several kinds and sizes, names beyond ASCII too: SHA-1 by path."""
    made: dict[Path, str] = {}
    draw = random.Random("conformance")
    names = ("IMG_1.jpg", "IMG_2.JPG", "Zoë am Meer.png", "clip.mp4", "raw (1).dng", "写真.heic")
    for below in ("Sea", "Mountains"):
        (folder / below).mkdir(parents=True)
        for name in names:
            content = draw.randbytes(draw.randrange(1_000, 300_000))
            path = folder / below / name
            path.write_bytes(content)
            made[path] = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return made


def held(state: dict[str, Any]) -> Counter[str]:
    """SHA-1 of everything on the server, as often as it is there."""
    return Counter(asset["checksum"] for asset in state["assets"])


def in_album(state: dict[str, Any], name: str) -> Counter[str]:
    """What the album holds; empty when there is none of that name, or more than one."""
    albums = [album for album in state["albums"] if album["name"] == name]
    if len(albums) != 1:
        return Counter()
    known = {asset["id"]: asset["checksum"] for asset in state["assets"]}
    return Counter(known[asset_id] for asset_id in albums[0]["assets"])


def conversation(client: Client, photos: Path, tally: Tally) -> None:
    """Everything the client can do with a server that takes its uploads."""
    server = client.server
    made = make_photos(photos)
    everything = Counter(made.values())

    code = client.run("server-info")
    tally.check("server-info", code == 0 and "ersion" in client.said, client.said)
    code = client.run("login-key", f"{server.url}/api", server.key, signed_in=True)
    tally.check("login with a key", code == 0, client.said)

    upload = ("upload", "--recursive", "--concurrency", "4")
    code = client.run(*upload, "--album-name", "Summer", str(photos), signed_in=True)
    state = server.state()
    tally.check("upload ends well", code == 0, client.said)
    tally.check("the server holds exactly the files", held(state) == everything, client.said)
    names = Counter(asset["originalFileName"] for asset in state["assets"])
    tally.check("under their own names", names == Counter(path.name for path in made), str(names))
    tally.check("all in the album", in_album(state, "Summer") == everything, client.said)
    bodies = server.stats().bodies
    tally.check("each sent once", bodies == len(made), f"{bodies} bodies")

    code = client.run(*upload, "--album-name", "Summer", str(photos))
    said = f"{len(made)} duplicates"
    tally.check("again: sees duplicates", code == 0 and said in client.said, client.said)
    tally.check("again: sends no body", server.stats().bodies == bodies)
    tally.check("again: the server is the same", server.state() == state)

    code = client.run(*upload, "--album", str(photos))
    state = server.state()
    for below in ("Sea", "Mountains"):
        wanted = Counter(sha1 for path, sha1 in made.items() if path.parent.name == below)
        tally.check(f"album of folder {below}", in_album(state, below) == wanted, client.said)

    extra = photos / "Sea" / "late.jpg"
    extra.write_bytes(b"late" * 1000)
    made[extra] = hashlib.sha1(extra.read_bytes(), usedforsecurity=False).hexdigest()
    client.run(*upload, "--skip-hash", str(photos))
    tally.check("without hashing: one copy each", held(server.state()) == Counter(made.values()))
    before = server.stats().bodies
    client.run(*upload, "--dry-run", str(photos))
    tally.check("a dry run sends nothing", server.stats().bodies == before)


def refusal(client: Client, photos: Path, tally: Tally) -> None:
    """Today's client and a 2.7 server: refused for the missing device ids, nothing stored."""
    make_photos(photos)
    client.run("upload", "--recursive", str(photos))
    refused = "deviceAssetId must be a string" in client.said
    tally.check("today's client is refused as by 2.7.5", refused, client.said)
    tally.check("nothing is stored", client.server.state()["assets"] == [])


def main() -> int:
    tally = Tally()
    today = install_cli((HOME / "today").absolute())
    if isinstance(today, Missing):
        print(f"The official client cannot be installed: {today.reason}")
        return 3
    old = install_cli((HOME / "of-2.7").absolute(), OF_2_7)
    talks = [("3.0", today, conversation), ("2.7", today, refusal)]
    if isinstance(old, Missing):
        print(f"No client of the 2.7 time, its part is left out: {old.reason}")
    else:
        talks.append(("2.7", old, conversation))
    for version, (node, script), talk in talks:
        print(f"Client {cli_version(node, script)}, sandbox {version}", flush=True)
        with tempfile.TemporaryDirectory(prefix="talk-", dir=HOME) as folder:
            home = Path(folder).absolute()
            with Server(home / "server", version) as server:
                talk(Client(node, script, server, home / "client"), home / "photos", tally)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
