"""`immich-transfer download`: flags to options, then the flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import click

from .secrets import scrub_arguments
from .selection import check_selection, download_options, place_options, selection_options
from .shared import (
    Command,
    examples,
    server_options,
    settings_of,
    tell_warnings,
    transfer_options,
)

EPILOG = examples(
    'download -o ~/Albums --album "Summer 2024"',
    'download -o ~/Albums --album "*" --sidecars xmp',
    "download -o /backup/photos --all",
    "download -o ~/Best --favorites --layout '{year}/{filename}'",
    'download -o ~/Dogs --search "dog on a beach" --limit 50',
    "download -o ~/Albums --album Trip --dry-run",
)


@click.command("download", cls=Command, epilog=EPILOG)
@selection_options
@place_options
@server_options
@transfer_options
@click.pass_context
def download(ctx: click.Context, /, **params: Any) -> int:
    """Bring albums, searches or the whole library to a folder.

    Every file is checked against the server's SHA-1 before it gets its name. Run it again any time:
    what is there is not fetched, and what was interrupted goes on in the middle of a file. Nothing
    local is replaced or deleted unless you say so.
    """
    return start(ctx, scrub_arguments(ctx.obj or ()))


def start(ctx: click.Context, arguments: Sequence[str], *, resumed: bool = False) -> int:
    """Check what the command line says and run the flow. `arguments` is what the run remembers."""
    params = ctx.params
    return run(
        ctx,
        arguments,
        resumed=resumed,
        sidecars=params["sidecars"],
        on_conflict=params["on_conflict"],
        deleted=params["deleted"],
        checksum=params["checksum"],
    )


def run(ctx: click.Context, arguments: Sequence[str], *, resumed: bool, **options: Any) -> int:
    """What download and mirror have in common."""
    params = ctx.params
    if params["quiet"] and params["verbose"]:
        raise click.UsageError("give -q or -v, not both", ctx)
    check_selection(ctx)
    settings = settings_of(params)
    server = settings.server()
    tell_warnings(settings, quiet=params["quiet"])
    wanted = download_options(params, **options)

    from immich_transfer.download.flow import run_download

    from .running import run_transfer

    transfer = settings.transfer(dry_run=params["dry_run"])
    return run_transfer(
        lambda listener: run_download(
            server, transfer, wanted, listener=listener, arguments=arguments, resumed=resumed
        ),
        params,
        log_file=settings["log_file"],
        progress=cast("bool | None", settings["progress"]),
    )
