"""The runs in which the fault matrix asks its calls: an upload, a restore, a mirror, a question.

Each scene has a server of its own user, starts a command, and knows what must hold after it
whatever went wrong, and after the same command ran again with nothing wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.e2e.support import Bench, Result, Server, photo, sha1
from tests.sandbox_fixture import SandboxProcess

CLOCK = Path(__file__).with_name("jumping_clock")
"""On PYTHONPATH it makes the wall clock of a process jump; see its sitecustomize.py."""
LARGE = 30_000
"""Bytes of the one photo that a lasting fault of one photo hits; the others have 2,000."""
NAMES = ("a.jpg", "b.mp4", "c.jpg")
ONE = "b.mp4"
ALBUM, TAG = "Sea", "Trips/2024"


class Scene:
    """One command and what it is about. `arguments` come before those of the cell."""

    arguments: tuple[str, ...] = ()

    def __init__(self, box: SandboxProcess, home: Path) -> None:
        user = box.control("users", {"name": "matrix", "admin": True})
        self.box = box
        self.server = Server(box, owner=user["id"], key=user["key"])
        self.bench = Bench(home, box.url, user["key"])
        self.prepare()
        box.reset_stats()

    def prepare(self) -> None:
        """What is there before."""

    def run(self, *arguments: str, code: int | None = None, url: str | None = None) -> Result:
        self.bench.url = url or self.box.url
        return self.bench.run(*self.arguments, *arguments, code=code)

    def jump(self) -> None:
        """From now on the clock of every command jumps a day ahead and an hour back."""
        self.bench.environment["PYTHONPATH"] = str(CLOCK)

    def told_true(self, result: Result) -> None:
        """What must hold whatever went wrong: nothing doubled, nothing torn, nothing made up."""

    def whole(self) -> None:
        """Everything that was asked for is there, once."""

    def whole_but_one(self) -> None:
        """Everything but the one photo that a fault hit."""

    def leave(self) -> None:
        """Nothing of this scene is left on the server."""
        self.server.delete_everything()


class Up(Scene):
    """Photos into an album and under a tag, with the server's heavy queues paused meanwhile."""

    arguments: tuple[str, ...] = (
        "upload",
        "photos",
        "--album",
        ALBUM,
        "--tag",
        TAG,
        "--pause-jobs",
    )

    def prepare(self) -> None:
        self.sums = {
            name: sha1(
                self.bench.write(name, photo(name, LARGE if name == ONE else 2000)).read_bytes()
            )
            for name in NAMES
        }

    def told_true(self, result: Result) -> None:
        held = self.server.held()
        assert set(held.values()) <= {1}, f"doubled: {held}"
        assert set(held) <= set(self.sums.values())
        for item in (*result.items("uploaded"), *result.items("duplicate")):
            assert item["sha1"] in held, item

    def whole(self) -> None:
        everything = set(self.sums.values())
        assert self.server.held() == dict.fromkeys(everything, 1)
        assert self.server.albums()[ALBUM] == [everything]
        assert self.server.tags() == {TAG: everything}
        assert not any(self.box.state()["queues"].values()), "a queue stayed paused"

    def photos_whole(self) -> None:
        assert self.server.held() == dict.fromkeys(self.sums.values(), 1)

    def whole_but_one(self) -> None:
        there = {checksum for name, checksum in self.sums.items() if name != ONE}
        held = self.server.held()
        assert set(held.values()) == {1}
        # Where only the answer was lost, the server has it.
        assert there <= set(held) <= set(self.sums.values())
        assert self.server.albums()[ALBUM] == [there]


class Restored(Up):
    """The photos lie in the server's trash and are taken out of it."""

    arguments: tuple[str, ...] = ("upload", "photos", "--trashed", "restore")

    def prepare(self) -> None:
        super().prepare()
        self.bench.upload()
        self.box.trash(*self.server.known())

    def whole(self) -> None:
        assert self.server.held() == dict.fromkeys(self.sums.values(), 1)


class Replaced(Restored):
    """The photos lie in the trash, are deleted there for good, and go up anew."""

    arguments: tuple[str, ...] = ("upload", "photos", "--trashed", "reupload")


class Down(Scene):
    """An album and the library to a folder, kept alike."""

    arguments: tuple[str, ...] = ("mirror", "-o", "out", "--album", ALBUM, "--all")

    def prepare(self) -> None:
        ids = [self.server.seed(n, size=LARGE if n == ONE else 2000, album=ALBUM)[0] for n in NAMES]
        self.sums = dict(zip(NAMES, self.server.sums(ids), strict=True))

    def wanted(self) -> dict[str, str]:
        return self.sums

    def told_true(self, result: Result) -> None:
        wanted = self.wanted()
        for path, checksum in self.bench.fetched().items():
            name = path.rpartition("/")[2]
            assert name.endswith(".part") or wanted[name] == checksum, f"torn: {path}"
        for item in (*result.items("downloaded"), *result.items("unchanged")):
            assert (self.bench.out / item["path"]).is_file(), item

    def whole(self) -> None:
        found = self.bench.fetched()
        assert sorted(found.values()) == sorted([*self.wanted().values()] * self.places)

    def whole_but_one(self) -> None:
        found = sorted(self.bench.fetched().values())
        # Which of them a search misses is chance.
        (lost,) = set(self.wanted().values()) - set(found)
        there = [checksum for checksum in self.wanted().values() if checksum != lost]
        assert found == sorted(there * self.places)

    places = 2
    """Folders that every photo is in."""


class Found(Down):
    """The favourites under a tag, by a search."""

    arguments: tuple[str, ...] = ("mirror", "-o", "out", "--favorites")
    places = 1

    def prepare(self) -> None:
        super().prepare()
        self.server.edit(*self.server.known(), favorite=True)


class About(Scene):
    """A question of the command line alone: how the server was built."""

    arguments: tuple[str, ...] = ("server", "about")


class Features(Scene):
    """The same: what is switched on."""

    arguments: tuple[str, ...] = ("server", "features")


SCENES: Mapping[str, type[Scene]] = {
    scene.__name__: scene for scene in (Up, Restored, Replaced, Down, Found, About, Features)
}
