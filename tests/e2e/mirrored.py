"""What the tests of `mirror` share: the command, and what its user does on the server."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from .support import TIMEOUT, Bench, Result, Server, sha1

BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)


def mirror(bench: Bench, *arguments: str, code: int | None = 0, **options: Any) -> Result:
    """`mirror -o out …` from the home folder; every album unless told otherwise."""
    chosen = any(word in arguments for word in ("--album", "--album-id", "--all", "--favorites"))
    what = () if chosen else ("--album", "*")
    return bench.run("mirror", "-o", "out", *what, *arguments, code=code, **options)


def api(server: Server, method: str, path: str, body: object = None) -> None:
    """A change as the user's web page makes it."""
    request = urllib.request.Request(
        f"{server.url}/api/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "x-api-key": server.key},
        method=method,
    )
    urllib.request.urlopen(request, timeout=TIMEOUT).close()


def rename_album(server: Server, album: str, name: str) -> None:
    api(server, "PATCH", f"albums/{album}", {"albumName": name})


def take_out(server: Server, album: str, *ids: str) -> None:
    api(server, "DELETE", f"albums/{album}/assets", {"ids": ids})


def put_in(server: Server, album: str, *ids: str) -> None:
    api(server, "PUT", f"albums/{album}/assets", {"ids": ids})


def delete_album(server: Server, album: str) -> None:
    api(server, "DELETE", f"albums/{album}")


def on_disk(bench: Bench, root: Path | None = None) -> list[str]:
    """Paths of all that is below the output folder, folders without anything in them as well."""
    root = root or bench.out
    return sorted(
        path.relative_to(root).as_posix() + ("/" if path.is_dir() else "")
        for path in root.rglob("*")
        if not path.is_dir() or not any(path.iterdir())
    )


def place(bench: Bench, path: str, content: bytes | str = b"a stranger's") -> Path:
    """A file that the user puts into the output folder."""
    there = bench.out / path
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_bytes(content.encode() if isinstance(content, str) else content)
    return there


def contents(server: Server, ids: Iterable[str]) -> list[str]:
    return sorted(server.sums(ids))


def notes(result: Result) -> str:
    return "\n".join(result.summary.get("notes", []))


def trashed(bench: Bench) -> dict[str, str]:
    """SHA-1 of what is in the trash folders of all runs, by path below them."""
    return {
        "/".join(path.relative_to(bench.state / "trash").parts[1:]): sha1(path.read_bytes())
        for path in (bench.state / "trash").rglob("*")
        if path.is_file()
    }
