"""`immich-transfer mirror`: download, and follow what moves and leaves on the server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click

from . import download as downloading
from .secrets import scrub_arguments
from .selection import HOW, place_options, selection_options
from .shared import Command, Parsed, examples, option, server_options, transfer_options

EPILOG = examples(
    'mirror -o ~/Albums --album "*"',
    'mirror -o ~/Albums --album "*" --delete',
    "mirror -o /backup/photos --all --delete --max-delete 5%",
    'mirror -o ~/Albums --album "Summer 2024" --delete --dry-run',
)


def _limit(text: str) -> int | float:
    """'50' files, or '10%' of them."""
    number = text.strip().removesuffix("%")
    if not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise ValueError("is neither a number of files nor a share: write like 100 or 25%")
    if not text.strip().endswith("%"):
        return int(number)
    if int(number) > 100:
        raise ValueError("is more than all of them")
    return int(number) / 100


@click.command("mirror", cls=Command, epilog=EPILOG)
@selection_options
@place_options
@option("--delete", is_flag=True, section=HOW,
        help="Remove files whose photo left its album or the server; only ours, only untouched"
        " ones, into the trash folder.")  # fmt: skip
@option("--max-delete", type=Parsed("number|percent", _limit), metavar="N|P%", section=HOW,
        help="Refuse (exit 8) to remove more files at once. [default: 50 or 10%, whichever is"
        " more, and never all of an album]")  # fmt: skip
@option("--trash-dir", metavar="DIR", section=HOW,
        help="Where removed files go; 'none' deletes them for good. [default: trash/RUN in the"
        " state folder]")  # fmt: skip
@server_options
@transfer_options
@click.pass_context
def mirror(ctx: click.Context, /, **params: Any) -> int:
    """Keep a folder like albums or the library on the server.

    What `download` does; photos that were renamed or whose album was renamed are renamed here, too.
    With --delete, what left the server leaves the folder. Files that are not ours stay as they are.
    """
    return start(ctx, scrub_arguments(ctx.obj or ()))


def start(ctx: click.Context, arguments: Sequence[str], *, resumed: bool = False) -> int:
    """Check what the command line says and run the flow. `arguments` is what the run remembers."""
    params = ctx.params
    if not params["delete"]:
        for name in ("max_delete", "trash_dir"):
            if params[name] is not None:
                flag = f"--{name.replace('_', '-')}"
                raise click.UsageError(f"{flag} says how to --delete: give that, too", ctx)
    trash = params["trash_dir"]
    if trash is not None and not trash.strip():
        raise click.BadParameter("it is empty", param_hint="--trash-dir")
    return downloading.run(
        ctx,
        arguments,
        resumed=resumed,
        sidecars=params["sidecars"],
        on_conflict=params["on_conflict"],
        deleted=params["deleted"],
        checksum=params["checksum"],
        mirror=True,
        delete=params["delete"],
        max_delete=params["max_delete"],
        trash_dir="" if trash == "none" else os.path.abspath(trash) if trash else None,
    )
