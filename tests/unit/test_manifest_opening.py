"""Every state a manifest can be found in: held, corrupt, cut short, newer, foreign, read-only."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from immich_transfer.errors import CannotContinue, ManifestBusy, UsageError
from immich_transfer.manifest import opening
from immich_transfer.manifest.sqlite import (
    SqliteManifest,
    open_for_dry_run,
    open_manifest,
    open_readonly,
)
from immich_transfer.manifest.store import PausedQueue, Presence
from immich_transfer.model import AssetId, Debt, Digest, Fingerprint, ItemResult, LocalFile, Outcome

from .test_manifest_store import A, local, sha

FILE = "manifest.sqlite3"

HOLD = """
import sys
from immich_transfer.manifest.sqlite import open_manifest
manifest = open_manifest(sys.argv[1], who="upload")
print("held", flush=True)
sys.stdin.read()
"""

WRITE_FOREVER = """
import sys
from immich_transfer.manifest.sqlite import open_manifest
from immich_transfer.model import Digest, Fingerprint, LocalFile
manifest = open_manifest(sys.argv[1], who="upload")
group = 0
while True:
    manifest.remember(
        (
            LocalFile(f"/{group}/{n}", "", "", "/", Fingerprint(group, n, 1)),
            Digest(group.to_bytes(20, "big"), b"sample"),
        )
        for n in range(50)
    )
    print(group, flush=True)
    group += 1
