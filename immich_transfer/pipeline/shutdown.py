"""Ctrl-C and SIGTERM: once means finish what is in flight, twice means drop it. Both resume."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
from anyio.abc import TaskGroup

from immich_transfer.errors import Exit

from .run import Run

_CODES = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}
_hearers: list[Callable[[signal.Signals], None]] = []
"""Who hears signals, the innermost last; those outside hear again once it is done."""


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
    _hearers.append(hear)
    try:
        yield
    finally:
        _hearers.remove(hear)
        for number in installed:
            # Replaced, not removed first: in between a signal would end the process as it is.
            if _hearers:
                loop.add_signal_handler(number, _hearers[-1], number)
            else:
                loop.remove_signal_handler(number)


@asynccontextmanager
async def stages_of(run: Run) -> AsyncIterator[TaskGroup]:
    """A group for the stages of a run: the first signal halts it, the second cancels what is in
    flight. Leaving waits for all stages; what was cancelled is over then, not raised."""
    group = anyio.create_task_group()

    def drop() -> None:
        run.dropped = True
        group.cancel_scope.cancel()

    with heed_signals(run.halt, drop):
        async with group:
            yield group
