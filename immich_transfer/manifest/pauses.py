"""Queues of a server that we paused: written down before the pause, struck off once they go on."""

from __future__ import annotations

from collections.abc import Iterable

from .database import Room
from .encoding import prose
from .store import PausedQueue


class Pauses(Room):
    """The part of the manifest that knows which queues wait for us."""

    def owe_resuming(self, account: int, server: str, queues: Iterable[str]) -> None:
        """Promise to resume these queues of the server at this address."""
        rows = [(prose(server), prose(queue), account) for queue in queues]
        if not rows or not self._db.writable:
            return
        # A server that is paused outlives a power cut here: so must the promise.
        with self._db.write(durable=True) as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO pauses (server, queue, account) VALUES (?,?,?)", rows
            )

    def paused_queues(
        self, account: int | None = None, server: str | None = None
    ) -> list[PausedQueue]:
        """What waits to be resumed: everything, or what this account paused, wherever its server
        was then, together with what anybody paused at this address."""
        where = "1" if account is None and server is None else "account IS ? OR server IS ?"
        values = () if account is None and server is None else (account, prose(server))
        with self._db.read() as connection:
            rows = connection.execute(
                f"SELECT server, queue FROM pauses WHERE {where} ORDER BY server, queue", values
            ).fetchall()
        return [PausedQueue(*row) for row in rows]

    def resumed(self, queues: Iterable[PausedQueue]) -> None:
        """These go on, or are no longer there."""
        rows = [(prose(queue.server), prose(queue.name)) for queue in queues]
        if not rows or not self._db.writable:
            return
        with self._db.write() as connection:
            connection.executemany("DELETE FROM pauses WHERE server = ? AND queue = ?", rows)
