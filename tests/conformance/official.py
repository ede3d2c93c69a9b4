"""Immich's own command-line client, from npm, with a Node new enough for it.

Today's sends no device ids, which a 2.7 server refuses (recorded on 2.7.5): there the client of
that time is used when the registry has it, and today's must be refused, nothing stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers import Missing, cli_version, install_cli
from tests.sandbox_fixture import SandboxProcess

from .photos import FOLDERS, held, in_album, make_photos, sha1_of
from .record import HOME, Record
from .running import installed, run
from .talks import Talk

OF_2_7 = ">=2.2.0 <3"
"""Clients that speak to servers from 1.106 on, up to the last 2.x."""


@dataclass
class Client:
    """The official client with a home of its own."""

    node: str
    script: str
    server: SandboxProcess
    home: Path
    record: Record
    said: str = field(default="", init=False)

    def run(self, *arguments: str, signed_in: bool = False) -> int:
        """Exit code; what it said is in `said`. Unless signed in, URL and key are in the
        environment."""
        environment = {"IMMICH_CONFIG_DIR": str(self.home / "config")}
        if not signed_in:
            environment["IMMICH_INSTANCE_URL"] = f"{self.server.url}/api"
            environment["IMMICH_API_KEY"] = self.server.key
        code, self.said = run([self.node, self.script, *arguments], self.home, environment)
        self.record.note(f"$ immich {' '.join(arguments)}\n{self.said}\nexit {code}")
        return code


def talks(record: Record) -> list[Talk] | Missing:
    """Which client speaks to which server."""
    today = installed((HOME / "today").absolute(), install_cli)
    if isinstance(today, Missing):
        return today
    old = installed((HOME / "of-2.7").absolute(), lambda folder: install_cli(folder, OF_2_7))
    found = [_talk(today, "3.0", _conversation, record), _talk(today, "2.7", _refusal, record)]
    if isinstance(old, Missing):
        record.say(f"No official client of the 2.7 time, its part is left out: {old.reason}")
    else:
        found.append(_talk(old, "2.7", _conversation, record))
    return found


def _talk(
    client: tuple[str, str],
    version: str,
    speak: Callable[[Client, Path, Record], None],
    record: Record,
) -> Talk:
    node, script = client

    def work(server: SandboxProcess, home: Path) -> None:
        speak(Client(node, script, server, home / "client", record), home / "photos", record)

    return Talk(f"official client {cli_version(node, script)}", version, work)


def _conversation(client: Client, photos: Path, record: Record) -> None:
    """Everything the client can do with a server that takes its uploads."""
    server, check = client.server, record.check
    made = make_photos(photos)
    everything = Counter(made.values())

    code = client.run("server-info")
    check("server-info", code == 0 and "ersion" in client.said, client.said)
    code = client.run("login-key", f"{server.url}/api", server.key, signed_in=True)
    check("login with a key", code == 0, client.said)

    upload = ("upload", "--recursive", "--concurrency", "4")
    code = client.run(*upload, "--album-name", "Summer", str(photos), signed_in=True)
    state = server.state()
    check("upload ends well", code == 0, client.said)
    check("the server holds exactly the files", held(state) == everything, client.said)
    names = Counter(asset["originalFileName"] for asset in state["assets"])
    check("under their own names", names == Counter(path.name for path in made), str(names))
    check("all in the album", in_album(state, "Summer") == everything, client.said)
    bodies = server.stats()["upload_bodies"]
    check("each sent once", bodies == len(made), f"{bodies} bodies")

    code = client.run(*upload, "--album-name", "Summer", str(photos))
    said = f"{len(made)} duplicates"
    check("again: sees duplicates", code == 0 and said in client.said, client.said)
    check("again: sends no body", server.stats()["upload_bodies"] == bodies)
    check("again: the server is the same", server.state() == state)

    code = client.run(*upload, "--album", str(photos))
    state = server.state()
    for below in FOLDERS:
        wanted = Counter(sha1 for path, sha1 in made.items() if path.parent.name == below)
        check(f"album of folder {below}", in_album(state, below) == wanted, client.said)

    extra = photos / "Sea" / "late.jpg"
    extra.write_bytes(b"late" * 1000)
    made[extra] = sha1_of(extra)
    client.run(*upload, "--skip-hash", str(photos))
    check("without hashing: one copy each", held(server.state()) == Counter(made.values()))
    before = server.stats()["upload_bodies"]
    client.run(*upload, "--dry-run", str(photos))
    check("a dry run sends nothing", server.stats()["upload_bodies"] == before)


def _refusal(client: Client, photos: Path, record: Record) -> None:
    """Today's client and a 2.7 server: refused for the missing device ids, nothing stored."""
    make_photos(photos)
    client.run("upload", "--recursive", str(photos))
    refused = "deviceAssetId must be a string" in client.said
    record.check("today's client is refused as by 2.7.5", refused, client.said)
    record.check("nothing is stored", client.server.state()["assets"] == [])
