"""What the port promises, on the SQLite manifest."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from immich_transfer.manifest.encoding import asset_in, asset_out
from immich_transfer.manifest.runs import without_key
from immich_transfer.manifest.sqlite import SqliteManifest, open_manifest
from immich_transfer.manifest.store import Manifest, Presence
from immich_transfer.model import (
    AssetId,
    Debt,
    Digest,
    Fingerprint,
    ItemResult,
    Known,
    LocalFile,
    Outcome,
    Sha1,
)

A = AssetId("11111111-2222-3333-4444-555555555555")
B = AssetId("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")


def sha(number: int) -> Sha1:
    return Sha1(number.to_bytes(20, "big"))


def local(path: str, size: int = 10, mtime_ns: int = 1_700, inode: int = 5) -> LocalFile:
    return LocalFile(path, path, "", "/", Fingerprint(size, mtime_ns, inode))


@pytest.fixture
def manifest(tmp_path: Path) -> Iterator[SqliteManifest]:
    opened = open_manifest(str(tmp_path / "state"))
    yield opened
    opened.close()


def test_it_is_the_port(manifest: SqliteManifest) -> None:
    port: Manifest = manifest
    assert port.notice is None


def test_lookup_wants_the_very_fingerprint(manifest: SqliteManifest) -> None:
    manifest.remember([(local("/p/a"), Digest(sha(1), b"s"))])
    asked = [
        local("/p/a"),
        local("/p/a", size=11),
        local("/p/a", mtime_ns=1_701),
        local("/p/a", inode=6),
        local("/p/a", inode=0),
        local("/p/b"),
    ]
    assert manifest.lookup(asked) == [sha(1), None, None, None, sha(1), None]
    assert manifest.lookup([]) == []


def test_remember_replaces_and_forget_drops(manifest: SqliteManifest) -> None:
    manifest.remember([(local("/a"), Digest(sha(1), b"s"))])
    manifest.remember([(local("/a", size=20), Digest(sha(2), b"t"))])
    assert manifest.lookup([local("/a"), local("/a", size=20)]) == [None, sha(2)]
    manifest.forget(["/a", "/never seen"])
    assert manifest.lookup([local("/a", size=20)]) == [None]


def test_lookup_of_scattered_files_among_many(manifest: SqliteManifest) -> None:
    files = [local(f"/p/{n:05d}", mtime_ns=n) for n in range(5_000)]
    manifest.remember((f, Digest(sha(n), b"s")) for n, f in enumerate(files))
    scattered = files[::7]
    assert manifest.lookup(scattered) == [sha(n) for n in range(0, 5_000, 7)]
    assert manifest.lookup(files[1_000:2_000]) == [sha(n) for n in range(1_000, 2_000)]
    assert manifest.lookup(files[::-1])[:2] == [sha(4_999), sha(4_998)]


@pytest.mark.parametrize(
    "raw", [b"/\xff\xfe.jpg", b"/new\nline", "/é".encode(), "/e\u0301".encode(), b"/'\"%_*[x]"]
)
def test_any_name_a_disk_can_hold(manifest: SqliteManifest, raw: bytes) -> None:
    path = os.fsdecode(raw)
    manifest.remember([(local(path), Digest(sha(1), b"s"))])
    assert manifest.lookup([local(path)]) == [sha(1)]
    run = manifest.begin_run("upload", [path], path)
    manifest.record_items(run, [ItemResult(Outcome.FAILED, path, 3, error=f"cannot read {path}")])
    [item] = manifest.run_items(run)
    assert item.path == path
    assert item.error is not None and item.error.startswith("cannot read /")
    info = manifest.run(run)
    assert info is not None and info.arguments == (path,)
    assert manifest.run_cwd(run) == path
    manifest.owe(1, [Debt(sha(1), "album", path, A)])
    assert manifest.payable(1) == [Debt(sha(1), "album", path, A)]


def test_inodes_of_all_64_bits(manifest: SqliteManifest) -> None:
    file = local("/a", inode=(1 << 64) - 3)
    manifest.remember([(file, Digest(sha(1), b"s"))])
    assert manifest.lookup([file, local("/a", inode=7)]) == [sha(1), None]


def test_lookalikes_are_candidates_by_size_and_time(manifest: SqliteManifest) -> None:
    manifest.remember(
        [
            (local("/old/a"), Digest(sha(1), b"s")),
            (local("/old/copy of a"), Digest(sha(1), b"s")),
            (local("/old/b"), Digest(sha(2), b"t")),
            (local("/old/c", size=99), Digest(sha(3), b"u")),
        ]
    )
    found = manifest.lookalikes([local("/new/a"), local("/new/z", size=1), local("/new/a2")])
    both = [Digest(sha(1), b"s"), Digest(sha(2), b"t")]
    assert found == {"/new/a": both, "/new/a2": both}


def test_a_time_that_all_files_share_identifies_nothing(manifest: SqliteManifest) -> None:
    manifest.remember((local(f"/{n}"), Digest(sha(n), b"s")) for n in range(65))
    assert manifest.lookalikes([local("/new")]) == {}


@pytest.mark.parametrize("others", [1, 30])
def test_a_crowd_hides_nobody_who_is_asked_for_with_it(
    manifest: SqliteManifest, others: int
) -> None:
    """Whether the answer about all of them is short enough to come at once, or not."""
    alone = [local(f"/old/{n}", size=1000 + n) for n in range(others)]
    manifest.remember((local(f"/{n}"), Digest(sha(n), b"s")) for n in range(65))
    manifest.remember((file, Digest(sha(7), b"t")) for file in alone)
    moved = [local(f"/new/{n}", size=1000 + n) for n in range(others)]
    found = manifest.lookalikes([local("/new"), *moved])
    assert found == {file.path: [Digest(sha(7), b"t")] for file in moved}


def test_accounts_are_kept_apart(manifest: SqliteManifest) -> None:
    first, second = manifest.account("anna"), manifest.account("ben")
    assert first != second
    assert manifest.account("anna") == first
    manifest.settle(first, [Presence(sha(1), A, True)])
    manifest.owe(second, [Debt(sha(1), "album", "Trip")])
    assert manifest.known(second, [sha(1)]) == {}
    manifest.settle(first, [Presence(sha(1), B, True)])
    assert manifest.payable(second) == []
    assert manifest.debt_count(first) == 0
    assert manifest.debt_count() == manifest.debt_count(second) == 1


def test_settle_keeps_what_it_learned(manifest: SqliteManifest) -> None:
    manifest.settle(1, [Presence(sha(1), A, True, "9:9")])
    manifest.settle(1, [Presence(sha(1), A, False, None)])
    assert manifest.known(1, [sha(1), sha(2)]) == {sha(1): Known(A, True, "9:9")}
    manifest.settle(1, [Presence(sha(1), B, False, "8:8")])
    assert manifest.known(1, [sha(1)]) == {sha(1): Known(B, True, "8:8")}


def test_a_debt_from_promise_to_payment(manifest: SqliteManifest) -> None:
    debt = Debt(sha(1), "album", "Trip")
    manifest.owe(1, [debt, debt])
    assert manifest.waiting_debts(1)
    assert manifest.payable(1) == []
    manifest.settle(1, [Presence(sha(1), A, True)])
    assert not manifest.waiting_debts(1)
    [payable] = manifest.payable(1)
    assert payable == Debt(sha(1), "album", "Trip", A)
    manifest.pay(1, [payable])
    assert manifest.payable(1) == []
    manifest.owe(1, [debt])  # a later run asks for the same
    manifest.owe(1, [payable])
    assert manifest.debt_count(1) == 0


def test_an_album_that_is_gone_is_owed_what_was_paid_into_it(manifest: SqliteManifest) -> None:
    trip, home, tag = (
        Debt(sha(1), *target, A)
        for target in (("album", "Trip"), ("album", "Home"), ("tag", "Trip"))
    )
    waiting = Debt(sha(2), "album", "Trip")
    manifest.owe(1, [trip, home, tag, waiting])
    assert (manifest.due_count(1), manifest.debt_count(1)) == (3, 4)
    manifest.pay(1, [trip, home, tag])
    assert (manifest.due_count(1), manifest.debt_count(1)) == (0, 1)
    manifest.reopen(2, "album", "Trip")
    manifest.reopen(1, "album", "Elsewhere")
    assert manifest.payable(1) == []
    manifest.reopen(1, "album", "Trip")
    assert manifest.payable(1) == [trip]
    assert (manifest.due_count(1), manifest.debt_count(1)) == (1, 2)


def test_payable_is_grouped_by_target(manifest: SqliteManifest) -> None:
    manifest.owe(1, [Debt(sha(n), "album", f"A{n % 3}", A) for n in range(30)])
    manifest.owe(1, [Debt(sha(n), "tag", "A0", A) for n in range(30)])
    seen = [(debt.kind, debt.target) for debt in manifest.payable(1)]
    assert len(seen) == 60
    changes = sum(before != after for before, after in pairwise(seen))
    assert changes == 3
    assert len(manifest.payable(1, limit=7)) == 7


def test_deferred_is_owed_but_not_offered_until_reopened(tmp_path: Path) -> None:
    manifest = open_manifest(str(tmp_path))
    debt = Debt(sha(1), "album", "Trip", A)
    manifest.owe(1, [debt])
    manifest.defer(1, [debt], "no permission")
    assert manifest.payable(1) == []
    manifest.owe(1, [debt])
    assert manifest.payable(1) == []
    assert manifest.debts() == manifest.debts(1) == [(debt, "no permission")]
    manifest.close()
    manifest = open_manifest(str(tmp_path))
    assert manifest.payable(1) == [debt]
    assert manifest.debts() == [(debt, "no permission")]
    manifest.close()


def test_content_that_became_another_asset_owes_its_albums_anew(manifest: SqliteManifest) -> None:
    debt = Debt(sha(1), "album", "Trip", A)
    manifest.owe(1, [debt])
    manifest.settle(1, [Presence(sha(1), A, True)])
    manifest.pay(1, [debt])
    manifest.unsettle(1, [sha(1)])
    assert manifest.known(1, [sha(1)]) == {}
    assert manifest.waiting_debts(1)
    manifest.settle(1, [Presence(sha(1), B, True)])
    manifest.pay(1, [debt])  # an answer about the asset that is gone strikes nothing off
    assert manifest.payable(1) == [Debt(sha(1), "album", "Trip", B)]


def test_runs_newest_first_and_their_end(manifest: SqliteManifest) -> None:
    ids = [manifest.begin_run("upload", ["-x", str(n)], "/w") for n in range(50)]
    assert ids == sorted(set(ids))
    manifest.end_run(ids[-1], 0, {"type": "summary", "outcomes": {"uploaded": 1}})
    newest, *rest = manifest.runs(limit=3)
    assert [newest.run, *(info.run for info in rest)] == ids[:-4:-1]
    assert newest.exit_code == 0 and newest.ended is not None
    assert newest.summary == {"type": "summary", "outcomes": {"uploaded": 1}}
    assert rest[0].ended is None and rest[0].summary is None
    assert manifest.run("nonsense") is None
    assert manifest.run_items("nonsense") == []


def test_items_come_back_whole(manifest: SqliteManifest) -> None:
    run = manifest.begin_run("upload", [], "/")
    items = [
        ItemResult(Outcome.FAILED, "a", 1, A, sha(1), None, "413", "a proxy", None),
        ItemResult(Outcome.SKIPPED, "b", 0, None, None, "empty", None, None, "a note"),
        ItemResult(Outcome.PENDING, "c", asset_id=AssetId("not-a-uuid")),
    ]
    manifest.record_items(run, items)
    assert manifest.run_items(run) == items
    assert manifest.run_items(run, limit=1) == items[:1]


@pytest.mark.parametrize("code", [3, 5, 7, 8, 12, 130, 143, None])
def test_last_interrupted(tmp_path: Path, code: int | None) -> None:
    manifest = open_manifest(str(tmp_path))
    assert manifest.last_interrupted() is None
    first = manifest.begin_run("upload", ["a"], "/w")
    assert manifest.last_interrupted() is None  # this process is in it
    if code is not None:
        manifest.end_run(first, code, {})
    manifest.close()
    manifest = open_manifest(str(tmp_path))
    other = manifest.begin_run("upload", ["b"], "/w")
    manifest.end_run(other, 0, {})
    elsewhere = manifest.begin_run("upload", ["a"], "/elsewhere")
    manifest.end_run(elsewhere, 0, {})
    found = manifest.last_interrupted()
    assert found is not None and found.run == first
    same = manifest.begin_run("upload", ["a"], "/w")
    manifest.end_run(same, 0, {})
    assert manifest.last_interrupted() is None
    manifest.close()


def test_the_key_is_not_written_down(manifest: SqliteManifest, tmp_path: Path) -> None:
    secret = "s3cr3t-k3y"
    given = ["--api-key", secret, "-v", f"--api-key={secret}", "--", "--api-key", "photo"]
    assert without_key(given) == ["-v", "--", "--api-key", "photo"]
    manifest.begin_run("upload", given, "/")
    manifest.close()
    for path in (tmp_path / "state").iterdir():
        assert secret.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "text", [A, A.upper(), "", "x" * 36, "1111111122-22-3333-4444-555555555555", "{" + A[1:]]
)
def test_asset_ids_come_back_as_they_were(text: str) -> None:
    stored = asset_in(text)
    assert stored is not None and asset_out(stored) == text
    assert isinstance(stored, bytes) == (text == A)


def test_many_threads(manifest: SqliteManifest) -> None:
    errors: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for n in range(20):
                files = [local(f"/{worker}/{n}/{k}", mtime_ns=k) for k in range(20)]
                manifest.remember((f, Digest(sha(k), b"s")) for k, f in enumerate(files))
                assert None not in manifest.lookup(files)
                manifest.owe(1, [Debt(sha(worker * 100 + n), "album", f"T{n}")])
                manifest.settle(1, [Presence(sha(worker * 100 + n), A, True)])
                manifest.account(f"user {n}")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(manifest.payable(1)) == 120
