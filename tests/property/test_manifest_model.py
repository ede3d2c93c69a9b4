"""Any sequence of writes, reopenings and questions: the manifest answers as a few dicts would."""

from __future__ import annotations

import shutil
import tempfile

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from immich_transfer.manifest.sqlite import SqliteManifest, open_manifest
from immich_transfer.manifest.store import Presence
from immich_transfer.model import AssetId, Debt, Digest, Fingerprint, Known, LocalFile, Sha1

PATHS = ["/a", "/a/b", "/a b", "/\udcff", "/é", "/z/z"]
SHAS = [Sha1(bytes([n]) * 20) for n in range(4)]
ASSETS = [AssetId(f"0000000{n}-0000-4000-8000-00000000000{n}") for n in range(3)]
ACCOUNTS = [1, 2]

paths = st.sampled_from(PATHS)
shas = st.sampled_from(SHAS)
assets = st.sampled_from(ASSETS)
accounts = st.sampled_from(ACCOUNTS)
prints = st.builds(
    Fingerprint,
    size=st.integers(0, 1),
    mtime_ns=st.integers(-1, 1),
    inode=st.sampled_from([0, 1, (1 << 64) - 1]),
)
files = st.builds(
    LocalFile, path=paths, shown=st.just(""), folder=st.just(""), root=st.just("/"),
    fingerprint=prints,
)  # fmt: skip
digests = st.builds(Digest, sha1=shas, sample=st.binary(max_size=2))
presences = st.builds(
    Presence, sha1=shas, asset_id=assets, uploaded=st.booleans(),
    sidecar_stamp=st.none() | st.sampled_from(["1:1", "2:2"]),
)  # fmt: skip
debts = st.builds(
    Debt, sha1=shas, kind=st.sampled_from(["album", "tag"]),
    target=st.sampled_from(["x", "é", "\udcff"]), asset_id=st.none() | assets,
)  # fmt: skip

Key = tuple[int, Sha1, str, str]


class ManifestMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.state = tempfile.mkdtemp()
        self.manifest: SqliteManifest = open_manifest(self.state)
        self.files: dict[str, tuple[Fingerprint, Digest]] = {}
        self.contents: dict[tuple[int, Sha1], Known] = {}
        self.owed: dict[Key, tuple[AssetId | None, str]] = {}

    def teardown(self) -> None:
        self.manifest.close()
        shutil.rmtree(self.state)

    @rule()
    def reopen(self) -> None:
        self.manifest.close()
        self.manifest = open_manifest(self.state)
        assert self.manifest.notice is None
        for key, (asset, state) in self.owed.items():
            if state == "deferred":
                self.owed[key] = (asset, "owed")

    @rule(rows=st.lists(st.tuples(files, digests), max_size=5))
    def remember(self, rows: list[tuple[LocalFile, Digest]]) -> None:
        self.manifest.remember(rows)
        for file, digest in rows:
            self.files[file.path] = (file.fingerprint, digest)

    @rule(gone=st.lists(paths, max_size=3))
    def forget(self, gone: list[str]) -> None:
        self.manifest.forget(gone)
        for path in gone:
            self.files.pop(path, None)

    @rule(asked=st.lists(files, max_size=8))
    def lookup(self, asked: list[LocalFile]) -> None:
        expected: list[Sha1 | None] = []
        for file in asked:
            then, digest = self.files.get(file.path, (None, None))
            now = file.fingerprint
            same = (
                then is not None
                and (then.size, then.mtime_ns) == (now.size, now.mtime_ns)
                and (then.inode == now.inode or 0 in (then.inode, now.inode))
            )
            expected.append(digest.sha1 if same and digest is not None else None)
        assert self.manifest.lookup(asked) == expected

    @rule(asked=st.lists(files, max_size=4))
    def lookalikes(self, asked: list[LocalFile]) -> None:
        expected: dict[str, set[Digest]] = {}
        for file in asked:
            for then, digest in self.files.values():
                now = file.fingerprint
                if (then.size, then.mtime_ns) == (now.size, now.mtime_ns):
                    expected.setdefault(file.path, set()).add(digest)
        found = self.manifest.lookalikes(asked)
        if len({file.path for file in asked}) == len(asked):
            assert {path: set(digests) for path, digests in found.items()} == expected

    @rule(account=accounts, rows=st.lists(presences, max_size=4))
    def settle(self, account: int, rows: list[Presence]) -> None:
        self.manifest.settle(account, rows)
        for row in rows:
            before = self.contents.get((account, row.sha1), Known(row.asset_id, False))
            self.contents[account, row.sha1] = Known(
                row.asset_id,
                before.uploaded or row.uploaded,
                row.sidecar_stamp or before.sidecar_stamp,
            )
            for key, (asset, _) in self.owed.items():
                if key[:2] == (account, row.sha1) and asset != row.asset_id:
                    self.owed[key] = (row.asset_id, "owed")

    @rule(account=accounts, gone=st.lists(shas, max_size=3))
    def unsettle(self, account: int, gone: list[Sha1]) -> None:
        self.manifest.unsettle(account, gone)
        for sha1 in gone:
            self.contents.pop((account, sha1), None)
            for key in self.owed:
                if key[:2] == (account, sha1):
                    self.owed[key] = (None, "owed")

    @rule(account=accounts, rows=st.lists(debts, max_size=4))
    def owe(self, account: int, rows: list[Debt]) -> None:
        self.manifest.owe(account, rows)
        for debt in rows:
            key = (account, debt.sha1, debt.kind, debt.target)
            before = self.owed.get(key)
            if before is None or (debt.asset_id is not None and debt.asset_id != before[0]):
                self.owed[key] = (debt.asset_id, "owed")

    @rule(account=accounts, rows=st.lists(debts, max_size=4), defer=st.booleans())
    def mark(self, account: int, rows: list[Debt], defer: bool) -> None:
        if defer:
            self.manifest.defer(account, rows, "why")
        else:
            self.manifest.pay(account, rows)
        for debt in rows:
            key = (account, debt.sha1, debt.kind, debt.target)
            asset, state = self.owed.get(key, (None, "paid"))
            if state != "paid" and asset == debt.asset_id:
                self.owed[key] = (asset, "deferred" if defer else "paid")

    @rule(account=accounts, limit=st.integers(1, 3))
    def pay_what_is_payable(self, account: int, limit: int) -> None:
        offered = self.manifest.payable(account, limit)
        self.manifest.pay(account, offered)
        for debt in offered:
            self.owed[account, debt.sha1, debt.kind, debt.target] = (debt.asset_id, "paid")

    @invariant()
    def answers_agree(self) -> None:
        for account in ACCOUNTS:
            known = {sha1: k for (of, sha1), k in self.contents.items() if of == account}
            assert self.manifest.known(account, SHAS) == known
            mine = {key: value for key, value in self.owed.items() if key[0] == account}
            owed = {
                Debt(key[1], key[2], key[3], asset): state
                for key, (asset, state) in mine.items()
                if state != "paid"
            }
            assert {debt for debt, _ in self.manifest.debts(account)} == set(owed)
            assert self.manifest.debt_count(account) == len(owed)
            payable = [d for d, state in owed.items() if state == "owed" and d.asset_id is not None]
            offered = self.manifest.payable(account)
            assert len(offered) == len(payable) and set(offered) == set(payable)
            targets = [(debt.kind, debt.target) for debt in offered]
            groups = [t for n, t in enumerate(targets) if n == 0 or targets[n - 1] != t]
            assert len(groups) == len(set(groups))
            waiting = any(debt.asset_id is None for debt in owed)
            assert self.manifest.waiting_debts(account) == waiting


ManifestMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestManifestModel = ManifestMachine.TestCase
