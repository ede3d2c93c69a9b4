"""Running a command against a hostile server, and what must hold whatever it did."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from pathlib import Path

from tests.e2e.support import Bench, Result, Running

MIB = 1 << 20
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What could move the cursor, colour, reorder or break a line on a terminal."""
IMPATIENT = ("--wait", "0s")


def run(bench: Bench, *arguments: str, json: bool = True, at_most: int = 200 * MIB) -> Result:
    """Run it to its end; its memory stays below `at_most`, and what it says is harmless."""
    running = bench.start(*arguments, json=json)
    peak = _Peak(running)
    result = running.finish()
    assert peak.ended() < at_most, f"{peak.ended() / MIB:.0f} MiB"
    assert_harmless(result)
    return result


def assert_harmless(result: Result) -> None:
    for text in (result.stdout, result.stderr):
        found = ACTING.search(text)
        assert found is None, f"{found[0]!r} at {found.start()}\n{result.told()}"
    assert "Traceback" not in result.stderr, result.told()
    assert "internal error" not in result.stderr, result.told()


def one_line(result: Result, *, code: int) -> str:
    """The one line that a command ended with, without its hint."""
    assert result.code == code, result.told()
    last = [line for line in result.stderr.splitlines() if line.startswith("immich-transfer: ")][-1]
    assert len(last) < 400, last
    return last


class _Peak:
    """The high-water mark of a process, looked at until it is gone (Linux; 0 elsewhere)."""

    def __init__(self, running: Running) -> None:
        self._kib = 0
        self._status = Path(f"/proc/{running.process.pid}/status")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            with suppress(OSError):
                found = re.search(r"VmHWM:\s+(\d+)", self._status.read_text())
                if found is not None:
                    self._kib = max(self._kib, int(found[1]))

    def ended(self) -> int:
        """Bytes; call it when the process is over."""
        self._over.set()
        self._thread.join()
        return self._kib << 10
