"""The circuit for a server that is away: everybody waits, one of us pings, work resumes at once.

A failure that may be the server's is brought here. The first caller pings; if the server answers,
the failure was not an outage and counts as an attempt. If not, all callers wait on the same
pings, whose pauses grow, until the server is back or the patience (`--wait`) is used up. So an
outage costs no file an attempt, and a server that is down hears one ping at a time.

A server that is there but asks for patience (Retry-After) hears one of us at a time, too: so long
as nothing succeeds, attempts take turns that are as far apart as it asked.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from immich_transfer.errors import Interrupted, ServerUnavailable, Transient
from immich_transfer.events import Back, Listener, Waiting
from immich_transfer.policy.retry import ping_pause

Ping = Callable[[], Awaitable[str | None]]
"""Asks the server; None when it is well, else why it is not."""


class Outage:
    """One per server. `patience` in seconds; 0 gives up at the first failed ping."""

    def __init__(
        self, ping: Ping, patience: float, stop: asyncio.Event, listener: Listener
    ) -> None:
        self._ping = ping
        self.patience = patience
        self._stop = stop
        self._listener = listener
        self._lock = asyncio.Lock()
        self._away = False
        self._well_at = -1e9
        self._over_at = -1e9
        self._away_for = 0.0
        """Seconds of outages since anything but a ping succeeded: they share one patience, or a
        server that only answers pings would be waited for without end."""
        self._gave_up: str | None = None
        self._apart = 0.0
        """Seconds between two attempts while the server asks for patience."""
        self._quiet_until = self._next_turn = 0.0
        self._relieved = asyncio.Event()

    @property
    def gave_up(self) -> bool:
        """True once the patience was used up: nothing more will be had from this server."""
        return self._gave_up is not None

    async def after(self, failure: Transient) -> bool:
        """Judge a failure that just happened: True when an outage was waited out.

        Raises ServerUnavailable when patience ran out, Interrupted when a stop was asked for.
        """
        failed_at = _now()
        async with self._lock:
            if self._over_at >= failed_at:
                return True  # it happened during an outage that is over now
            if self._well_at >= failed_at:
                return False  # somebody pinged since: the server is there
            self._mind()
            reason = await self._ping()
            if reason is None:
                self._well_at = _now()
                return False
            self._away = True
            try:
                await self._sit_out(reason, failed_at)
            finally:
                self._away = False
            return True

    def _mind(self) -> None:
        """Raises what ends all waiting: the patience is used up, or a stop was asked for."""
        if self._gave_up is not None:
            raise ServerUnavailable(self._gave_up, hint=RERUN)
        if self._stop.is_set():
            raise Interrupted("stopped while waiting for the server")

    async def _sit_out(self, reason: str, since: float) -> None:
        misses = 0
        while True:
            left = since + self.patience - self._away_for - _now()
            if left <= 0:
                self._gave_up = (
                    f"the server is away ({reason}) and did not come back"
                    f" within {self.patience:g} s"
                    if self.patience
                    else f"the server is away ({reason})"
                )
                raise ServerUnavailable(self._gave_up, hint=RERUN)
            self._listener(Waiting(reason=reason, until_giving_up=left))
            await self.pause(min(left, ping_pause(misses, random.random())))
            misses += 1
            answer = await self._ping()
            if answer is None:
                self._over_at = self._well_at = _now()
                self._away_for += self._over_at - since
                self._listener(Back(seconds=self._over_at - since))
                return
            reason = answer

    # patience that was asked for

    def ask(self, seconds: float) -> None:
        """The server wants to be left alone for so long: nobody goes before that."""
        if not self._apart:
            self._relieved = asyncio.Event()
        self._apart = seconds
        self._quiet_until = _now() + seconds
        self._next_turn = max(self._next_turn, self._quiet_until)

    def relieve(self) -> None:
        """Something succeeded: everybody may go, unless it was on its way when the server asked."""
        self._away_for = 0.0
        if self._apart and _now() >= self._quiet_until:
            self._apart = self._next_turn = 0.0
            self._relieved.set()

    async def back(self) -> None:
        """Wait while the server is away: nobody but the one who pings asks it anything.

        Raises ServerUnavailable when the patience ran out, Interrupted when a stop was asked for.
        """
        while self._away:
            async with self._lock:
                self._mind()

    async def turn(self) -> float:
        """Wait until the server is `back`, and for one's turn while it asks for patience; the
        seconds that the latter took. Raises as `back` does."""
        await self.back()
        if not self._apart:
            return 0.0
        started = now = _now()
        while self._apart and (now == started or now < self._quiet_until):
            mine = max(now, self._next_turn)
            self._next_turn = mine + self._apart
            await self._relief(mine - now)
            now = _now()
        return now - started

    async def _relief(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (self._relieved, self._stop)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._mind()

    async def pause(self, seconds: float) -> None:
        """Sleep, unless a stop is asked for: then raise Interrupted."""
        if self._stop.is_set():
            raise Interrupted("stopped while waiting for the server")
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
        raise Interrupted("stopped while waiting for the server")


RERUN = "run the same command again, or `immich-transfer resume`, when the server is back"


def _now() -> float:
    """Seconds of the loop's own clock, which no change of the date moves."""
    return asyncio.get_running_loop().time()
