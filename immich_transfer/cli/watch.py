"""`immich-transfer watch`: the flags of `upload` and two of its own, then the flow."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from .files import check_ranges
from .secrets import scrub_arguments
from .shared import (
    DURATION,
    Command,
    Option,
    examples,
    settings_of,
    tell_warnings,
)
from .upload import options_of, upload
from .words import json_line, one_line, say

if TYPE_CHECKING:
    from immich_transfer.errors import Exit
    from immich_transfer.report.rounds import RoundLines

LEFT_OUT = ("paths", "progress", "help")
"""What `upload` has and a watch has not, or has in its own words."""
TICK_SECONDS = 1.0

EPILOG = examples(
    "watch ~/Pictures",
    "watch --album-from folder --settle 30s /srv/camera",
    "watch --delete-source --rescan 10m /media/inbox",
    "watch --json ~/Pictures >> watch.jsonl",
)

HELP = """Keep uploading what is new or changed in folders, until Ctrl-C or SIGTERM.

    Takes the options of `upload`. Starts with everything there is; then a file goes up once it did
    not change for the settle time. A server that is away is waited for, and so is a folder that is
    gone; what failed is tried again. Everything is looked at again at intervals, because file
    servers do not tell of every change.

    Each round is a line on stderr; with --json its run and summary lines, and the items that were
    sent or failed (with -v all), are on stdout. Other commands can run beside it. Under systemd
    (Type=notify) it tells when it is ready and that it is alive.

    Needs the extra: pip install 'immich-transfer[watch]'"""


def _options() -> list[click.Parameter]:
    """The options of `upload`, whatever they are, and our own."""
    own = [
        click.Argument(["paths"], nargs=-1, metavar="DIR...", type=click.Path()),
        Option(
            ["--settle"],
            type=DURATION,
            default=5.0,
            metavar="DURATION",
            section="Watch",
            help="A file is finished when it did not change for this long. [default: 5s]",
        ),
        Option(
            ["--rescan"],
            type=DURATION,
            default=3600.0,
            metavar="DURATION",
            section="Watch",
            help="How often to look at everything; 0s: at the start only. [default: 1h]",
        ),
    ]
    taken = [param for param in upload.params if param.name not in LEFT_OUT]
    return [*own, *taken]


@click.pass_context
def _watch(ctx: click.Context, /, **params: Any) -> int:
    if params["quiet"] and params["verbose"]:
        raise click.UsageError("give -q or -v, not both", ctx)
    _check_folders(ctx, (*params["paths"], *params["folders"]))
    check_ranges(ctx)

    from immich_transfer.watch.notices import watchfiles

    watchfiles()
    settings = settings_of(params)
    server = settings.server()
    tell_warnings(settings, quiet=params["quiet"])

    from immich_transfer.report.rounds import RoundLines
    from immich_transfer.watch.flow import WatchOptions, run_watch

    from .logfile import LogFile
    from .running import run_async

    options = options_of(params)
    watch_options = WatchOptions(settle=params["settle"], rescan=params["rescan"])
    with ExitStack() as closing:
        nowhere = closing.enter_context(open(os.devnull, "w"))
        lines = RoundLines(
            stdout=sys.stdout or nowhere,
            stderr=sys.stderr or nowhere,
            json=params["json"],
            quiet=params["quiet"],
            verbosity=params["verbose"],
        )
        log_file = settings["log_file"]
        log = closing.enter_context(LogFile(log_file)) if log_file is not None else None

        def hear(event: Any) -> None:
            lines(event)
            if log is not None:
                log(event)

        def ready() -> None:
            folders = ", ".join(map(one_line, options.paths))
            lines.say(f"watching {folders} (settle {params['settle']:g} s)")
            if params["json"]:
                line = {"type": "watching", "v": 1, "folders": list(options.paths)}
                say(json_line(line))

        work = run_watch(
            server,
            settings.transfer(dry_run=params["dry_run"]),
            options,
            watch_options,
            listener=hear,
            arguments=scrub_arguments(ctx.obj or ()),
            ready=ready,
        )
        return int(run_async(_ticking(lines, work)))


async def _ticking(lines: RoundLines, work: Any) -> Exit:
    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            lines.tick(time.monotonic())

    ticker = asyncio.create_task(tick())
    try:
        code: Exit = await work
        return code
    finally:
        ticker.cancel()
        await asyncio.gather(ticker, return_exceptions=True)
        lines.flush()


def _check_folders(ctx: click.Context, folders: tuple[str, ...]) -> None:
    """Every folder must be there at the start: later ones may go and come."""
    from .files import check_paths

    if not folders:
        raise click.UsageError(
            "no folder given: name some, like `immich-transfer watch ~/Pictures`", ctx
        )
    check_paths(ctx, folders)
    for folder in folders:
        if not os.path.isdir(folder):
            raise click.UsageError(f"{one_line(folder)} is not a folder", ctx)


watch = Command(
    "watch",
    callback=_watch,
    params=_options(),
    help="\n".join(line.strip() for line in HELP.splitlines()),
    epilog=EPILOG,
)
