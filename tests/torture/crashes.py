"""Kill a command at every named point it passes, one point a run, and look at the end.

    python -m tests.torture.crashes                 every point of every scene
    python -m tests.torture.crashes --only prune    of one scene
    python -m tests.torture.crashes --sample 40 --seed 7

Prints the table point x scene: `ok` and how many of its passings were tried, or what went wrong.
"""

from __future__ import annotations

import argparse
import random
import signal
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from immich_transfer.failpoints import VARIABLE
from tests.e2e.support import Bench, Server
from tests.sandbox_fixture import SandboxProcess

from .scenes import SCENES, Scene


class Point(NamedTuple):
    """A passing of a named point in a scene."""

    scene: Scene
    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.scene.name} at {self.name}#{self.number}"


def points(scene: Scene, box: SandboxProcess, home: Path) -> list[Point]:
    """All passings, as a run that nobody kills makes them."""
    bench, server = fresh(box, home)
    scene.setup(bench, server)
    trace = home / "points.txt"
    bench.run(*scene.command, env={VARIABLE: f"?{trace},{scene.refused}"})
    passed = Counter(line.partition("#")[0] for line in trace.read_text().splitlines())
    return [
        Point(scene, name, number)
        for name, count in sorted(passed.items())
        for number in range(1, count + 1)
    ]


def fresh(box: SandboxProcess, home: Path) -> tuple[Bench, Server]:
    """A user and a home that nobody used before."""
    server = Server(box)
    return Bench(home / "home", server.url, server.key), server


def kill_at(point: Point, box: SandboxProcess, home: Path) -> bool:
    """Kill there, run again, verify. False when the run was over before it came there (what runs
    side by side passes points in another order each time). Raises AssertionError on a violation."""
    bench, server = fresh(box, home)
    point.scene.setup(bench, server)
    armed = {VARIABLE: f"{point.name}#{point.number},{point.scene.refused}"}
    running = bench.start(*point.scene.command, env=armed)
    first = running.finish(checked=False)
    killed = first.code == -signal.SIGKILL
    if point.scene.meanwhile is not None:
        point.scene.meanwhile(bench, server)
    # Exit 0 only when everything is there: so it is verified, too, when nothing was killed.
    result = bench.run(*point.scene.command)
    point.scene.verify(bench, server, result)
    stray = list(bench.home.rglob("*.part"))
    assert not stray, f"part files after a clean run: {stray}"
    server.delete_everything()
    return killed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[], help="a scene; repeatable")
    parser.add_argument("--sample", type=int, help="so many points, drawn at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--version", default="3.0")
    asked = parser.parse_args(arguments)
    scenes = [scene for scene in SCENES if not asked.only or scene.name in asked.only]
    violations = kills = 0
    table: dict[tuple[str, str], list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="torture-") as base:
        box = SandboxProcess(Path(base) / "server", version=asked.version)
        try:
            every = [
                point for scene in scenes for point in points(scene, box, Path(base) / scene.name)
            ]
            chosen = every
            if asked.sample is not None:
                chosen = random.Random(asked.seed).sample(every, min(asked.sample, len(every)))
            print(f"{len(chosen)} of {len(every)} points, seed {asked.seed}", flush=True)
            for place, point in enumerate(chosen):
                cell = table.setdefault((point.scene.name, point.name), [])
                try:
                    killed = kill_at(point, box, Path(base) / f"case-{place}")
                    kills += killed
                    cell.append("ok" if killed else "late")
                except Exception:
                    violations += 1
                    cell.append("VIOLATION")
                    print(f"--- {point}\n{traceback.format_exc()}", flush=True)
        finally:
            box.stop()
    for (scene, name), cell in sorted(table.items()):
        counts = ", ".join(f"{what} {n}" for what, n in sorted(Counter(cell).items()))
        print(f"| {scene} | {name} | {counts} |")
    print(f"{kills} kills at named points, {violations} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    raise SystemExit(main())
