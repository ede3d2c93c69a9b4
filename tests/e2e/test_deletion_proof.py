"""What deletes anything must know the content, not merely recognise it (law 5)."""

from __future__ import annotations

import os
from pathlib import Path

from .support import Bench, Server, photo, sha1

SIZE = 200_000
WHEN = 1_700_000_000_123_456_789


def lookalike(content: bytes) -> bytes:
    """The same size and the same samples at head, middle and tail; other bytes in between."""
    return content[:40_000] + bytes(b ^ 0xFF for b in content[40_000:60_000]) + content[60_000:]


def put(bench: Bench, name: str, content: bytes) -> Path:
    path = bench.write(name, content)
    os.utime(path, ns=(WHEN, WHEN))
    return path


def test_delete_source_never_trusts_a_likeness(bench: Bench, server: Server) -> None:
    first = photo("first", SIZE)
    other = lookalike(first)
    put(bench, "first.jpg", first).rename(bench.home / "kept.jpg")
    put(bench, "first.jpg", first)
    bench.upload()
    (bench.photos / "first.jpg").unlink()
    put(bench, "other.jpg", other)
    bench.upload("--delete-source")
    assert sha1(other) in server.held(), "the only copy would be gone"
    assert not (bench.photos / "other.jpg").exists()


def test_a_likeness_remembered_by_an_earlier_run_deletes_nothing(
    bench: Bench, server: Server
) -> None:
    first = photo("first", SIZE)
    other = lookalike(first)
    put(bench, "first.jpg", first)
    bench.upload()
    put(bench, "other.jpg", other)
    bench.upload()
    bench.upload("--delete-source")
    assert sha1(other) in server.held()


def test_clearing_the_trash_never_trusts_a_likeness(bench: Bench, server: Server) -> None:
    first = photo("first", SIZE)
    other = lookalike(first)
    put(bench, "first.jpg", first)
    bench.upload()
    (bench.photos / "first.jpg").unlink()
    put(bench, "other.jpg", other)
    server.trash(sha1(first))
    bench.upload("--trashed", "reupload")
    assert server.asset(sha1(first)).trashed, "nothing proves that we have these bytes"
    assert sha1(other) in server.held()


def test_a_cleared_copy_is_sent_by_any_later_run(bench: Bench, server: Server) -> None:
    content = bench.make(1)["IMG_0000.jpg"]
    bench.upload()
    server.trash(sha1(content))
    server.break_check(after=1)
    bench.upload("--trashed", "reupload", "--retries", "1", code=5)
    server.clear_faults()
    server.until_forgotten(sha1(content))
    assert bench.upload().outcomes == {"uploaded": 1}
    assert sha1(content) in server.held()


def test_trashed_reupload_leaves_what_was_deleted_for_good(bench: Bench, server: Server) -> None:
    content = bench.make(1)["IMG_0000.jpg"]
    bench.upload()
    server.delete(sha1(content))
    assert bench.upload("--trashed", "reupload").outcomes == {"deleted-remotely": 1}
    assert server.held() == {}
