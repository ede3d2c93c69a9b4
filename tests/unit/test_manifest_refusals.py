"""What SQLite refuses becomes one line that says what to do, and nothing half stays behind."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from immich_transfer.errors import CannotContinue, UsageError
from immich_transfer.manifest.database import translate
from immich_transfer.manifest.opening import open_writable
from immich_transfer.manifest.scratch import Scratch
from immich_transfer.manifest.sqlite import open_for_dry_run, open_manifest
from immich_transfer.model import Digest, ItemResult, Outcome

from .test_manifest_opening import FILE, WRITE_FOREVER, filled, kill, snapshot, start
from .test_manifest_store import local, sha


def refused(code: int | None) -> sqlite3.Error:
    error = sqlite3.OperationalError("what SQLite says")
    if code is not None:
        error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "words", "hint"),
    [
        (sqlite3.SQLITE_FULL, "is full", "make room"),
        (sqlite3.SQLITE_CORRUPT, "damaged: run again", None),
        (sqlite3.SQLITE_NOTADB, "damaged: run again", None),
        (sqlite3.SQLITE_READONLY, "cannot open or write", "--state-dir"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "cannot open or write", "--state-dir"),
        (sqlite3.SQLITE_CANTOPEN, "cannot open or write", "--state-dir"),
        (sqlite3.SQLITE_PERM, "cannot open or write", "--state-dir"),
        (sqlite3.SQLITE_BUSY, "another program", "close it"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "another program", "close it"),
        (sqlite3.SQLITE_LOCKED, "another program", "close it"),
        (sqlite3.SQLITE_IOERR, "disk that holds the manifest failed", "look after the disk"),
        (sqlite3.SQLITE_IOERR_FSYNC, "disk that holds the manifest failed", "look after the disk"),
        (sqlite3.SQLITE_MISUSE, "cannot be used: what SQLite says", None),
        (None, "cannot be used: what SQLite says", None),
    ],
)
def test_each_refusal_says_what_to_do(code: int | None, words: str, hint: str | None) -> None:
    told = translate(refused(code), "/the/state")
    assert isinstance(told, CannotContinue)
    assert words in told.message and "/the/state" in told.message
    assert (told.hint is None) if hint is None else (hint in str(told.hint))


def test_what_breaks_within_a_group_undoes_the_group_and_frees_the_writer(tmp_path: Path) -> None:
    manifest = open_manifest(str(tmp_path))

    def rows() -> object:
        yield local("/a"), Digest(sha(1), b"s")
        raise ValueError("the walk broke")

    with pytest.raises(ValueError, match="the walk broke"):
        manifest.remember(rows())  # type: ignore[arg-type]
    assert manifest.lookup([local("/a")]) == [None]
    manifest.remember([(local("/b"), Digest(sha(2), b"s"))])
    assert manifest.lookup([local("/b")]) == [sha(2)]
    manifest.close()


def test_a_promise_that_cannot_reach_the_disk_is_said(tmp_path: Path) -> None:
    database, _ = open_writable(str(tmp_path))
    database.close()
    with pytest.raises(CannotContinue, match="cannot be used"), database.write(durable=True):
        raise AssertionError("a closed file is not written to")


def test_a_list_of_assets_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    scratch = Scratch()
    with scratch._use() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
    with (
        pytest.raises(CannotContinue, match=r"list of assets cannot be kept.*full") as full,
        scratch._use() as db,
    ):
        db.executemany("INSERT INTO sizes VALUES (?, 1)", [(n,) for n in range(10_000)])
    assert "TMPDIR" in str(full.value.hint)
    scratch.close()


def test_a_damaged_file_that_cannot_be_moved_stays_and_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database " * 100)
    (tmp_path / f"{FILE}-wal").mkdir()
    (tmp_path / "manifest.damaged").mkdir()  # a folder is not unlinked, whoever asks
    with pytest.raises(UsageError, match="cannot be moved aside"):
        open_manifest(str(tmp_path))
    assert (tmp_path / "manifest.damaged").is_dir()


def test_a_dry_run_with_a_torn_file_and_no_readable_wal_reads_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    writer = start(WRITE_FOREVER, tmp_path)
    assert writer.stdout is not None
    writer.stdout.readline()
    kill(writer)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:8192] + b"\x05" * 4096 + whole[12288:])
    (tmp_path / f"{FILE}-shm").unlink()
    before = snapshot(tmp_path)
    manifest = open_for_dry_run(str(tmp_path))
    assert manifest.notice is not None and "damaged" in manifest.notice
    assert manifest.lookup([local("/7", mtime_ns=7)]) == [None]
    manifest.close()
    assert snapshot(tmp_path) == before


def test_two_runs_of_one_instant_have_names_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = open_manifest(str(tmp_path))
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    names = [manifest.begin_run("upload", [], "/w") for _ in range(3)]
    assert len(set(names)) == 3
    assert names == sorted(names)
    assert [run.run for run in manifest.runs()] == names[::-1]
    manifest.close()


def test_items_of_a_run_that_nobody_began_are_not_kept(tmp_path: Path) -> None:
    manifest = open_manifest(str(tmp_path))
    item = ItemResult(path="/a", outcome=Outcome.FAILED)
    manifest.record_items("20000101-000000-0000", [item])
    assert list(manifest.run_items("20000101-000000-0000")) == []
    run = manifest.begin_run("upload", [], "/w")
    manifest.record_items(run, [item])
    assert [kept.path for kept in manifest.run_items(run)] == ["/a"]
    manifest.close()
