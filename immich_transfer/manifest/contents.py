"""What the server holds, per account: facts it told us, cached. It is asked again in every run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from immich_transfer.model import Known, Sha1

from .database import Room, chunks, marks
from .encoding import asset_in, asset_out
from .store import Presence


class Contents(Room):
    """The part of the manifest that knows what was settled."""

    def known(self, account: int, sha1s: Sequence[Sha1]) -> dict[Sha1, Known]:
        """What is remembered of these contents; those never settled are left out."""
        found: dict[Sha1, Known] = {}
        with self._db.read() as connection:
            for chunk in chunks(sha1s):
                for sha1, asset, uploaded, stamp in connection.execute(
                    "SELECT sha1, asset_id, uploaded, sidecar_stamp FROM contents"
                    f" WHERE account = ? AND sha1 IN ({marks(len(chunk))})",
                    (account, *chunk),
                ):
                    found[sha1] = Known(asset_out(asset), bool(uploaded), stamp)
        return found

    def settle(self, account: int, rows: Iterable[Presence]) -> None:
        """Record presences and give their asset ids to debts of the same content.

        A content that lives on as another asset (deleted and sent again) owes its albums anew.
        """
        contents = []
        debts = []
        for row in rows:
            asset = asset_in(row.asset_id)
            contents.append((account, row.sha1, asset, row.uploaded, row.sidecar_stamp))
            debts.append((asset, account, row.sha1, asset))
        if not contents or not self._db.writable:
            return
        with self._db.write() as connection:
            # The last condition leaves pages clean when nothing is new, as on most re-runs.
            connection.executemany(
                "INSERT INTO contents VALUES (?,?,?,?,?)"
                " ON CONFLICT DO UPDATE SET asset_id = excluded.asset_id,"
                " uploaded = max(uploaded, excluded.uploaded),"
                " sidecar_stamp = coalesce(excluded.sidecar_stamp, sidecar_stamp)"
                " WHERE asset_id IS NOT excluded.asset_id OR uploaded < excluded.uploaded"
                " OR coalesce(excluded.sidecar_stamp, sidecar_stamp) IS NOT sidecar_stamp",
                contents,
            )
            if connection.execute(
                "SELECT 1 FROM debts WHERE account = ? LIMIT 1", (account,)
            ).fetchone():
                connection.executemany(
                    "UPDATE debts SET asset_id = ?, state = 0"
                    " WHERE account = ? AND sha1 = ? AND asset_id IS NOT ?",
                    debts,
                )

    def unsettle(self, account: int, sha1s: Iterable[Sha1]) -> None:
        """The server no longer has these: forget them, and let their albums and tags be owed
        again, waiting for the asset that comes."""
        keys = [(account, sha1) for sha1 in sha1s]
        if not keys or not self._db.writable:
            return
        with self._db.write() as connection:
            connection.executemany("DELETE FROM contents WHERE account = ? AND sha1 = ?", keys)
            connection.executemany(
                "UPDATE debts SET asset_id = NULL, state = 0 WHERE account = ? AND sha1 = ?", keys
            )
