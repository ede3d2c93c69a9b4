"""A bad night in small pieces: what users, servers and power lines do, and what must hold after it.

`Night` is a world of its own: a fresh user on a server, a folder of photos, a mirrored album. Acts
change it; runs move photos, some of them killed or against faults. After every run, whatever it
was, safety is looked at: no content twice on the server, nothing under a final name that is not
whole. After a run that says 0 also liveness: everything that should be there is there, and every
line of the report is true.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from immich_transfer.failpoints import VARIABLE
from tests.e2e.support import Bench, Result, Server, photo, sha1

ALBUM = "Night"
SIZES = (900, 4_000, 30_000, 600_000)
"""Of new photos; the last one comes down in a part file."""
POINTS = {
    "in": ("http.request", "http.answer", "manifest.commit", "manifest.committed"),
    "out": (
        "http.request",
        "http.answer",
        "manifest.commit",
        "manifest.committed",
        "disk.sync",
        "disk.appear",
        "disk.link",
        "disk.move",
        "disk.unlink",
        "disk.write",
        "disk.folder-sync",
    ),
}
"""Where a plug is pulled, by the way that photos go."""
FAULTS = (
    "any:every2=502|503|504",
    "any:every3=502|503|504",
    "any:every3=reset|lost",
    "any:2-4=503,retry-after=1",
    "check:1=truncated",
    "upload:every2=reset,at=500",
    "upload:every3=lost",
    "upload:1-2=500,json",
    "album-add:1=lost",
    "albums:1=500,json",
    "original:every3=cut",
    "original:every2=short",
    "original:every4=corrupt",
    "original:1=no-range",
    "original:every3=500,json",
    "timeline:1=502",
    "search:1=reset",
    "server=away,seconds=1",
    "server=maintenance,seconds=1",
)


class Violation(AssertionError):
    """A promise that was not kept."""


class Night:
    """One world. `draw` decides what is left open; `figures` counts what was done to it."""

    def __init__(self, home: Path, server: Server, draw: random.Random, figures: Counter[str]):
        self.server = server
        self.bench = Bench(home, server.url, server.key)
        self.draw = draw
        self.figures = figures
        self.made = 0
        self.known: set[str] = set()
        """SHA-1 of all content there ever was, here or there."""
        self.strangers: set[str] = set()
        """Of files the user put into the mirror, or edited there."""
        self.bench.photos.mkdir(parents=True)
        self.bench.out.mkdir()
        self.album = self._api("POST", "albums", {"albumName": ALBUM})["id"]
        self.title = ALBUM
        self.settled = False
        """The last run was clean, and nothing was done since."""

    def _api(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.server.url}/api/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"x-api-key": self.server.key, "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            raw = answer.read()
        return json.loads(raw) if raw else None

    def _content(self) -> bytes:
        self.made += 1
        content = photo((id(self), self.made), self.draw.choice(SIZES) + self.made)
        self.known.add(sha1(content))
        return content

    def _files(self) -> list[Path]:
        return sorted(path for path in self.bench.photos.rglob("*") if path.is_file())

    def _assets(self) -> list[dict[str, Any]]:
        return list(self.server.known().values())

    # what the user does here

    def add(self) -> None:
        folder = self.bench.photos / self.draw.choice(("", "a", "a/b", "[2024] Trip"))
        folder.mkdir(parents=True, exist_ok=True)
        for _ in range(self.draw.randrange(1, 6)):
            (folder / f"IMG_{self.made:04}.jpg").write_bytes(self._content())

    def edit(self) -> None:
        for path in self.draw.sample(self._files(), min(1, len(self._files()))):
            path.write_bytes(self._content())

    def copy(self) -> None:
        for path in self.draw.sample(self._files(), min(1, len(self._files()))):
            self.made += 1
            shutil.copy2(path, path.with_name(f"copy_{self.made:04}.jpg"))

    def rename(self) -> None:
        for path in self.draw.sample(self._files(), min(1, len(self._files()))):
            self.made += 1
            path.rename(path.with_name(f"moved_{self.made:04}.jpg"))

    def delete(self) -> None:
        for path in self.draw.sample(self._files(), min(1, len(self._files()))):
            path.unlink()

    def forget(self) -> None:
        """The manifest is a cache: losing it costs time. But what it does not know to be ours is
        never removed, so from now on nobody may expect that."""
        shutil.rmtree(self.bench.state, ignore_errors=True)
        self.strangers |= set(self.bench.fetched().values())

    def disturb(self) -> None:
        """Somebody edits, deletes or adds a file in the mirrored folder."""
        files = sorted(p for p in self.bench.out.rglob("*.jpg") if p.is_file())
        content = self._content()
        self.strangers.add(sha1(content))
        act = self.draw.choice(("edit", "delete", "add"))
        if act == "add" or not files:
            (self.bench.out / f"mine_{self.made:04}.jpg").write_bytes(content)
        elif act == "edit":
            path = self.draw.choice(files)
            os.unlink(path)  # hard links: an editor writes a new file
            path.write_bytes(content)
        else:
            self.draw.choice(files).unlink()

    # what happens on the server

    def _some(self, *, trashed: bool) -> list[str]:
        ids = [asset["id"] for asset in self._assets() if asset["trashed"] is trashed]
        return self.draw.sample(ids, min(1, len(ids)))

    def trash(self) -> None:
        self.server.box.control("trash", {"ids": self._some(trashed=False)})

    def restore(self) -> None:
        self.server.box.control("restore", {"ids": self._some(trashed=True)})

    def remove(self) -> None:
        """Deleted there for good."""
        self.server.box.control("delete", {"ids": self._some(trashed=False)})

    def take_out(self) -> None:
        ids = self._some(trashed=False)
        if ids:
            self._api("DELETE", f"albums/{self.album}/assets", {"ids": ids})

    def retitle(self) -> None:
        self.title = f"Night {self.draw.randrange(3)}"
        self._api("PATCH", f"albums/{self.album}", {"albumName": self.title})

    # runs

    def command(self) -> tuple[str, ...]:
        """A run with flags of the moment."""
        kind = self.draw.choice(("upload", "upload", "mirror", "mirror", "download", "check"))
        if kind == "upload":
            flags = ["--album", self.title]
            flags += self.draw.choice(([], [], ["--checksum"], ["--transfers", "2"]))
            return ("upload", "photos", *flags)
        if kind == "check":
            return ("check", "photos")
        flags = ["-o", "out", "--album-id", self.album]
        if kind == "mirror":
            flags += self.draw.choice(([], ["--delete", "--max-delete", "100%"]))
        return (kind, *flags, *self.draw.choice(([], [], ["--checksum"])))

    def run_clean(self, command: tuple[str, ...] | None = None) -> Result:
        """Nothing goes wrong: what the run says must be true, and complete when it says 0."""
        command = command or self.command()
        self.server.clear_faults()
        result = self.bench.run(*command, code=None)
        self.figures["clean runs"] += 1
        self._judge(command, result)
        self._safe()
        return result

    def run_against_faults(self) -> None:
        """Requests fail, bodies break, the server goes: nothing is lost or told wrongly."""
        faults = self.draw.sample(FAULTS, self.draw.randrange(1, 4))
        command = self.command()
        self.server.box.faults(*faults)
        result = self.bench.run(*command, "--wait", "20s", code=None)
        self._calm()
        self.figures["runs against faults"] += 1
        if result.code not in (0, 3, 4, 5, 8):
            raise Violation(f"{command} against {faults}: {result.told()}")
        self._judge(command, result)
        self._safe()

    def run_killed(self) -> None:
        """The plug is pulled at a named point."""
        command = self.command()
        kind = "out" if command[0] in ("mirror", "download") else "in"
        armed = f"{self.draw.choice(POINTS[kind])}#{self.draw.randrange(1, 6)}"
        if self.draw.random() < 0.5:
            self.server.box.faults(*self.draw.sample(FAULTS[:16], 1))
        running = self.bench.start(*command, "--wait", "20s", env={VARIABLE: armed})
        result = running.finish(checked=False)
        self._calm()
        if result.code == -signal.SIGKILL:
            self.figures["kills"] += 1
        else:
            self.figures["runs that were over before their kill"] += 1
        self._safe()

    def _calm(self) -> None:
        """No more faults; the server is there again."""
        ends = time.monotonic() + 30
        while True:
            try:
                self.figures["faults"] += self.server.box.stats()["faults"]
                break
            except OSError:  # it is away for a moment yet
                if time.monotonic() > ends:
                    raise
                time.sleep(0.1)
        self.server.clear_faults()

    def rehearse(self) -> None:
        """A dry run writes nothing, here or there (law 9)."""
        command = self.command()
        if command[0] == "check":
            return
        before = (self.server.box.state(), _tree(self.bench.home))
        result = self.bench.run(*command, "--dry-run", code=None)
        self.figures["dry runs"] += 1
        if (self.server.box.state(), _tree(self.bench.home)) != before:
            raise Violation(f"a dry run changed something: {command} {result.told()}")

    def settle(self) -> None:
        """A quiet morning: two clean runs, and everything is where it belongs."""
        up = self.run_clean(("upload", "photos", "--album", self.title))
        if up.code != 0:
            raise Violation(f"a clean upload ended with {up.told()}")
        flags = ("-o", "out", "--album-id", self.album, "--delete", "--max-delete", "100%")
        down = self.run_clean(("mirror", *flags))
        if down.code != 0:
            raise Violation(f"a clean mirror ended with {down.told()}")
        again = self.run_clean(("mirror", *flags))
        if again.summary["bytes_received"] or set(again.outcomes) - {"unchanged", "skipped"}:
            raise Violation(f"the second of two mirrors had work to do: {again.told()}")
        stray = list(self.bench.out.rglob("*.part"))
        if stray:
            raise Violation(f"part files after clean runs: {stray}")

    # what must hold

    def _safe(self) -> None:
        """Whatever was done: nothing twice, nothing torn."""
        for checksum, count in self.server.held().items():
            if count > 1:
                raise Violation(f"{checksum} is on the server {count} times")
        for path in self.bench.out.rglob("*"):
            if path.is_file() and not path.name.endswith(".part") and not path.name.startswith("."):
                found = sha1(path.read_bytes())
                if found not in self.known:
                    raise Violation(f"{path} has a final name and holds what nobody made")

    def _judge(self, command: tuple[str, ...], result: Result) -> None:
        """Every line is true, and 0 means all of it."""
        if not result.lines or result.lines[-1]["type"] != "summary":
            return
        held = self.server.held()
        trashed = {a["checksum"] for a in self._assets() if a["trashed"]}
        told = f"{command} {result.told()}"
        for item in result.items():
            checksum, outcome = item.get("sha1", ""), item["outcome"]
            if outcome in ("uploaded", "duplicate", "equal") and held.get(checksum) != 1:
                raise Violation(f"{outcome}, but not there: {item}\n{told}")
            if outcome == "trashed" and checksum not in trashed:
                raise Violation(f"trashed, but not in the trash: {item}\n{told}")
            if outcome in ("downloaded", "unchanged", "moved"):
                path = self.bench.out / item["path"]
                if not path.is_file() or sha1(path.read_bytes()) != checksum:
                    raise Violation(f"{outcome}, but not on disk: {item}\n{told}")
        if result.code != 0:
            return
        if command[0] == "upload":
            for path in self._files():
                checksum = sha1(path.read_bytes())
                outcome = result.item(path.relative_to(self.bench.home).as_posix())["outcome"]
                there = held.get(checksum) == 1
                if there is not (outcome in ("uploaded", "duplicate")):
                    raise Violation(f"exit 0, {path} is {outcome}, on the server: {there}\n{told}")
        elif command[0] in ("mirror", "download"):
            wanted = self._in_album()
            here = {sha1(path.read_bytes()) for path in self.bench.out.rglob("*.jpg")}
            if wanted - here:
                raise Violation(f"exit 0, but {wanted - here} of the album are not here\n{told}")
            if "--delete" in command and here - wanted - self.strangers:
                raise Violation(f"exit 0, but {here - wanted} did not leave\n{told}")
        elif command[0] == "check":
            missing = [p for p in self._files() if held.get(sha1(p.read_bytes())) != 1]
            if missing:
                raise Violation(f"check says 0, but {missing} are not there\n{told}")

    def _in_album(self) -> set[str]:
        state = self.server.box.state()
        ids = next(set(a["assets"]) for a in state["albums"] if a["id"] == self.album)
        return {a["checksum"] for a in state["assets"] if a["id"] in ids and not a["trashed"]}


ACTS = (
    Night.add,
    Night.add,
    Night.edit,
    Night.copy,
    Night.rename,
    Night.delete,
    Night.forget,
    Night.disturb,
    Night.trash,
    Night.restore,
    Night.remove,
    Night.take_out,
    Night.retitle,
)
RUNS = (
    Night.run_killed,
    Night.run_killed,
    Night.run_killed,
    Night.run_against_faults,
    Night.run_against_faults,
    Night.run_clean,
    Night.rehearse,
)


def _tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Names, sizes and times of all files; SQLite's shared memory is not content."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(("-shm", "-wal")):
            status = path.lstat()
            found[str(path)] = (status.st_size, status.st_mtime_ns)
    return found
