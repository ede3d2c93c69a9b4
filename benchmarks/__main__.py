"""`python -m benchmarks [--quick] [--only STORY]`: build, measure, print, clean up."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from .download_peers import curl
from .measure import own_peak
from .peers import Missing, Tool, immich_go, official_cli
from .stage import Setting
from .stories import STORIES, WITH_UPLOADERS
from .table import MIB, Story, as_json, machine, render

HOME = Path(".bench")


def main() -> int:
    asked = arguments()
    HOME.mkdir(exist_ok=True)
    uploaders, downloaders, missing = peers(asked)
    here = machine()
    print(f"{time.strftime('%Y-%m-%d')} · {here['cpu']} · {here['cores']} cores · ", end="")
    print(f"{here['system']} · Python {here['python']}{' · quick' if asked.quick else ''}\n")
    stories: list[Story] = []
    work = Path(tempfile.mkdtemp(prefix="work-", dir=HOME)).absolute()
    try:
        for name in asked.only or STORIES:
            print(f"… {name}", file=sys.stderr, flush=True)
            stories += STORIES[name](Setting(work, asked.quick, uploaders, downloaders))
            save(stories, missing, quick=asked.quick)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(render(stories, missing))
    print(
        f"\nThe harness itself peaked at {own_peak() / MIB:.0f} MiB. Every run: {HOME}/results.json"
    )
    return 0


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


def save(stories: list[Story], missing: list[str], *, quick: bool) -> None:
    text = json.dumps(as_json(stories, missing, quick=quick), indent=1)
    (HOME / "results.json").write_text(text + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small data, few runs, about a minute")
    parser.add_argument(
        "--only", action="append", choices=STORIES, metavar="STORY", help=", ".join(STORIES)
    )
    parser.add_argument("--no-peers", action="store_true", help="only ours and the floor")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
