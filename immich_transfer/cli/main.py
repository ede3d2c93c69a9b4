"""The command's entry: every end becomes an exit code and at most one line.

Nothing but the standard library is imported before `run` guards it: even a Ctrl-C in the first
milliseconds is no traceback, and `--help` and `--version` are instant.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence

PROGRAM = "immich-transfer"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None and "--api-key" in " ".join(arguments):
        from .hiding import hidden

        arguments = hidden(arguments)
    # Looking for cycles after every 700 objects, as is usual, costs 5 % of a mirror of 2,000 files.
    gc.set_threshold(10_000)
    code = run(arguments)
    # Else the interpreter looks for cycles in all there is, modules too, before the system takes it
    # all back: that was 35 of the 190 ms of an upload of nothing.
    gc.freeze()
    # The code is settled: a late Ctrl-C must not turn it into a traceback.
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        _silence_stdout()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line; never raises but for a defect in here."""
    try:
        from .root import run_group

        return run_group(PROGRAM, arguments)
    except BrokenPipeError:
        _silence_stdout()
        return 1
    except BaseException as error:  # noqa: BLE001  every other end is one line and a code
        from .failure import conclude

        return conclude(error, arguments)


def _silence_stdout() -> None:
    """The reader left. What is still buffered goes nowhere, or the interpreter would complain."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
