"""`python -m benchmarks [--quick] [--only STORY]`: build, measure, print, clean up.

`--readme` measures nothing: it writes the results that are there into the README.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from .download_peers import curl
from .measure import own_peak
from .peers import Missing, Tool, immich_go, official_cli
from .readme import rewrite
from .stage import Setting
from .stories import STORIES, WITH_UPLOADERS
from .table import MIB, Story, as_json, machine, render

HOME = Path(".bench")
RESULTS = HOME / "results.json"
MEMORY = Path("/dev/shm")
"""Linux's file system in memory: there, the state of a disk does not decide."""
ROOM, QUICK_ROOM = 9 << 30, 2 << 30
"""The most that photos, a server's copies and a download's need at once."""


def main() -> int:
    asked = arguments()
    HOME.mkdir(exist_ok=True)
    if asked.readme:
        rewrite(Path("README.md"), json.loads(RESULTS.read_text()), Path("docs/plots"))
        return 0
    uploaders, downloaders, missing = peers(asked)
    here = machine()
    print(f"{time.strftime('%Y-%m-%d')} · {here['cpu']} · {here['cores']} cores · ", end="")
    print(f"{here['system']} · Python {here['python']}{' · quick' if asked.quick else ''}\n")
    stories: list[Story] = []
    below = place(QUICK_ROOM if asked.quick else ROOM)
    print(f"Photos and servers are in {'memory' if below is MEMORY else 'a folder on disk'}.\n")
    work = Path(tempfile.mkdtemp(prefix="immich-transfer-bench-", dir=below)).absolute()
    setting = Setting(work, asked.quick, uploaders, downloaders)
    failed = False
    try:
        for name in asked.only or STORIES:
            began = time.monotonic()
            try:
                for story in STORIES[name](setting):
                    stories.append(story)
                    save(stories, missing, quick=asked.quick, kept=asked.only is not None)
            except Exception as error:  # noqa: BLE001 - the other stories are still worth telling
                failed = True
                stories.append(Story(name, f"could not be told: {error!r}"))
                traceback.print_exc()
            print(f"… {name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            save(stories, missing, quick=asked.quick, kept=asked.only is not None)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(render(stories, missing))
    print(f"\nThe harness itself peaked at {own_peak() / MIB:.0f} MiB. Every run: {RESULTS}")
    return 1 if failed else 0


def place(room: int) -> Path:
    """Memory when it has so much room to spare, else the disk."""
    try:
        free = os.statvfs(MEMORY)
        available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return HOME
    enough = min(free.f_bavail * free.f_frsize, available) > room + (1 << 30)
    return MEMORY if enough and os.access(MEMORY, os.W_OK) else HOME


def peers(asked: argparse.Namespace) -> tuple[list[Tool], list[Tool], list[str]]:
    """Those that upload, those that download, and why others are not here."""
    if asked.no_peers:
        return [], [], []
    uploaders: list[Tool | Missing] = []
    if not WITH_UPLOADERS.isdisjoint(asked.only or STORIES):
        uploaders = [official_cli((HOME / "npm").absolute()), immich_go()]
    downloaders = [curl()]
    return (
        [peer for peer in uploaders if isinstance(peer, Tool)],
        [peer for peer in downloaders if isinstance(peer, Tool)],
        [f"{p.name}: {p.reason}" for p in (*uploaders, *downloaders) if isinstance(p, Missing)],
    )


def save(stories: list[Story], missing: list[str], *, quick: bool, kept: bool) -> None:
    """After every story; those that were not asked for now stay as they were."""
    told = as_json(stories, missing, quick=quick)
    if kept and RESULTS.exists():
        before = json.loads(RESULTS.read_text())
        if before["quick"] == quick:
            now = {story["name"]: story for story in told["stories"]}
            old = {story["name"]: story for story in before["stories"]}
            told["stories"] = list({**old, **now}.values())
            told["missing"] = list(dict.fromkeys([*before["missing"], *missing]))
    RESULTS.write_text(json.dumps(told, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small data, few runs, about a minute")
    parser.add_argument(
        "--only", action="append", choices=STORIES, metavar="STORY", help=", ".join(STORIES)
    )
    parser.add_argument("--readme", action="store_true", help="write the results into README.md")
    parser.add_argument("--no-peers", action="store_true", help="only ours and the floor")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
