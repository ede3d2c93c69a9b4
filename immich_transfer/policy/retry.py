"""When to try again, and how long to wait first. Pure: clock and random come in as arguments.

Full jitter: a delay is drawn evenly from zero to an exponentially growing cap, which spreads the
clients that failed together. A quota makes retries scarce while nothing succeeds, so that a server
in trouble hears less from us, not more.
"""

from __future__ import annotations

from datetime import UTC, datetime

BASE_SECONDS = 0.5
"""First cap of the jitter: a server restarts in seconds, a proxy recovers in less."""
CAP_SECONDS = 30.0
"""A pause longer than this makes people think the tool hangs."""
RETRY_AFTER_CAP_SECONDS = 3600.0
"""A Retry-After beyond an hour is taken as a mistake and cut to this."""


def backoff(attempt: int, draw: float) -> float:
    """Seconds before attempt number `attempt` (2 is the first retry); `draw` is in [0, 1)."""
    cap = min(CAP_SECONDS, BASE_SECONDS * 2.0 ** max(0, attempt - 2))
    return draw * cap


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds the server asked us to wait: a number or an HTTP date (RFC 9110, 10.2.3).

    None when the header is missing or makes no sense; never negative.
    """
    if not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_CAP_SECONDS)
    when = _moment(text)
    if when is None:
        return None
    return max(0.0, min((when - now).total_seconds(), RETRY_AFTER_CAP_SECONDS))


def told_clock(date: str | None, now: datetime) -> datetime:
    """The server's own clock, by which its dates are meant (header `Date`), else ours: clocks that
    disagree by an hour must not turn two seconds into an hour."""
    return _moment(date or "") or now


def _moment(date: str) -> datetime | None:
    """An HTTP date (RFC 9110), None where it is none. One without a zone is UTC."""
    from email.utils import parsedate_to_datetime  # 2 ms that most runs never need

    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


class RetryQuota:
    """Tokens that retries cost and successes give back.

    When none are left a retry is not refused (a photo is not dropped for being unlucky) but put on
    the slow lane: it waits the full cap. So a server that only fails hears at most
    `capacity / cost` quick retries, then one per transfer and `CAP_SECONDS`.
    """

    def __init__(self, capacity: int = 500, cost: int = 5) -> None:
        self._capacity = capacity
        self._cost = cost
        self._tokens = capacity

    @property
    def tokens(self) -> int:
        return self._tokens

    def pay(self) -> bool:
        """Take the price of one quick retry; False when the quota is used up."""
        if self._tokens < self._cost:
            return False
        self._tokens -= self._cost
        return True

    def refund(self) -> None:
        """A request succeeded: one token comes back."""
        if self._tokens < self._capacity:
            self._tokens += 1


def ping_pause(misses: int, draw: float) -> float:
    """Seconds until the next ping of a server that is away: 0.5 s growing to 15 s, ±20 %."""
    return min(15.0, 0.5 * 1.6 ** min(misses, 12)) * (0.8 + 0.4 * draw)
