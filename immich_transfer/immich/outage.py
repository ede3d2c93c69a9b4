"""The circuit for a server that is away: everybody waits, one of us pings, work resumes at once.

A failure that may be the server's is brought here. The first caller pings; if the server answers,
the failure was not an outage and counts as an attempt. If not, all callers wait on the same
pings, whose pauses grow, until the server is back or the patience (`--wait`) is used up. So an
outage costs no file an attempt, and a server that is down hears one ping at a time.
"""

from __future__ import annotations

import asyncio
import random
import time
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
        self._well_at = -1e9
        self._over_at = -1e9
        self._gave_up: str | None = None

    @property
    def gave_up(self) -> bool:
        """True once the patience was used up: nothing more will be had from this server."""
        return self._gave_up is not None

    async def after(self, failure: Transient) -> bool:
        """Judge a failure that just happened: True when an outage was waited out.

        Raises ServerUnavailable when patience ran out, Interrupted when a stop was asked for.
        """
        failed_at = time.monotonic()
        async with self._lock:
            if self._over_at >= failed_at:
                return True  # it happened during an outage that is over now
            if self._well_at >= failed_at:
                return False  # somebody pinged since: the server is there
            if self._gave_up is not None:
                raise ServerUnavailable(self._gave_up, hint=RERUN)
            reason = await self._ping()
            if reason is None:
                self._well_at = time.monotonic()
                return False
            await self._sit_out(reason, failed_at)
            return True

    async def _sit_out(self, reason: str, since: float) -> None:
        misses = 0
        while True:
            left = since + self.patience - time.monotonic()
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
                self._over_at = self._well_at = time.monotonic()
                self._listener(Back(seconds=self._over_at - since))
                return
            reason = answer

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
