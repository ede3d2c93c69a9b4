"""When does a file count as finished, and when is something tried again? Pure.

    notified or found ─► seen(stamp) ─► waits ─► seen(same stamp, long enough after) ─► finished

A file is finished when size and mtime were the same at two looks that are the settle time apart.
Notifications alone would not do: a file server tells nothing of what others write. Only a walk may
take a file at once, when its mtime is older than that and it is not being waited for.
"""

from __future__ import annotations

from typing import NamedTuple

MOST_WAITING = 100_000
"""Files waited for at once; what comes on top is found by the next look at everything."""

OUTAGE_PAUSES = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds before the server, or a manifest that another run holds, is tried again."""
FAILED_PAUSES = (5.0, 30.0, 120.0, 600.0)
"""Seconds before files that failed are tried again; later the looks at everything find them."""


class Stamp(NamedTuple):
    """What changes when a file is written."""

    size: int
    mtime_ns: int


class _Wait(NamedTuple):
    stamp: Stamp
    since: float


class Settling:
    """The files that are waited for. Times are of one clock that never goes back, in seconds."""

    def __init__(self, settle: float, most: int = MOST_WAITING) -> None:
        self._settle = settle
        self._most = most
        self._waits: dict[str, _Wait] = {}
        """In the order of `since`: what changes goes to the end."""
        self.overflowed = False
        """True once a file could not be waited for."""

    def __len__(self) -> int:
        return len(self._waits)

    def __contains__(self, path: str) -> bool:
        return path in self._waits

    def seen(self, path: str, stamp: Stamp | None, now: float) -> bool:
        """Note how a file looks; None says that it is gone. True when it is finished: it is not
        waited for any more."""
        known = self._waits.get(path)
        if stamp is None:
            self._waits.pop(path, None)
            return False
        if known is None and len(self._waits) >= self._most:
            self.overflowed = True
            return False
        if known is None or known.stamp != stamp:
            self._restart(path, stamp, now)
            known = self._waits[path]
        if now - known.since < self._settle:
            return False
        del self._waits[path]
        return True

    def hold(self, path: str, now: float) -> None:
        """Something that belongs to this file changed: wait for both."""
        known = self._waits.get(path)
        if known is not None:
            self._restart(path, known.stamp, now)

    def due(self, now: float) -> list[str]:
        """Files to look at again, because their time is over."""
        found = []
        for path, wait in self._waits.items():
            if now - wait.since < self._settle:
                break
            found.append(path)
        return found

    def next_due(self) -> float | None:
        """When `due` will have something; None when nothing is waited for."""
        first = next(iter(self._waits.values()), None)
        return None if first is None else first.since + self._settle

    def waiting(self) -> frozenset[str]:
        return frozenset(self._waits)

    def _restart(self, path: str, stamp: Stamp, now: float) -> None:
        self._waits.pop(path, None)
        self._waits[path] = _Wait(stamp, now)


def at_rest(mtime_ns: int, now_ns: int, settle: float) -> bool:
    """True when a file that a walk found was not written for the settle time. One from the future
    is not: its clock says nothing."""
    age = now_ns - mtime_ns
    return age >= settle * 1e9 if age >= 0 else False


def outage_pause(times: int) -> float:
    """Seconds to wait after so many rounds that could not be held."""
    return OUTAGE_PAUSES[min(times, len(OUTAGE_PAUSES)) - 1]


def failed_pause(times: int) -> float | None:
    """Seconds to wait after files failed so many times; None leaves them to the next walk."""
    return FAILED_PAUSES[times - 1] if times <= len(FAILED_PAUSES) else None
