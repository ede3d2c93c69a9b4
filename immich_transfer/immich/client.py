"""Requests with patience: tried again by the rules, and counted."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from immich_transfer.errors import ServerUnavailable, Stumbled, Throttled, Transient
from immich_transfer.events import Retrying
from immich_transfer.policy.retry import CAP_SECONDS, backoff

from .attempts import Attempts
from .reading import decode
from .wire import Counted

T = TypeVar("T")


class Http(Attempts):
    """A session with one server. Use as an async context manager."""

    quickest = math.inf
    """Seconds: the least that a call took, which is the line's round trip and little more."""

    async def persist(
        self,
        attempt: Callable[[int], Awaitable[T]],
        what: str,
        *,
        on_failure: Callable[[Transient], None] | None = None,
    ) -> T:
        """Make attempts until one succeeds or they are used up; then raise the last Transient.

        Outages and asked-for pauses cost no attempt (within `--wait`), everything else does.
        """
        number = 1
        paused = 0.0
        while True:
            paused += await self.outage.turn()
            try:
                return await attempt(number)
            except Transient as failure:
                self.totals.retries += 1
                if on_failure is not None:
                    on_failure(failure)
                # A wait of nothing asks for nothing: our own, growing one is kinder.
                if isinstance(failure, Throttled) and failure.retry_after:
                    if paused + failure.retry_after <= self._transfer.wait:
                        self._listener(Retrying(what, failure.message, failure.retry_after))
                        self.outage.ask(failure.retry_after)
                        continue
                elif not isinstance(failure, Stumbled) and await self.outage.after(failure):
                    continue
                number += 1
                if number > self._transfer.retries:
                    self.totals.retries -= 1
                    raise
                delay = backoff(number, random.random()) if self.quota.pay() else CAP_SECONDS
                self._listener(Retrying(what, failure.message, delay))
                await self.outage.pause(delay)

    async def call(
        self,
        method: str,
        path: str,
        answer: type[T],
        *,
        json: Any = None,
        what: str | None = None,
        done: Callable[[], Awaitable[T | None]] | None = None,
    ) -> T:
        """A JSON call that the run depends on: ServerUnavailable when it cannot be had.

        For what must not be done twice, `done` says before another attempt whether the last one
        did it and only its answer was lost: with what that would have been.
        """
        return await self._insist(method, path, lambda body: decode(body, answer), json, what, done)

    async def tell(
        self, method: str, path: str, *, json: Any = None, what: str | None = None
    ) -> None:
        """A call whose answer has no body, or some versions' count of what was done. Raises as
        `call` does; whatever else comes, something in between said it, and it may not be done."""
        await self._insist(method, path, _read_nothing, json, what)

    async def _insist(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], T],
        json: Any,
        what: str | None,
        done: Callable[[], Awaitable[T | None]] | None = None,
    ) -> T:
        data = None if json is None else msgspec.json.encode(json)
        headers = None if json is None else {"Content-Type": "application/json"}
        asked = 0.0

        async def attempt(_: int) -> T:
            nonlocal asked
            if asked and done is not None and (found := await done()) is not None:
                return found
            asked = time.monotonic()
            _status, body = await self.once(method, path, data=data, headers=headers)
            self.quickest = min(self.quickest, time.monotonic() - asked)
            return read(body)

        try:
            return await self.persist(attempt, what or f"{method} /{path}")
        except Transient as failure:
            raise ServerUnavailable(
                f"{method} /{path} failed {self._transfer.retries} times: {failure.message}",
                hint="run the same command again later; nothing is lost",
            ) from None


def _read_nothing(body: bytes) -> None:
    if body:
        decode(body, Counted)
