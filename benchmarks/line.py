"""The relay as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent


class LongLine:
    """`with LongLine(url, rtt=0.1, rate=12.5e6) as line:` — the same server at `line.url`."""

    def __init__(
        self,
        url: str,
        rtt: float,
        rate: float,
        *,
        stall_every: float = 0.0,
        stall_for: float = 0.0,
        reset_every: float = 0.0,
    ) -> None:
        place = urlsplit(url)
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.relay", f"{place.hostname}:{place.port}"),
                *("--rtt", str(rtt), "--rate", str(rate)),
                *("--stall-every", str(stall_every), "--stall-for", str(stall_for)),
                *("--reset-every", str(reset_every)),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise RuntimeError("the relay did not start")
        self.port: int = json.loads(line)["port"]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> LongLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
