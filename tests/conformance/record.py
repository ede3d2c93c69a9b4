"""What a run of the conformance checks leaves behind: counts, and a folder with everything said.

`.conformance/runs/TIME-PID/` has `log.txt`, and of a talk that failed what the sandbox was asked
and what it held. The last twenty runs are kept.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from tests.sandbox_fixture import SandboxProcess

HOME = Path(".conformance")
KEPT = 20


class Record:
    """Counts, says each check as it is made, and writes all of it down."""

    def __init__(self) -> None:
        runs = HOME / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        for old in sorted(runs.iterdir())[: 1 - KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        self.folder = runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self.folder.mkdir()
        self._log = open(self.folder / "log.txt", "w", encoding="utf-8", errors="replace")  # noqa: SIM115
        self.passed = 0
        self.failed = 0

    def say(self, line: str) -> None:
        """A line for people, and for the log."""
        print(line, flush=True)
        self.note(line)

    def note(self, text: str) -> None:
        """For the log alone."""
        self._log.write(f"{text.rstrip()}\n")
        self._log.flush()

    def check(self, what: str, true: bool, told: str = "") -> None:
        """One statement; `told` is what may explain why it does not hold."""
        self.passed += true
        self.failed += not true
        self.say(f"  {'ok  ' if true else 'FAIL'} {what}")
        if not true:
            for line in told.strip().splitlines()[-12:]:
                self.say(f"       {line}")

    def keep(self, server: SandboxProcess, name: str) -> None:
        """Write down what the sandbox was asked and what it holds."""
        for what, data in (("asked", server.recorded()), ("held", server.state())):
            path = self.folder / f"{name}-{what}.json"
            path.write_text(json.dumps(data, indent=1), "utf-8")

    def close(self) -> None:
        self._log.close()
