"""Which contents a dry run has come across: a million checksums cost a cache, not their number."""

from __future__ import annotations

from collections.abc import Iterable

from immich_transfer.model import Sha1

from .scratch import Scratch


class Seen(Scratch):
    """Checksums, on disk and gone when it is closed."""

    def __init__(self) -> None:
        super().__init__("CREATE TABLE seen (sha1 BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, sha1s: Iterable[Sha1]) -> list[bool]:
        """Take note of each, in order; True for those that were not there before."""
        with self._use() as db:
            return [
                db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (sha1,)).rowcount == 1
                for sha1 in sha1s
            ]
