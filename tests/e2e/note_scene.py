"""A fresh admin's side of one row of the users' notes."""

from __future__ import annotations

from tests.sandbox_fixture import SandboxProcess

from .support import Bench, Photos, make_files, sha1


class Scene:
    """A fresh admin's side of one row: what a command may name in braces, made when it does."""

    def __init__(self, box: SandboxProcess, bench: Bench, user: str) -> None:
        self.box = box
        self.bench = bench
        self.user = user
        self.local: Photos = {}
        """What was put into folders here, by name."""
        body = {"user": user, "bytes": 300, "names": ["beach.jpg", "hills.jpg"]}
        self.ids: list[str] = box.control("seed", body)["ids"]

    def __getitem__(self, name: str) -> str:
        return str(getattr(self, name))

    @property
    def url(self) -> str:
        return f"{self.box.url}/api"

    @property
    def key(self) -> str:
        return self.bench.key

    @property
    def asset(self) -> str:
        return self.ids[0]

    @property
    def album(self) -> str:
        """Trip, with the second photo in it."""
        return self._album("Trip")

    @property
    def album_name(self) -> str:
        self._album("Trip")
        return "Trip"

    @property
    def photos(self) -> str:
        """A folder of three photos."""
        folder = self.bench.home / "Pictures"
        self.local = make_files(folder, 3, seed=self.user, kinds=(".jpg",))
        return str(folder)

    @property
    def photo(self) -> str:
        return f"{self.photos}/IMG_0001.jpg"

    @property
    def output(self) -> str:
        return str(self.bench.out)

    @property
    def library(self) -> str:
        """An external library of three photos that was never scanned."""
        name = f"NAS of {self.user}"
        self.bench.run("libraries", "create", name, "--path", self.photos)
        return name

    def _album(self, name: str) -> str:
        body = {"name": name, "user": self.user, "ids": self.ids[1:]}
        return str(self.box.control("albums", body)["id"])

    # what became of it

    def held(self) -> set[str]:
        """SHA-1 of what is the user's own on the server, outside the trash."""
        mine = [a for a in self.box.assets() if a["owner"] == self.user and not a["trashed"]]
        return {asset["checksum"] for asset in mine}

    def contents(self) -> dict[str, list[str]]:
        """Ids of what is in the user's albums, by name."""
        albums = self.box.state()["albums"]
        return {album["name"]: album["assets"] for album in albums if album["owner"] == self.user}

    def sent(self, *names: str) -> bool:
        """True when these of the local photos are on the server (all without names)."""
        wanted = {sha1(self.local[name]) for name in names or self.local}
        return wanted <= self.held() and len(self.held()) == len(self.ids) + len(wanted)

    def sum_of(self, asset_id: str) -> str:
        (found,) = [a["checksum"] for a in self.box.assets() if a["id"] == asset_id]
        return str(found)

    def scanned(self) -> bool:
        """True when the photos of the library are on the server."""
        return len([a for a in self.box.assets() if a["library"] and a["owner"] == self.user]) == 3
