"""Ctrl-C and SIGTERM: once means finish what is in flight, twice means drop it. Both resume."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from immich_transfer.errors import Exit

_CODES = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}


@contextmanager
def heed_signals(stop: Callable[[Exit], None], drop: Callable[[], None]) -> Iterator[None]:
    """While inside, the first SIGINT or SIGTERM calls `stop` with its exit code, the next `drop`.

    Does nothing outside the main thread or where the loop has no signal handlers (Windows): there
    KeyboardInterrupt ends the run as a crash would, and the manifest resumes it all the same.
    """
    loop = asyncio.get_running_loop()
    seen = 0

    def hear(number: signal.Signals) -> None:
        nonlocal seen
        seen += 1
        if seen == 1:
            stop(_CODES[number])
        else:
            drop()

    installed = []
    for number in _CODES:
        try:
            loop.add_signal_handler(number, hear, number)
        except (NotImplementedError, RuntimeError, ValueError):
            continue
        installed.append(number)
    try:
        yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
