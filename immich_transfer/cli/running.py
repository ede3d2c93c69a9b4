"""Run a flow with its reports: the one place where the event loop starts.

Ctrl-C while the flow runs is its own business (`pipeline/shutdown.py`); before and after, it ends
the command with 130, SIGTERM with 143.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from typing import Any, TextIO, TypeVar

from immich_transfer.errors import Exit, Interrupted
from immich_transfer.events import Event, Listener
from immich_transfer.model import Summary
from immich_transfer.report import Report, choose

from .logfile import LogFile

T = TypeVar("T")

TICK_SECONDS = 1.0
"""How often reports may say what is due while nothing happens."""


def run_transfer(
    work: Callable[[Listener], Coroutine[Any, Any, Summary]],
    params: Mapping[str, Any],
    *,
    log_file: str | None,
    progress: bool | None,
    results: TextIO | None = None,
) -> int:
    """Run `work` with the reports that the output flags in `params` ask for. The summary goes to
    `results`, or to stdout."""
    with ExitStack() as closing:
        # Opened first: a log that cannot be written is a usage error before anything is sent.
        log = closing.enter_context(LogFile(log_file)) if log_file is not None else None
        report = closing.enter_context(
            choose(
                json=params["json"],
                progress=progress,
                quiet=params["quiet"],
                verbosity=params["verbose"],
                stdout=_stream(closing, results or sys.stdout),
                stderr=_stream(closing, sys.stderr),
            )
        )

        def hear(event: Event) -> None:
            report(event)
            if log is not None:
                log(event)

        return run_async(_ticking(report, work(hear))).exit_code


def _stream(closing: ExitStack, stream: TextIO | None) -> TextIO:
    """A stream that was closed before we began (`>&-`) swallows what it gets."""
    return stream if stream is not None else closing.enter_context(open(os.devnull, "w"))


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, with SIGTERM as orderly an end as Ctrl-C."""
    return asyncio.run(_heeding_sigterm(work))


async def _ticking(report: Report, work: Coroutine[Any, Any, Summary]) -> Summary:
    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            report.tick()

    ticker = asyncio.create_task(tick())
    try:
        return await work
    finally:
        ticker.cancel()
        await asyncio.gather(ticker, return_exceptions=True)


async def _heeding_sigterm(work: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    terminated = False

    def hear() -> None:
        nonlocal terminated
        terminated = True
        task.cancel()

    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGTERM, hear)
    try:
        return await work
    except asyncio.CancelledError:
        if not terminated:
            raise
        stopped = Interrupted("stopped before the transfer began")
        stopped.exit_code = Exit.TERMINATED
        raise stopped from None
