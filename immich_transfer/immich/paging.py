"""Lists that come in pages end, whatever the server says of a next one."""

from __future__ import annotations

from collections.abc import Sequence

from immich_transfer.errors import ServerUnavailable, Transient

MOST_PAGES = 20_000
"""Of 1,000 each: 20 million assets. The largest servers have a tenth of that."""
MOST_ODD = 100
"""Pages in a row that are half empty or repeat the one before, though there is said to be more. A
search that divides an instant sees a page again, but not so often (a span has some 40 halves)."""
MOST_MONTHS = 30_000
"""2,500 years."""


class Pages:
    """Counts the pages of one list. `size` is what a full one has."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pages = self._odd = 0
        self._before = 0

    def saw(self, ids: Sequence[str], *, more: bool) -> None:
        """One more page. Raises ServerUnavailable when this is no list that ends."""
        if not more:
            return
        this = hash(tuple(ids))
        self._pages += 1
        odd = len(ids) * 2 < self._size or this == self._before
        self._odd = self._odd + 1 if odd else 0
        self._before = this
        if self._pages > MOST_PAGES or self._odd > MOST_ODD:
            raise endless()


def endless() -> ServerUnavailable:
    """The server does not answer as Immich does."""
    return ServerUnavailable(
        "the server's list has no end: page after page brings nothing new, or too much",
        hint="is it Immich, and is there a proxy in between that repeats answers?",
    )


def middle(first: int, last: int, added: Sequence[int]) -> int:
    """An instant between the two that parts them where the assets are: the median of those that a
    page showed; half way where a server does not tell when they were added (< 1.140)."""
    seen = sorted(ms for ms in added if first <= ms <= last)
    middle = seen[len(seen) // 2] if seen else (first + last) // 2
    return min(max(middle, first + 1), last - 1)


def lost(what: str, failure: Transient) -> ServerUnavailable:
    """All attempts at a list failed, the last one like this."""
    return ServerUnavailable(
        f"{what} failed: {failure.message}",
        hint="run the same command again later; nothing is lost",
    )
