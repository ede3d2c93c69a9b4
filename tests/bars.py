"""The bars of `make coverage` and `make mutation`, read from what the tools wrote.

python -m tests.bars coverage coverage.json        branches taken, by room, each at least 95 %
python -m tests.bars mutation cicd-stats.json      mutants killed, at least 85 %
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

ROOMS = ("policy", "manifest", "pipeline")
BRANCHES = 95.0
KILLED = 85.0


def coverage(found: dict[str, dict[str, dict[str, dict[str, int]]]]) -> bool:
    """True when every room reaches its bar."""
    taken: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for path, told in found["files"].items():
        room = Path(path).parent.name
        for name in (room, "all"):
            taken[name] += told["summary"]["covered_branches"]
            there[name] += told["summary"]["num_branches"]
    reached = True
    for name in (*ROOMS, "all"):
        share = 100 * taken[name] / there[name] if there[name] else 0.0
        reached &= share >= BRANCHES
        print(f"{name:9} {taken[name]:4} of {there[name]:4} branches, {share:5.1f} %")
    return reached


def mutation(found: dict[str, int]) -> bool:
    """True when enough died; one that no test reaches lives."""
    killed = found["killed"] + found.get("timeout", 0)
    share = 100 * killed / found["total"] if found["total"] else 0.0
    print(f"policy: {killed} of {found['total']} mutants killed, {share:.1f} %")
    return share >= KILLED


def main() -> int:
    _, kind, path = sys.argv
    found = json.loads(Path(path).read_text("utf-8"))
    reached = coverage(found) if kind == "coverage" else mutation(found)
    if not reached:
        print("the bar is not reached")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
