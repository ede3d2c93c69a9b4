"""Scenes for pulling the plug: what there is, the command, and what must be true in the end.

A scene is set up for a fresh user, its command is killed at one point, and run again. Whatever the
point was, `verify` must then find the same end: that is the whole promise.
"""

from __future__ import annotations

import json
import os
import sqlite3
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.support import Bench, Result, Server, photo, sha1

LARGE = 700_000
"""Above the size that is held in memory: it grows in a part file."""
ONE_OLD_FILE = "SELECT count(*) FROM files WHERE path = CAST('/p/a' AS BLOB)"
FORMAT_1 = Path(__file__).parents[1] / "unit" / "manifest_format_1.sql"


@dataclass(frozen=True)
class Scene:
    """One night."""

    name: str
    setup: Callable[[Bench, Server], None]
    command: tuple[str, ...]
    verify: Callable[[Bench, Server, Result], None]
    meanwhile: Callable[[Bench, Server], None] | None = None
    """What happens between the kill and the second run."""
    refused: str = ""
    """What the system refuses to the first run, as a failpoint."""


def api(server: Server, method: str, path: str, body: object = None) -> Any:
    """Something the user does in the web page meanwhile."""
    request = urllib.request.Request(
        f"{server.url}/api/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"x-api-key": server.key, "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        raw = answer.read()
    return json.loads(raw) if raw else None


def album_id(server: Server, name: str) -> str:
    return next(str(a["id"]) for a in api(server, "GET", "albums") if a["albumName"] == name)


def contents(count: int, seed: str) -> dict[str, bytes]:
    """`count` photos, one of them large."""
    made = {f"IMG_{n:02}.jpg": photo((seed, n), 3000 + n) for n in range(count - 1)}
    made["film.mp4"] = photo((seed, "film"), LARGE)
    return made


def put(bench: Bench, server: Server, album: str, made: dict[str, bytes]) -> None:
    """Photos that are on the server already, and not on this side."""
    for name, content in made.items():
        bench.write(f"before/{name}", content)
    away = Bench(bench.home / "other", bench.url, bench.key)
    away.run("upload", str(bench.photos / "before"), "--album", album)


# what goes up


def _folders(bench: Bench, server: Server) -> None:
    for name, content in contents(4, "sea").items():
        bench.write(f"Sea/{name}", content)
    for name, content in contents(3, "hills").items():
        bench.write(f"Hills/{name}", content)
    bench.write("Hills/again.jpg", photo(("sea", 0), 3000))


def _up(bench: Bench, server: Server, result: Result) -> None:
    sea = {sha1(c) for c in contents(4, "sea").values()}
    hills = {sha1(c) for c in contents(3, "hills").values()}
    hills.add(sha1(photo(("sea", 0), 3000)))
    assert server.held() == dict.fromkeys(sea | hills, 1), "each content once"
    assert server.albums() == {"All": [sea | hills], "Sea": [sea], "Hills": [hills]}
    assert server.tags().get("Night/One") == sea | hills
    assert result.summary["verified"] == 8
    assert result.summary["owed"] == 0


def _card(bench: Bench, server: Server) -> None:
    for name, content in contents(5, "card").items():
        bench.write(name, content)


def _emptied(bench: Bench, server: Server, result: Result) -> None:
    assert server.held() == dict.fromkeys((sha1(c) for c in contents(5, "card").values()), 1)
    assert not [path for path in bench.photos.rglob("*") if path.is_file()], "the card is empty"


def _old_manifest(bench: Bench, server: Server) -> None:
    _card(bench, server)
    bench.state.mkdir(parents=True)
    with sqlite3.connect(bench.state / "manifest.sqlite3") as db:
        db.executescript(FORMAT_1.read_text("utf-8"))
    db.close()


def _migrated(bench: Bench, server: Server, result: Result) -> None:
    assert server.held() == dict.fromkeys((sha1(c) for c in contents(5, "card").values()), 1)
    assert result.summary["verified"] == 5
    with sqlite3.connect(f"file:{bench.state}/manifest.sqlite3?mode=ro", uri=True) as db:
        (kept,) = db.execute(
            "SELECT count(*) FROM files WHERE path = CAST('/p/a' AS BLOB)"
        ).fetchone()
    db.close()
    assert kept == 1, "what the old manifest knew"


# what comes down


def _album(bench: Bench, server: Server) -> None:
    put(bench, server, "Sea", contents(6, "down"))


def _down(bench: Bench, server: Server, result: Result) -> None:
    expected = {f"Sea/{name}": sha1(content) for name, content in contents(6, "down").items()}
    assert bench.fetched() == expected
    assert result.summary["verified"] == 6


def _two_albums(bench: Bench, server: Server) -> None:
    made = contents(4, "both")
    put(bench, server, "One", made)
    put(bench, server, "Two", made)


def _linked(bench: Bench, server: Server, result: Result) -> None:
    made = contents(4, "both")
    assert bench.fetched() == {
        f"{album}/{name}": sha1(content)
        for album in ("One", "Two")
        for name, content in made.items()
    }


def _told(bench: Bench, server: Server) -> None:
    put(bench, server, "Sea", contents(4, "told"))
    ids = [asset["id"] for asset in server.box.assets() if asset["owner"] == server.owner]
    server.box.control("edit", {"ids": ids, "description": "a night", "rating": 4})


def _with_sidecars(bench: Bench, server: Server, result: Result) -> None:
    found = bench.fetched()
    made = contents(4, "told")
    assert {path: s for path, s in found.items() if not path.endswith(".xmp")} == {
        f"Sea/{name}": sha1(content) for name, content in made.items()
    }
    for name in made:
        assert "a night" in (bench.out / "Sea" / f"{name}.xmp").read_text("utf-8")


def _renamed(bench: Bench, server: Server) -> None:
    put(bench, server, "Old", contents(6, "name"))
    bench.run("mirror", "-o", "out", "--album", "Old")
    api(server, "PATCH", f"albums/{album_id(server, 'Old')}", {"albumName": "New"})


def _followed(bench: Bench, server: Server, result: Result) -> None:
    assert bench.fetched() == {
        f"New/{name}": sha1(content) for name, content in contents(6, "name").items()
    }


def _left(bench: Bench, server: Server) -> None:
    made = contents(8, "left")
    put(bench, server, "Sea", made)
    bench.run("mirror", "-o", "out", "--album", "Sea")
    (bench.out / "Sea" / "mine.txt").write_text("not ours")
    gone = [server.asset(sha1(made[name])).id for name in ("IMG_00.jpg", "IMG_03.jpg", "film.mp4")]
    api(server, "DELETE", f"albums/{album_id(server, 'Sea')}/assets", {"ids": gone})


def _pruned(bench: Bench, server: Server, result: Result) -> None:
    made = contents(8, "left")
    gone = {"IMG_00.jpg", "IMG_03.jpg", "film.mp4"}
    kept = {f"Sea/{n}": sha1(c) for n, c in made.items() if n not in gone}
    assert bench.fetched() == kept | {"Sea/mine.txt": sha1(b"not ours")}
    trash = {sha1(p.read_bytes()) for p in (bench.state / "trash").rglob("*") if p.is_file()}
    assert trash == {sha1(made[name]) for name in gone}, "removed, not lost"


def _two_told_albums(bench: Bench, server: Server) -> None:
    _two_albums(bench, server)
    ids = [asset["id"] for asset in server.box.assets() if asset["owner"] == server.owner]
    server.box.control("edit", {"ids": ids, "description": "a night", "rating": 4})
    bench.out.mkdir()
    (bench.out / "mine.jpg").write_bytes(b"not ours")


def _all_gone(bench: Bench, server: Server) -> None:
    server.delete_everything()


def _nothing_left(bench: Bench, server: Server, result: Result) -> None:
    left = bench.fetched()
    assert left == {"mine.jpg": sha1(b"not ours")}, f"what it had named is its own\n{result.told()}"


def _decayed(bench: Bench, server: Server) -> None:
    put(bench, server, "Sea", contents(5, "rot"))
    bench.run("download", "-o", "out", "--album", "Sea")
    for name in ("IMG_01.jpg", "film.mp4"):
        path = bench.out / "Sea" / name
        times = path.stat()
        content = bytearray(path.read_bytes())
        content[100] ^= 1
        with path.open("r+b") as file:
            file.write(content)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    (bench.out / "Sea" / "IMG_02.jpg").unlink()


def _mended(bench: Bench, server: Server, result: Result) -> None:
    assert bench.fetched() == {
        f"Sea/{name}": sha1(content) for name, content in contents(5, "rot").items()
    }


ALL_WITH_SIDECARS = (
    *("mirror", "-o", "out", "--album", "*", "--sidecars", "xmp"),
    *("--delete", "--max-delete", "100%", "--trash-dir", "bin"),
)
SCENES = (
    Scene(
        "upload",
        _folders,
        ("upload", "photos", "--album", "All", "--album-from", "folder", "--tag", "Night/One"),
        _up,
    ),
    Scene("delete-source", _card, ("upload", "photos", "--delete-source"), _emptied),
    Scene("migration", _old_manifest, ("upload", "photos"), _migrated),
    Scene("download", _album, ("download", "-o", "out", "--album", "Sea"), _down),
    Scene("hard-link", _two_albums, ("download", "-o", "out", "--album", "*"), _linked),
    Scene(
        "sidecars",
        _told,
        ("download", "-o", "out", "--album", "Sea", "--sidecars", "xmp"),
        _with_sidecars,
    ),
    Scene("rename", _renamed, ("mirror", "-o", "out", "--album", "*"), _followed),
    Scene("prune", _left, ("mirror", "-o", "out", "--album", "Sea", "--delete"), _pruned),
    Scene(
        "gone-meanwhile",
        _two_told_albums,
        ALL_WITH_SIDECARS,
        _nothing_left,
        _all_gone,
    ),
    Scene(
        "gone-meanwhile-nas",
        _two_told_albums,
        ALL_WITH_SIDECARS,
        _nothing_left,
        _all_gone,
        "disk.unnamed!EOPNOTSUPP",  # as network file systems do
    ),
    Scene("repair", _decayed, ("check", "--scrub", "out", "--repair"), _mended),
)
