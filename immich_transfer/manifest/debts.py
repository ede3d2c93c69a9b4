"""Debts: album and tag entries promised before an upload, struck off after the server's answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from immich_transfer.model import Debt, Sha1

from .database import Room
from .encoding import asset_in, asset_out, name_in, name_out, prose

_OWED = (
    "SELECT d.sha1, t.kind, t.name, d.asset_id, d.reason"
    " FROM debts d JOIN targets t ON t.id = d.target"
)


class Debts(Room):
    """The part of the manifest that knows what is still to be done."""

    def owe(self, account: int, debts: Iterable[Debt]) -> None:
        """Promise entries. One already there stays as it is, unless the content is now known to
        be another asset: then it is owed for that one."""
        wanted = list(debts)
        if not wanted or not self._db.writable:
            return
        with self._db.write() as connection:
            targets = _targets(connection, wanted, create=True)
            connection.executemany(
                "INSERT INTO debts (account, sha1, target, asset_id) VALUES (?,?,?,?)"
                " ON CONFLICT DO UPDATE SET asset_id = excluded.asset_id, state = 0"
                " WHERE excluded.asset_id IS NOT NULL AND excluded.asset_id IS NOT asset_id",
                [
                    (account, d.sha1, targets[d.kind, d.target], asset_in(d.asset_id))
                    for d in wanted
                ],
            )

    def waiting_debts(self, account: int) -> bool:
        """True when debts wait for an asset id."""
        with self._db.read() as connection:
            row = connection.execute(
                "SELECT 1 FROM debts WHERE account = ? AND state <> 1 AND asset_id IS NULL LIMIT 1",
                (account,),
            ).fetchone()
        return row is not None

    def payable(self, account: int, limit: int = 1000) -> list[Debt]:
        """Owed, with a known asset id, grouped by kind and target."""
        with self._db.read() as connection:
            rows = connection.execute(
                f"{_OWED} WHERE d.account = ? AND d.state = 0 AND d.asset_id IS NOT NULL"
                " ORDER BY d.target LIMIT ?",
                (account, limit),
            ).fetchall()
        return [_debt(*row[:4]) for row in rows]

    def pay(self, account: int, debts: Iterable[Debt]) -> None:
        """Strike off; kept as paid so that a later run does not ask for it again."""
        self._mark(account, debts, "state = 1, reason = NULL", None)

    def defer(self, account: int, debts: Iterable[Debt], reason: str) -> None:
        """Leave owed, remember why, and do not offer again until the manifest is reopened."""
        self._mark(account, debts, "state = 2, reason = ?", reason)

    def debts(self, account: int | None = None, limit: int = 1000) -> list[tuple[Debt, str | None]]:
        """What is owed, with the last reason."""
        where, values = _of(account)
        with self._db.read() as connection:
            rows = connection.execute(f"{_OWED} WHERE {where} LIMIT ?", (*values, limit)).fetchall()
        return [(_debt(*row[:4]), row[4]) for row in rows]

    def debt_count(self, account: int | None = None) -> int:
        """How many entries are owed, whether payable, waiting or deferred."""
        where, values = _of(account)
        with self._db.read() as connection:
            row = connection.execute(f"SELECT count(*) FROM debts d WHERE {where}", values)
            return int(row.fetchone()[0])

    def reopen(self, account: int, kind: str, target: str) -> None:
        """The album or tag is gone from the server: what was paid into it is owed again."""
        if not self._db.writable:
            return
        with self._db.write() as connection:
            connection.execute(
                "UPDATE debts SET state = 0 WHERE account = ? AND state = 1 AND target ="
                " (SELECT id FROM targets WHERE kind = ? AND name = ?)",
                (account, kind, name_in(target)),
            )

    def due_count(self, account: int) -> int:
        """How many of them could be paid: their photo is on the server."""
        with self._db.read() as connection:
            row = connection.execute(
                "SELECT count(*) FROM debts"
                " WHERE account = ? AND state <> 1 AND asset_id IS NOT NULL",
                (account,),
            )
            return int(row.fetchone()[0])

    def _mark(self, account: int, debts: Iterable[Debt], change: str, reason: str | None) -> None:
        wanted = list(debts)
        if not wanted or not self._db.writable:
            return
        first = () if reason is None else (prose(reason),)
        with self._db.write() as connection:
            targets = _targets(connection, wanted, create=False)
            # The asset must still be the one that was offered: a content that was deleted and
            # sent again in between still owes its entry.
            connection.executemany(
                f"UPDATE debts SET {change}"
                " WHERE account = ? AND sha1 = ? AND target = ? AND asset_id IS ? AND state <> 1",
                [
                    (*first, account, d.sha1, target, asset_in(d.asset_id))
                    for d in wanted
                    if (target := targets.get((d.kind, d.target))) is not None
                ],
            )


def _of(account: int | None) -> tuple[str, tuple[int, ...]]:
    if account is None:
        return "d.state <> 1", ()
    return "d.state <> 1 AND d.account = ?", (account,)


def _debt(sha1: bytes, kind: str, target: bytes, asset: bytes | str | None) -> Debt:
    return Debt(Sha1(sha1), kind, name_out(target), None if asset is None else asset_out(asset))


def _targets(
    connection: sqlite3.Connection, debts: list[Debt], *, create: bool
) -> dict[tuple[str, str], int]:
    """Row numbers of the albums and tags these debts name."""
    numbers: dict[tuple[str, str], int] = {}
    for kind, name in dict.fromkeys((debt.kind, debt.target) for debt in debts):
        key = (kind, name_in(name))
        if create:
            connection.execute("INSERT OR IGNORE INTO targets (kind, name) VALUES (?,?)", key)
        row = connection.execute(
            "SELECT id FROM targets WHERE kind = ? AND name = ?", key
        ).fetchone()
        if row is not None:
            numbers[kind, name] = row[0]
    return numbers