"""


def start(script: str, state: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill(process: subprocess.Popen[str]) -> list[str]:
    """SIGKILL, then what it had printed and we had not read."""
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    return rest.splitlines()


def killed_while_writing(state: Path, groups: int) -> int:
    """The number of groups that were acknowledged before the kill."""
    process = start(WRITE_FOREVER, state)
    assert process.stdout is not None
    for _ in range(groups):
        process.stdout.readline()
    return groups + len([line for line in kill(process) if line])


def filled(state: Path, rows: int = 2_000) -> None:
    manifest = open_manifest(str(state))
    manifest.remember((local(f"/{n}", mtime_ns=n), Digest(sha(n), b"s")) for n in range(rows))
    manifest.close()


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(folder.iterdir())
    }


# privacy and the lock


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    old = os.umask(0)
    try:
        manifest = open_manifest(str(state), who="upload")
        manifest.account("x")
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()}
        manifest.close()
    finally:
        os.umask(old)
    assert {FILE, f"{FILE}-wal", "manifest.lock", "manifest.holder"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    holder = start(HOLD, tmp_path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ManifestBusy, match=rf"process {holder.pid}, upload, since \d") as busy:
        open_manifest(str(tmp_path))
    assert "\n" not in busy.value.message
    kill(holder)
    open_manifest(str(tmp_path)).close()  # the lock died with its holder


def test_a_second_opening_in_this_process_is_busy_too(tmp_path: Path) -> None:
    manifest = open_manifest(str(tmp_path))
    with pytest.raises(ManifestBusy):
        open_manifest(str(tmp_path))
    manifest.close()
    manifest.close()
    open_manifest(str(tmp_path)).close()
    assert not (tmp_path / "manifest.holder").exists()


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"pid":1}', b"\xff", b"null"])
def test_an_unreadable_note_does_not_hide_that_it_is_held(tmp_path: Path, note: bytes) -> None:
    manifest = open_manifest(str(tmp_path))
    (tmp_path / "manifest.holder").write_bytes(note)
    with pytest.raises(ManifestBusy, match="another run holds"):
        open_manifest(str(tmp_path))
    manifest.close()


# crashes


@pytest.mark.parametrize("groups", [1, 3, 17, 60])
def test_kill_loses_nothing_that_was_acknowledged(tmp_path: Path, groups: int) -> None:
    acknowledged = killed_while_writing(tmp_path, groups)
    manifest = open_manifest(str(tmp_path))
    assert manifest.notice is None
    for group in range(acknowledged + 1):
        files = [
            LocalFile(f"/{group}/{n}", "", "", "/", Fingerprint(group, n, 1)) for n in range(50)
        ]
        expected = [sha(group)] * 50
        found = manifest.lookup(files)
        # The one in flight is there whole or not at all.
        assert found == expected or (group == acknowledged and found == [None] * 50)
    manifest.close()


# files that cannot be used


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def scribble(data: bytes) -> bytes:
    return data[:100] + b"\xaa" * (len(data) - 100)


@pytest.mark.parametrize(
    "spoil",
    [cut, scribble, lambda d: os.urandom(5_000), lambda d: b"hello", lambda d: d[:50]],
    ids=["cut short", "scribbled over", "random", "text", "half a header"],
)
def test_corrupt_is_moved_aside_and_said(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    filled(tmp_path)
    spoiled = spoil((tmp_path / FILE).read_bytes())
    (tmp_path / FILE).write_bytes(spoiled)
    manifest = open_manifest(str(tmp_path))
    assert manifest.notice is not None and "damaged" in manifest.notice
    assert "\n" not in manifest.notice
    [aside] = tmp_path.glob("manifest.corrupt-*.sqlite3")
    assert aside.name in manifest.notice
    assert aside.read_bytes() == spoiled
    manifest.remember([(local("/a"), Digest(sha(1), b"s"))])
    manifest.close()
    manifest = open_manifest(str(tmp_path))
    assert manifest.notice is None
    assert manifest.lookup([local("/a")]) == [sha(1)]
    manifest.close()


def test_zero_length_is_a_fresh_one(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    manifest = open_manifest(str(tmp_path))
    assert manifest.notice is None
    assert manifest.account("x") == 1
    manifest.close()


def test_malformed_in_mid_run_ends_it_and_is_rebuilt_by_the_next(tmp_path: Path) -> None:
    filled(tmp_path, rows=5_000)
    data = bytearray((tmp_path / FILE).read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle:] = b"\xaa" * (len(data) - middle)
    (tmp_path / FILE).write_bytes(data)
    manifest = open_manifest(str(tmp_path))
    with pytest.raises(CannotContinue, match="run again, it will be rebuilt"):
        manifest.lookup([local(f"/{n}", mtime_ns=n) for n in range(5_000)])
    manifest.close()
    dry = open_for_dry_run(str(tmp_path))
    assert dry.notice is not None and "next real run" in dry.notice
    dry.close()
    manifest = open_manifest(str(tmp_path))
    assert manifest.notice is not None
    assert manifest.lookup([local("/1", mtime_ns=1)]) == [None]
    manifest.close()
    assert not (tmp_path / "manifest.damaged").exists()


def test_moved_aside_twice_in_one_second(tmp_path: Path) -> None:
    for _ in range(3):
        (tmp_path / FILE).write_bytes(b"rubbish" * 100)
        open_manifest(str(tmp_path)).close()
    assert len(list(tmp_path.glob("manifest.corrupt-*.sqlite3"))) == 3


@pytest.mark.parametrize("opened", [open_manifest, open_readonly, open_for_dry_run])
def test_newer_format_is_refused(
    tmp_path: Path, opened: Callable[[str], SqliteManifest | None]
) -> None:
    filled(tmp_path)
    raw = sqlite3.connect(tmp_path / FILE)
    raw.execute("PRAGMA user_version = 9")
    raw.close()
    with pytest.raises(UsageError, match=r"newer immich-transfer \(format 9, this one knows \d+\)"):
        opened(str(tmp_path))
    assert list(tmp_path.glob("manifest.corrupt*")) == []


@pytest.mark.parametrize("opened", [open_manifest, open_readonly, open_for_dry_run])
@pytest.mark.parametrize("application", [0, 7])
def test_a_strangers_database_is_left_alone(
    tmp_path: Path, application: int, opened: Callable[[str], SqliteManifest | None]
) -> None:
    raw = sqlite3.connect(tmp_path / FILE)
    raw.executescript(f"CREATE TABLE t (x); PRAGMA application_id = {application}")
    raw.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(UsageError, match="another program's database"):
        opened(str(tmp_path))
    assert (tmp_path / FILE).read_bytes() == before


def test_a_state_dir_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot make the state folder"):
        open_manifest(str(tmp_path / "file" / "state"))
    with pytest.raises(UsageError, match="cannot make the state folder"):
        open_manifest(str(tmp_path / "file"))


def test_a_manifest_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(UsageError, match="cannot open the manifest"):
        open_manifest(str(tmp_path))
    with pytest.raises(UsageError, match="cannot read the manifest"):
        open_for_dry_run(str(tmp_path))
    (tmp_path / FILE).rmdir()
    open_manifest(str(tmp_path)).close()  # the lock was let go


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="cannot lock"):
        open_manifest(str(tmp_path))
    tmp_path.chmod(0o700)
    filled(tmp_path)
    (tmp_path / FILE).chmod(0o000)
    for opened in (open_manifest, open_readonly, open_for_dry_run):
        with pytest.raises(UsageError, match="cannot"):
            opened(str(tmp_path))


def writer_of(manifest: SqliteManifest) -> sqlite3.Connection:
    with manifest._db.write() as connection:
        return connection


def test_full_disk_is_one_clear_line_and_undoes_the_whole_group(tmp_path: Path) -> None:
    manifest = open_manifest(str(tmp_path))
    connection = writer_of(manifest)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 3}")
    rows = [(local(f"/{n}", mtime_ns=n), Digest(sha(n), b"s")) for n in range(1_000)]
    with pytest.raises(CannotContinue, match="full") as full:
        manifest.remember(rows)
    assert "\n" not in full.value.message
    assert manifest.lookup([file for file, _ in rows]) == [None] * 1_000
    connection.execute("PRAGMA max_page_count = 100000")
    manifest.remember(rows)
    assert None not in manifest.lookup([file for file, _ in rows])
    manifest.close()


def test_read_only_is_one_clear_line(tmp_path: Path) -> None:
    manifest = open_manifest(str(tmp_path))
    writer_of(manifest).execute("PRAGMA query_only = ON")
    with pytest.raises(CannotContinue, match="cannot open or write the manifest"):
        manifest.account("x")
    manifest.close()


def test_use_after_close_is_no_sqlite_error(tmp_path: Path) -> None:
    manifest = open_manifest(str(tmp_path))
    manifest.close()
    with pytest.raises(CannotContinue):
        manifest.runs()
    with pytest.raises(CannotContinue):
        manifest.forget(["/a"])


# migrations


FROZEN = (Path(__file__).parent / "manifest_format_1.sql").read_text("utf-8")


def frozen_file(state: Path) -> None:
    """A file as the first release wrote it: never edit the text beside this test."""
    raw = sqlite3.connect(state / FILE)
    raw.executescript(FROZEN)
    raw.close()


def test_the_first_format_still_opens(tmp_path: Path) -> None:
    frozen_file(tmp_path)
    manifest = open_manifest(str(tmp_path))
    assert manifest.notice is None
    assert manifest.account("anna") == 1
    assert manifest.lookup([local("/p/a", 10, 1_700, 5)]) == [sha(1)]
    assert manifest.known(1, [sha(1)])[sha(1)].asset_id == A
    assert manifest.payable(1) == [Debt(sha(1), "album", "Trip", A)]
    found = manifest.last_interrupted()
    assert found is not None and found.run == "20261124-101502-3f9a"
    assert [item.path for item in manifest.run_items(found.run)] == ["p/b"]
    manifest.close()


def test_queues_to_resume_by_account_and_by_address(tmp_path: Path) -> None:
    frozen_file(tmp_path)
    manifest = open_manifest(str(tmp_path))
    anna, berta = manifest.account("anna"), manifest.account("berta")
    manifest.owe_resuming(anna, "http://nas", ["ocr", "smartSearch"])
    manifest.owe_resuming(anna, "http://nas", ["ocr"])
    manifest.owe_resuming(berta, "http://cabin", ["ocr"])
    manifest.close()
    manifest = open_manifest(str(tmp_path))
    nas = [PausedQueue("http://nas", "ocr"), PausedQueue("http://nas", "smartSearch")]
    cabin = [PausedQueue("http://cabin", "ocr")]
    assert manifest.paused_queues() == cabin + nas
    assert manifest.paused_queues(anna, "http://new-name") == nas
    assert manifest.paused_queues(berta, "http://nas") == cabin + nas
    assert manifest.paused_queues(manifest.account("carla"), "http://elsewhere") == []
    manifest.resumed(nas)
    assert manifest.paused_queues() == cabin
    manifest.close()


def test_a_promise_to_resume_is_in_the_files_before_the_pause(tmp_path: Path) -> None:
    """What a power cut leaves at worst: the main file and the WAL, without shared memory."""
    manifest = open_manifest(str(tmp_path / "state"))
    manifest.owe_resuming(manifest.account("anna"), "http://nas", ["ocr"])
    (tmp_path / "after").mkdir()
    for name in (FILE, f"{FILE}-wal"):
        (tmp_path / "after" / name).write_bytes((tmp_path / "state" / name).read_bytes())
    manifest.close()
    found = open_manifest(str(tmp_path / "after"))
    assert found.paused_queues() == [PausedQueue("http://nas", "ocr")]
    found.close()


def test_a_durable_commit_syncs_the_wal_and_the_next_one_does_not(tmp_path: Path) -> None:
    """2 is FULL: 'the WAL is synced after each commit'; 1 is NORMAL: at checkpoints only."""

    def level(*, durable: bool) -> int:
        with database.write(durable=durable) as connection:
            return int(connection.execute("PRAGMA synchronous").fetchone()[0])

    database, _ = opening.open_writable(str(tmp_path))
    assert [level(durable=durable) for durable in (False, True, False)] == [1, 2, 1]
    with pytest.raises(ValueError, match="broke"), database.write(durable=True):
        raise ValueError("broke")
    assert level(durable=False) == 1, "a promise that broke leaves no slow commits behind"
    database.close()


EXTRA = "CREATE TABLE extra (x); INSERT INTO extra SELECT count(*) FROM files"


def test_an_older_file_is_migrated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen_file(tmp_path)
    scripts = [*opening.shipped(), EXTRA]
    monkeypatch.setattr(opening, "shipped", lambda: scripts)
    for _ in range(2):
        manifest = open_manifest(str(tmp_path))
        assert manifest.lookup([local("/p/a", 10, 1_700, 5)]) == [sha(1)]
        manifest.close()
    raw = sqlite3.connect(tmp_path / FILE)
    assert raw.execute("SELECT x FROM extra").fetchall() == [(1,)]
    assert raw.execute("PRAGMA user_version").fetchone() == (len(scripts),)
    raw.close()


def test_a_migration_that_fails_leaves_the_old_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen_file(tmp_path)
    scripts = [*opening.shipped(), f"{EXTRA}; INSERT INTO nowhere VALUES (1)"]
    with monkeypatch.context() as patch:
        patch.setattr(opening, "shipped", lambda: scripts)
        with pytest.raises(CannotContinue):
            open_manifest(str(tmp_path))
    manifest = open_manifest(str(tmp_path))
    assert manifest.lookup([local("/p/a", 10, 1_700, 5)]) == [sha(1)]
    manifest.close()


def test_a_dry_run_reads_an_older_file_without_migrating_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen_file(tmp_path)
    before = snapshot(tmp_path)
    scripts = [*opening.shipped(), EXTRA]
    monkeypatch.setattr(opening, "shipped", lambda: scripts)
    manifest = open_for_dry_run(str(tmp_path))
    assert manifest.lookup([local("/p/a", 10, 1_700, 5)]) == [sha(1)]
    manifest.close()
    assert snapshot(tmp_path) == before


# reading without writing (law 9)


def try_to_write(manifest: SqliteManifest) -> None:
    account = manifest.account("somebody new")
    run = manifest.begin_run("upload", ["x"], "/")
    manifest.remember([(local("/new"), Digest(sha(77), b"s"))])
    manifest.settle(account, [Presence(sha(77), AssetId("x"), True)])
    debt = Debt(sha(77), "album", "Trip", A)
    manifest.owe(account, [debt])
    manifest.defer(account, [debt], "why")
    manifest.pay(account, [debt])
    manifest.reopen(account, "album", "Trip")
    manifest.unsettle(account, [sha(77)])
    manifest.forget(["/1"])
    manifest.owe_resuming(account, "http://nas", ["ocr"])
    manifest.resumed([PausedQueue("http://nas", "ocr")])
    manifest.record_items(run, [ItemResult(Outcome.FAILED, "x")])
    manifest.end_run(run, 0, {})
    assert manifest.lookup([local("/new")]) == [None]
    assert manifest.known(account, [sha(77)]) == {}
    assert manifest.debt_count() == 0
    assert manifest.paused_queues() == []
    assert manifest.runs() == []


def test_dry_run_on_nothing_makes_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    manifest = open_for_dry_run(str(state))
    try_to_write(manifest)
    manifest.close()
    assert open_readonly(str(state)) is None
    assert list(tmp_path.iterdir()) == []


def test_dry_run_on_a_closed_manifest_changes_no_byte(tmp_path: Path) -> None:
    filled(tmp_path)
    before = snapshot(tmp_path)
    manifest = open_for_dry_run(str(tmp_path))
    assert manifest.lookup([local("/7", mtime_ns=7)]) == [sha(7)]
    try_to_write(manifest)
    assert manifest.lookup([local("/1", mtime_ns=1)]) == [sha(1)]
    manifest.close()
    assert snapshot(tmp_path) == before


def test_dry_run_reads_the_wal_of_a_killed_run_and_changes_no_byte(tmp_path: Path) -> None:
    acknowledged = killed_while_writing(tmp_path, 5)
    before = snapshot(tmp_path)
    assert f"{FILE}-wal" in before
    manifest = open_for_dry_run(str(tmp_path))
    last = acknowledged - 1
    assert manifest.lookup([LocalFile(f"/{last}/0", "", "", "/", Fingerprint(last, 0, 1))]) == [
        sha(last)
    ]
    try_to_write(manifest)
    manifest.close()
    assert snapshot(tmp_path) == before


def test_dry_run_with_a_wal_but_no_index(tmp_path: Path) -> None:
    killed_while_writing(tmp_path, 5)
    (tmp_path / f"{FILE}-shm").unlink()
    before = snapshot(tmp_path)
    manifest = open_for_dry_run(str(tmp_path))
    try_to_write(manifest)
    manifest.close()
    assert snapshot(tmp_path) == before


def test_dry_run_on_a_damaged_manifest_is_told_and_changes_no_byte(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / FILE).write_bytes(cut((tmp_path / FILE).read_bytes()))
    before = snapshot(tmp_path)
    manifest = open_for_dry_run(str(tmp_path))
    assert manifest.notice is not None
    assert manifest.lookup([local("/1", mtime_ns=1)]) == [None]
    manifest.close()
    assert snapshot(tmp_path) == before


def test_status_reads_beside_a_run(tmp_path: Path) -> None:
    running = open_manifest(str(tmp_path))
    running.remember([(local("/a"), Digest(sha(1), b"s"))])
    run = running.begin_run("upload", ["x"], "/w")
    beside = open_readonly(str(tmp_path))
    assert beside is not None
    assert [info.run for info in beside.runs()] == [run]
    running.end_run(run, 0, {})
    [info] = beside.runs()
    assert info.exit_code == 0
    beside.close()
    running.remember([(local("/b"), Digest(sha(2), b"s"))])
    running.close()
