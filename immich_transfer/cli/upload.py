"""`immich-transfer upload`: flags to options, then the flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import click

from .files import check_paths, check_ranges, file_choices, file_options, type_option
from .secrets import scrub_arguments
from .shared import (
    Command,
    Parsed,
    examples,
    names,
    option,
    server_options,
    settings_of,
    tell_warnings,
    transfer_options,
)

if TYPE_CHECKING:
    from immich_transfer.config.options import UploadOptions

HOW = "What becomes of them"
VISIBILITIES = ("timeline", "archive", "hidden")

EPILOG = examples(
    "upload ~/Pictures",
    "upload --dry-run ~/Pictures",
    "upload --album-from folder ~/Pictures",
    'upload --album "Summer 2024" --tag Trips/2024 ~/Pictures/Summer',
    "upload --type image --newer 30d --bwlimit 2M ~/Pictures",
    "upload --delete-source /media/card/DCIM",
    "upload --pause-jobs /archive    (an admin's key)",
    "upload -- -odd-name.jpg",
)


def _visibility(text: str) -> str:
    """Where the server shows the photos; 'locked' gets its explanation."""
    if text == "locked":
        raise ValueError(
            "cannot be used: no API key reaches locked assets, so what was sent could not be"
            " verified"
        )
    if text not in VISIBILITIES:
        raise ValueError(f"is none of {', '.join(VISIBILITIES)}")
    return text


def _tags(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Paths of tags: every part of them has a name."""
    for value in values:
        if not value.strip("/ "):
            raise click.BadParameter(f"{value!r} names no tag", param=param)
    return names(ctx, param, values)


@click.command("upload", cls=Command, epilog=EPILOG)
@file_options
@type_option
@option("--album", "albums", multiple=True, metavar="NAME", callback=names, section=HOW,
        help="Put every file into this album, made if missing; repeatable.")  # fmt: skip
@option("--album-from", type=click.Choice(["folder", "path"]), section=HOW,
        help="An album for each folder, named after it, or after its path below PATH joined with"
        " ' / '. Equal folder names under different parents become different albums. Adds to"
        " --album.")  # fmt: skip
@option("--tag", "tags", multiple=True, metavar="A/B", callback=_tags, section=HOW,
        help="Tag every file; / makes a hierarchy; repeatable.")  # fmt: skip
@option("--favorite", is_flag=True, section=HOW, help="Mark new photos as favourites.")  # fmt: skip
@option("--visibility", type=Parsed("visibility", _visibility), section=HOW,
        metavar="timeline|archive|hidden", help="Where the server shows new photos.")  # fmt: skip
@option("--no-sidecars", is_flag=True, section=HOW,
        help="Leave XMP sidecars behind.")  # fmt: skip
@option("--checksum", is_flag=True, section=HOW,
        help="Read every file again instead of trusting size, time and inode.")  # fmt: skip
@option("--trashed", type=click.Choice(["skip", "restore", "reupload"]), default="skip",
        show_default=True, section=HOW,
        help="What to do about photos in the server's trash; reupload deletes that copy for"
        " good and reads every file again for it.")  # fmt: skip
@option("--deleted", type=click.Choice(["skip", "reupload"]), default="skip", show_default=True,
        section=HOW,
        help="What to do about photos that were uploaded once and deleted on the server."
        )  # fmt: skip
@option("--delete-source", is_flag=True, section=HOW,
        help="Delete each local file once the server's own checksum of its copy was compared; every"
        " file is read again for it. With --dry-run only say so.")  # fmt: skip
@option("--pause-jobs", is_flag=True, section=HOW,
        help="Pause the server's heavy jobs (thumbnails, transcoding, faces, smart search,"
        " duplicates, text) for the run and resume those that were not paused before; after a"
        " crash the next command does. Needs an admin's key; without one the upload goes on."
        )  # fmt: skip
@server_options
@transfer_options
@click.pass_context
def upload(ctx: click.Context, /, **params: Any) -> int:
    """Back up photos and videos to the server.

    PATHs are files and folders, taken literally. Run it again any time: what is there already is
    not sent, and what was interrupted goes on. Nothing on the server is replaced or deleted.
    """
    return start(ctx, scrub_arguments(ctx.obj or ()))


def start(ctx: click.Context, arguments: Sequence[str], *, resumed: bool = False) -> int:
    """Check what the command line says and run the flow. `arguments` is what the run remembers."""
    params = ctx.params
    if params["quiet"] and params["verbose"]:
        raise click.UsageError("give -q or -v, not both", ctx)
    check_paths(ctx, (*params["paths"], *params["folders"]))
    check_ranges(ctx)
    settings = settings_of(params)
    server = settings.server()
    tell_warnings(settings, quiet=params["quiet"])

    from immich_transfer.upload.flow import run_upload

    from .running import run_transfer

    options = options_of(params)
    transfer = settings.transfer(dry_run=params["dry_run"])
    return run_transfer(
        lambda listener: run_upload(
            server, transfer, options, listener=listener, arguments=arguments, resumed=resumed
        ),
        params,
        log_file=settings["log_file"],
        progress=cast("bool | None", settings["progress"]),
    )


def options_of(params: Mapping[str, Any]) -> UploadOptions:
    """What the flags of `upload` ask for."""
    from immich_transfer import model
    from immich_transfer.config.options import UploadOptions

    visibility = params["visibility"]
    return UploadOptions(
        **file_choices(params),
        albums=params["albums"],
        album_from=params["album_from"],
        tags=params["tags"],
        favorite=params["favorite"],
        visibility=model.Visibility(visibility) if visibility is not None else None,
        checksum=params["checksum"],
        trashed=params["trashed"],
        deleted=params["deleted"],
        delete_source=params["delete_source"],
        sidecars=not params["no_sidecars"],
        pause_jobs=params["pause_jobs"],
    )
