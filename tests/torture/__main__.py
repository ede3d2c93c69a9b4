"""`make torture`: nights at random until the time is over, on all cores, with figures in the end.

python -m tests.torture --seconds 600 --seed 1
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.e2e.support import Server
from tests.sandbox_fixture import SandboxProcess

from .night import ACTS, RUNS, Night

STEPS = 30
"""Acts and runs in one night."""


def nights(seed: int, seconds: float, version: str) -> Counter[str]:
    """Nights one after another; a violation is printed with the seed that repeats it."""
    figures: Counter[str] = Counter()
    ends = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="torture-") as base:
        box = SandboxProcess(Path(base) / "server", version=version)
        try:
            number = 0
            while time.monotonic() < ends:
                number += 1
                own = f"{seed}.{number}"
                try:
                    one_night(Path(base) / f"night-{number}", box, own, figures, ends)
                except Exception:
                    figures["violations"] += 1
                    print(
                        f"--- night {own}, server {version}\n{traceback.format_exc()}", flush=True
                    )
                figures["nights"] += 1
        finally:
            box.stop()
    return figures


def one_night(
    home: Path, box: SandboxProcess, seed: str, figures: Counter[str], ends: float
) -> None:
    """A world, a number of acts and runs, and a quiet morning in which all must be well."""
    draw = random.Random(seed)
    server = Server(box)
    night = Night(home, server, draw, figures)
    night.add()
    for _ in range(STEPS):
        if time.monotonic() > ends:
            break
        draw.choice(ACTS if draw.random() < 0.4 else RUNS)(night)
        if draw.random() < 0.03:
            box.restart()
            figures["server restarts"] += 1
    night.settle()
    server.delete_everything()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--version", help="of the server; several are used in turn otherwise")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        print(json.dumps(nights(asked.seed, asked.seconds, asked.version)))
        return 0
    print(f"seed {asked.seed}, {asked.seconds:g} s", flush=True)
    versions = [asked.version] if asked.version else ["2.7", "3.0"]
    workers = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.torture", "--worker"),
                *("--seed", str(asked.seed * 100 + place)),
                *("--seconds", str(asked.seconds)),
                *("--version", versions[place % len(versions)]),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for place in range(os.cpu_count() or 1)
    ]
    figures: Counter[str] = Counter()
    for worker in workers:
        said, _ = worker.communicate()
        *lines, last = said.rstrip().split("\n")
        if lines:
            print("\n".join(lines))
        figures.update(json.loads(last))
    for what, count in sorted(figures.items()):
        print(f"{what:40} {count:>8,}")
    print(f"{'violations':40} {figures['violations']:>8,}" if not figures["violations"] else "")
    return 1 if figures["violations"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
