"""This machine says no: one row for each call that can be refused, and how.

Each row makes one named call (`immich_transfer/failpoints.py`) fail with one errno in the installed
command, looks at the exit code, the words and the books, and then runs again without the fault:
nothing is lost, nothing has a photo's name and other bytes, and the end is complete.
"""

from __future__ import annotations

import pytest
from _pytest.mark.structures import ParameterSet

from tests.e2e.support import Bench, Result, Server, photo, sha1
from tests.faults.local import refusing, told

SMALL = 2_000
LARGE = 1_500_000
"""Sent by `sendfile`; comes down into a part file."""
PHOTOS = {
    "a.jpg": photo("a", SMALL),
    "b.jpg": photo("b", SMALL),
    "c.mp4": photo("c", LARGE),
    "deep/d.jpg": photo("d", SMALL),
}
SUMS = {name: sha1(content) for name, content in PHOTOS.items()}
UPLOAD = ("upload", "photos", "--album", "A", "--transfers", "1", "--hashers", "1")
DOWN = ("mirror", "-o", "out", "--album", "A", "--transfers", "1")

Row = tuple[str, str, int, str]
"""The call, the errno, the exit code, and what must be said."""

READS: tuple[Row, ...] = (
    ("disk.open#2", "EACCES", 3, "Permission denied"),
    ("disk.open#1", "EMFILE", 7, "no more open files"),
    ("disk.read#2", "EIO", 3, "Input/output error"),
    ("disk.read-to-send", "EIO", 3, "Input/output error"),
    ("disk.list#2", "EACCES", 3, "Permission denied"),
    ("disk.list", "EIO", 3, "Input/output error"),
)

WRITES: tuple[Row, ...] = (
    ("disk.mkdir", "ENAMETOOLONG", 3, "a shorter --output or --layout"),
    ("disk.write", "ENOSPC", 7, "the disk is full"),
    ("disk.write#2", "EIO", 7, "Input/output error"),
    ("disk.write#1", "EFBIG", 3, "too large for this file system"),
    ("disk.sync#1", "EIO", 7, "Input/output error"),
    ("disk.appear#1", "EACCES", 3, "Permission denied"),
    ("disk.folder-sync", "EIO", 7, "Input/output error"),
    ("disk.folder-sync", "EINVAL", 0, ""),
    ("disk.unnamed", "EOPNOTSUPP", 0, ""),
    ("disk.lock", "ENOLCK", 0, ""),
    ("disk.move#1", "EACCES", 3, "Permission denied"),
)


def named(rows: tuple[Row, ...]) -> list[ParameterSet]:
    return [pytest.param(*row, id=f"{row[0]}!{row[1]}") for row in rows]


def says(result: Result, words: str) -> None:
    """The reason stands in the items' lines, or in the one line that ends the run."""
    failed = [f"{item['error']} {item.get('hint', '')}" for item in result.items("failed")]
    assert any(words in text for text in (failed if result.code == 3 else [told(result)])), (
        result.told()
    )
    assert result.outcomes.get("pending", 0) == 0 or result.code == 7


def put_album(server: Server) -> dict[str, str]:
    """Album A on the server: the SHA-1 of its files, by their places here."""
    for name, content in PHOTOS.items():
        server.seed(name.rpartition("/")[2], size=len(content), album="A")
    return {f"A/{a['originalFileName']}": a["checksum"] for a in server.known().values()}


def put_photos(bench: Bench) -> None:
    for name, content in PHOTOS.items():
        bench.write(name, content)


@pytest.mark.parametrize(("where", "error", "code", "words"), named(READS))
def test_what_goes_up_cannot_be_read(
    bench: Bench, server: Server, where: str, error: str, code: int, words: str
) -> None:
    put_photos(bench)
    result = bench.run(*UPLOAD, code=code, env=refusing(where, error))
    says(result, words)
    assert result.summary["retries"] == 0, "nobody asks the server about our disk"
    there = {item["sha1"] for item in (*result.items("uploaded"), *result.items("duplicate"))}
    assert there == set(server.held()), "no more and no less than what was told"
    again = bench.run(*UPLOAD)
    assert again.summary["verified"] == len(PHOTOS)
    assert server.held() == dict.fromkeys(SUMS.values(), 1)
    assert server.albums() == {"A": [set(SUMS.values())]}


def test_what_is_checked_cannot_be_read(bench: Bench, server: Server) -> None:
    """Cannot be judged: failed, and never told as missing."""
    put_photos(bench)
    bench.run(*UPLOAD)
    for where in ("disk.read", "disk.open", "disk.list"):
        result = bench.run("check", "photos", "--read", code=3, env=refusing(where, "EIO"))
        assert set(result.outcomes) == {"failed"}
        says(result, "Input/output error")
    assert bench.run("check", "photos", "--read").outcomes == {"equal": len(PHOTOS)}


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("upload photos", "ENOLCK"),
        ("mirror -o out --all", "EOPNOTSUPP"),
        ("check photos", "EROFS"),
    ],
)
def test_a_state_folder_without_locks(
    bench: Bench, server: Server, command: str, error: str
) -> None:
    """Refused: two runs in one manifest would be worse."""
    put_photos(bench)
    result = bench.run(*command.split(), code=2, env=refusing("manifest.lock", error))
    assert "cannot lock the manifest" in told(result)
    assert "on a local disk" in told(result)
    assert server.requests() == 0
    assert not bench.out.exists()


@pytest.mark.parametrize(("where", "error", "code", "words"), named(WRITES))
def test_what_comes_down_cannot_be_written(
    bench: Bench, server: Server, where: str, error: str, code: int, words: str
) -> None:
    album = put_album(server)
    result = bench.run(*DOWN, code=code, env=refusing(where, error))
    if code:
        says(result, words)
    there = {path: got for path, got in bench.fetched().items() if not path.endswith(".part")}
    assert there == {path: album[path] for path in there}, "a photo's name has a photo's bytes"
    arrived = {item["path"] for item in result.items("downloaded")}
    assert arrived <= set(there), "what is told is there"
    again = bench.run(*DOWN)
    assert set(again.outcomes) <= {"downloaded", "unchanged"}
    assert bench.fetched() == album
    assert again.summary["verified"] == len(album)


def test_what_is_here_cannot_be_read_again(bench: Bench, server: Server) -> None:
    album = put_album(server)
    bench.run(*DOWN)
    for command in (
        ("check", "--album", "A", "-o", "out", "--read"),
        ("check", "--scrub", "out"),
        ("mirror", "-o", "out", "--album", "A", "--checksum"),
    ):
        result = bench.run(*command, code=3, env=refusing("disk.read-back#2", "EIO"))
        says(result, "Input/output error")
        assert result.outcomes["failed"] == 1
        assert bench.fetched() == album
    assert bench.run(*command).outcomes == {"unchanged": len(album)}
