"""`make torture`: nights at random until the time is over, on all cores, with figures in the end.

    python -m tests.torture --seconds 600 --seed 1

A violation is printed with the sequence that led to it. `--shrink` looks for the shortest one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.sandbox_fixture import SandboxProcess

from .machine import Dawn, NightMachine

STEPS = 100
"""Acts and runs in one night."""
DISKS = ["", "disk.unnamed!EOPNOTSUPP"]
"""A local one, and one like a network file system."""
SIDE_BY_SIDE = 2
"""Nights per processor: many wait for a server that is away, or between attempts."""


def nights(
    number: int, seconds: float, version: str, refused: str, *, shrink: bool
) -> Counter[str]:
    """Nights one after another until the time is over."""
    figures: Counter[str] = Counter()
    ends = time.monotonic() + seconds
    chosen = settings(
        max_examples=1_000_000,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    with tempfile.TemporaryDirectory(prefix="torture-") as base:
        box = SandboxProcess(Path(base) / "server", version=version)
        try:
            while time.monotonic() < ends:
                sightings: list[str] = []
                parts = {
                    "box": box,
                    "figures": figures,
                    "ends": ends,
                    "sightings": sightings,
                    "refused": refused,
                }
                machine = type("Machine", (NightMachine,), parts)
                try:
                    run_state_machine_as_test(seed(number)(machine), settings=chosen)
                except Dawn:
                    break
                except Exception:
                    figures["violations"] += 1
                    print(f"--- seed {number}, server {version}, refused {refused!r}", flush=True)
                    for sighting in sightings[:1]:
                        print(f"first seen after\n{sighting}", flush=True)
                    traceback.print_exc(file=sys.stdout)
                    box.restart()
                number += 1
        finally:
            box.stop()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--version", help="of the server; several are used in turn otherwise")
    parser.add_argument("--refused", help="to every run, as failpoints; disks take turns otherwise")
    parser.add_argument("--shrink", action="store_true", help="a violation's shortest sequence")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        found = nights(asked.seed, asked.seconds, asked.version, asked.refused, shrink=asked.shrink)
        print(json.dumps(found))
        return 0
    print(f"seed {asked.seed}, {asked.seconds:g} s", flush=True)
    versions = [asked.version] if asked.version else ["2.7", "3.0"]
    disks = DISKS if asked.refused is None else [asked.refused]
    workers = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.torture", "--worker"),
                *("--seed", str(asked.seed * 1_000_000 + place * 10_000)),
                *("--seconds", str(asked.seconds)),
                *("--version", versions[place % len(versions)]),
                *("--refused", disks[place // 2 % len(disks)]),
                *(["--shrink"] if asked.shrink else []),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for place in range(SIDE_BY_SIDE * (os.cpu_count() or 1))
    ]
    figures: Counter[str] = Counter(violations=0)
    for worker in workers:
        said, _ = worker.communicate()
        *lines, last = said.rstrip().split("\n")
        if lines:
            print("\n".join(lines))
        figures.update(json.loads(last))
    for what, count in sorted(figures.items()):
        print(f"{what:40} {count:>14,}")
    return 1 if figures["violations"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
