"""A bad night in small pieces: what users, servers and power lines do.

`Night` is a world of its own: a fresh user on a server, a folder of photos, a mirrored album. Acts
change it; runs move photos, some of them killed or against faults. What must hold after every run
is in `promises.py`; who chooses what happens next is in `machine.py`.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from immich_transfer.failpoints import VARIABLE
from tests.e2e.support import Bench, Result, Running, Server, photo, sha1, until

from . import promises
from .promises import Scenery, Violation, World
from .scenes import api

ALBUM = "Night"
SIZES = (900, 4_000, 30_000, 600_000)
"""Of new photos; the last one comes down in a part file."""
FOLDERS = (".", "a", "a/b", "[2024] Trip")

EVERYWHERE = ("http.request", "http.answer", "manifest.commit", "manifest.committed")
ON_DISK = (
    *("disk.sync", "disk.appear", "disk.link", "disk.write"),
    *("disk.move", "disk.unlink"),
)
POINTS = {
    "upload": (*EVERYWHERE, *EVERYWHERE, "disk.remove-source"),
    "check": EVERYWHERE,
    "download": (*EVERYWHERE, *ON_DISK),
    "mirror": (*EVERYWHERE, *ON_DISK, "disk.folder-sync"),
}
"""Where the plug is pulled."""
FAULTS = (
    "any:every2=502|503|504",
    "any:every3=502|503|504",
    "any:every2=reset|lost|503",
    "any:2-4=503,retry-after=1",
    "check:1=truncated",
    "upload:every2=reset,at=500",
    "upload:every3=lost",
    "upload:1-2=500,json",
    "upload:every2=503,early",
    "album-add:1=lost",
    "albums:1=500,json",
    "original:every3=cut",
    "original:every2=short",
    "original:every4=corrupt",
    "original:1=no-range",
    "original:every2=etag",
    "original:every3=500,json",
    "timeline:1=502",
    "search:1=reset",
    "server=away,seconds=1",
    "server=maintenance,seconds=1",
)
PATIENT = ("--wait", "20s")
HONEST = (0, 3, 4, 5, 8)
"""Ends that a run against faults may have; all else would be a wrong word for trouble."""


class Night:
    """One world; `figures` counts what was done to it."""

    def __init__(
        self, home: Path, server: Server, figures: Counter[str], refused: str = ""
    ) -> None:
        """`refused` is what the system refuses to every run, as failpoints."""
        self.server = server
        self.refused = refused
        self.bench = Bench(home, server.url, server.key)
        self.figures = figures
        self.made = 0
        self.world = World(set(), set())
        self.orphans: set[Path] = set()
        self.bench.photos.mkdir(parents=True)
        self.bench.out.mkdir()
        self.album = str(api(server, "POST", "albums", {"albumName": ALBUM})["id"])
        self.title = ALBUM

    # what the user does here

    def _content(self, size: int) -> bytes:
        self.made += 1
        content = photo((self.server.owner, self.made), size + self.made)
        self.world.known.add(sha1(content))
        return content

    def _file(self, which: int) -> Path | None:
        files = sorted(path for path in self.bench.photos.rglob("*") if path.is_file())
        return files[which % len(files)] if files else None

    def add(self, folder: str, sizes: Sequence[int]) -> None:
        place = self.bench.photos / folder
        place.mkdir(parents=True, exist_ok=True)
        for size in sizes:
            content = self._content(size)
            (place / f"IMG_{self.made:04}.jpg").write_bytes(content)

    def edit(self, which: int) -> None:
        if path := self._file(which):
            path.write_bytes(self._content(4_000))

    def copy(self, which: int) -> None:
        if path := self._file(which):
            self.made += 1
            shutil.copy2(path, path.with_name(f"copy_{self.made:04}.jpg"))

    def rename(self, which: int) -> None:
        if path := self._file(which):
            self.made += 1
            path.rename(path.with_name(f"moved_{self.made:04}.jpg"))

    def delete(self, which: int) -> None:
        if path := self._file(which):
            path.unlink()

    def forget(self) -> None:
        """The manifest is a cache: losing it costs time. But what it does not know to be ours is
        never removed, so from now on nobody may expect that. Nor does anybody know of its part
        files then, unless their assets come down again."""
        self.orphans.update(self.bench.out.rglob("*.part"))
        shutil.rmtree(self.bench.state, ignore_errors=True)
        self.world.strangers.update(self.bench.fetched().values())

    def _mirrored(self, which: int) -> Path | None:
        files = sorted(path for path in self.bench.out.rglob("*.jpg") if path.is_file())
        return files[which % len(files)] if files else None

    def put_into_mirror(self, which: int) -> None:
        content = self._content(4_000)
        self.world.strangers.add(sha1(content))
        (self.bench.out / f"mine_{self.made:04}.jpg").write_bytes(content)

    def edit_in_mirror(self, which: int) -> None:
        if path := self._mirrored(which):
            content = self._content(4_000)
            self.world.strangers.add(sha1(content))
            sidecar = path.with_name(f"{path.name}.xmp")
            if sidecar.exists():
                self.world.strangers.add(sha1(sidecar.read_bytes()))
            os.unlink(path)  # hard links: an editor writes a new file
            path.write_bytes(content)

    def delete_in_mirror(self, which: int) -> None:
        if path := self._mirrored(which):
            path.unlink()

    # what happens on the server

    def _asset(self, which: int, *, trashed: bool = False) -> list[str]:
        ids = [a["id"] for a in self.server.known().values() if a["trashed"] is trashed]
        return [ids[which % len(ids)]] if ids else []

    def trash(self, which: int) -> None:
        self.server.box.control("trash", {"ids": self._asset(which)})

    def restore(self, which: int) -> None:
        self.server.box.control("restore", {"ids": self._asset(which, trashed=True)})

    def remove(self, which: int) -> None:
        """Deleted there for good."""
        self.server.box.control("delete", {"ids": self._asset(which)})

    def put_into_album(self, which: int) -> None:
        api(self.server, "PUT", f"albums/{self.album}/assets", {"ids": self._asset(which)})

    def take_out_of_album(self, which: int) -> None:
        if ids := self._asset(which):
            api(self.server, "DELETE", f"albums/{self.album}/assets", {"ids": ids})

    def retitle(self, which: int) -> None:
        self.title = f"Night {which % 3}"
        api(self.server, "PATCH", f"albums/{self.album}", {"albumName": self.title})

    def restart(self, which: int) -> None:
        """The server dies and comes back."""
        self.server.restart()
        self.figures["server restarts"] += 1

    # runs

    def whole(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """The command with what only this world knows: its folders and its album."""
        match command[0]:
            case "upload":
                return ("upload", "photos", "--album", self.title, *command[1:])
            case "check":
                return ("check", "photos", *command[1:])
            case kind:
                return (kind, "-o", "out", "--album-id", self.album, *command[1:])

    def _start(self, *command: str, at: str = "") -> Running:
        return self.bench.start(*command, env={VARIABLE: f"{at},{self.refused}"})

    def _run(self, *command: str) -> Result:
        return self._start(*command).finish()

    @contextmanager
    def _watched(self, command: tuple[str, ...]) -> Iterator[None]:
        """Safety before and after."""
        before = Scenery.of(self.bench)
        yield
        after = Scenery.of(self.bench)
        self.figures["runs"] += 1
        promises.safe(command, before, after, self.server.held(), self.world)

    def _judge(self, command: tuple[str, ...], result: Result) -> None:
        promises.true(command, result, self.bench, self.server, self.world, self.album)

    def run_clean(self, command: tuple[str, ...]) -> Result:
        """Nothing goes wrong: what the run says must be true, and complete when it says 0."""
        command = self.whole(command)
        with self._watched(command):
            result = self._run(*command)
        self.figures["clean runs"] += 1
        self._judge(command, result)
        return result

    def run_against_faults(self, command: tuple[str, ...], faults: Sequence[str]) -> None:
        """Requests fail, bodies break, the server goes: nothing is lost or told wrongly."""
        command = self.whole(command)
        with self._watched(command):
            self.server.box.faults(*faults)
            result = self._run(*command, *PATIENT)
            self._calm()
        self.figures["runs against faults"] += 1
        if result.code not in HONEST:
            raise Violation(f"{command} against {faults}: {result.told()}")
        self._judge(command, result)

    def run_killed(self, command: tuple[str, ...], at: str, faults: Sequence[str]) -> None:
        """The plug is pulled at a named point."""
        command = self.whole(command)
        with self._watched(command):
            self.server.box.faults(*faults)
            result = self._start(*command, *PATIENT, at=at).finish(checked=False)
            self._calm()
        killed = result.code == -signal.SIGKILL
        self.figures["kills" if killed else "runs that were over before their kill"] += 1

    def run_while_the_server_dies(self, command: tuple[str, ...], requests: int) -> None:
        """SIGKILL of the server after so many requests; it is started again at once."""
        command = self.whole(command)
        with self._watched(command):
            self.server.box.reset_stats()
            running = self._start(*command, *PATIENT)
            until(lambda: _over(running) or self.server.requests() >= requests)
            self.server.restart()
            self.figures["server restarts"] += 1
            result = running.finish()
        self.figures["runs while the server died"] += 1
        if result.code not in HONEST:
            raise Violation(f"{command}: {result.told()}")
        self._judge(command, result)

    def _calm(self) -> None:
        """No more faults; the server is there again."""
        ends = time.monotonic() + 60
        while True:
            try:
                self.figures["faults"] += self.server.box.stats()["faults"]
                break
            except OSError:  # it is away for a moment yet
                if time.monotonic() > ends:
                    raise
                time.sleep(0.05)
        self.server.clear_faults()
        until(self._well)

    def _well(self) -> bool:
        """Maintenance is over, too."""
        try:
            api(self.server, "GET", f"albums/{self.album}")
        except urllib.error.HTTPError as refused:
            refused.close()
            return False
        return True

    def rehearse(self, command: tuple[str, ...]) -> None:
        """A dry run writes nothing, here or there (law 9)."""
        command = self.whole(command)
        before = (self.server.box.state(), _tree(self.bench.home))
        result = self._run(*command, "--dry-run")
        self.figures["runs"] += 1
        self.figures["dry runs"] += 1
        if (self.server.box.state(), _tree(self.bench.home)) != before:
            raise Violation(f"a dry run changed something: {command} {result.told()}")

    def settle(self) -> None:
        """A quiet morning: clean runs, and everything is where it belongs."""
        up = self.run_clean(("upload",))
        if up.code != 0:
            raise Violation(f"a clean upload ended with {up.told()}")
        all_of_it = ("mirror", "--delete", "--max-delete", "100%")
        down = self.run_clean(all_of_it)
        if down.code != 0:
            raise Violation(f"a clean mirror ended with {down.told()}")
        again = self.run_clean(all_of_it)
        if again.summary["bytes_received"] or set(again.outcomes) - {"unchanged", "skipped"}:
            raise Violation(f"the second of two mirrors had work to do: {again.told()}")
        stray = set(self.bench.out.rglob("*.part")) - self.orphans
        if stray:
            raise Violation(f"part files after clean runs: {stray}")
        seen = self.server.box.stats()
        self.figures["bytes"] += seen["upload_bytes"] + seen["original_bytes"]


def _over(running: Running) -> bool:
    return running.process.poll() is not None


def _tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Names, sizes and times of all files; SQLite's shared memory is not content."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(("-shm", "-wal")):
            status = path.lstat()
            found[str(path)] = (status.st_size, status.st_mtime_ns)
    return found
