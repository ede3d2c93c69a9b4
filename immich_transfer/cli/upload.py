"""`immich-transfer upload`: flags to options, then the flow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, cast

import click

from .secrets import scrub_arguments
from .shared import (
    INSTANT,
    SIZE,
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
from .words import one_line

WHICH, HOW = "Which files", "What becomes of them"
VISIBILITIES = ("timeline", "archive", "hidden")

EPILOG = examples(
    "upload ~/Pictures",
    "upload --dry-run ~/Pictures",
    "upload --album-from folder ~/Pictures",
    'upload --album "Summer 2024" --tag Trips/2024 ~/Pictures/Summer',
    "upload --type image --newer 30d --bwlimit 2M ~/Pictures",
    "upload --delete-source /media/card/DCIM",
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


@click.command("upload", cls=Command, epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@option("--folder", "folders", multiple=True, metavar="PATH", type=click.Path(), section=WHICH,
        help="The same as PATH; repeatable.")  # fmt: skip
@option("--include", multiple=True, metavar="PATTERN", section=WHICH,
        help="Only files that match; gitignore-style, repeatable.")  # fmt: skip
@option("--exclude", multiple=True, metavar="PATTERN", section=WHICH,
        help="Leave out what matches; gitignore-style, repeatable.")  # fmt: skip
@option("--filter-from", multiple=True, metavar="FILE", type=click.Path(), section=WHICH,
        help="Exclude patterns from a file like a .gitignore; repeatable.")  # fmt: skip
@option("--type", "type", type=click.Choice(["image", "video"]), section=WHICH,
        help="Only photos, or only videos.")  # fmt: skip
@option("--min-size", type=SIZE, metavar="SIZE", section=WHICH,
        help="Only files of at least SIZE, like 10K.")  # fmt: skip
@option("--max-size", type=SIZE, metavar="SIZE", section=WHICH,
        help="Only files of at most SIZE, like 4G.")  # fmt: skip
@option("--newer", type=INSTANT, metavar="WHEN", section=WHICH,
        help="Only files modified since a date, like 2024-12-31, or in the last 30d.")  # fmt: skip
@option("--older", type=INSTANT, metavar="WHEN", section=WHICH,
        help="Only files modified before a date, or longer ago than 30d.")  # fmt: skip
@option("--hidden", is_flag=True, section=WHICH,
        help="Hidden files and folders, too.")  # fmt: skip
@option("--no-default-excludes", is_flag=True,
        section=WHICH,
        help="Also what is usually junk: @eaDir, #recycle, Thumbs.db and the like.")  # fmt: skip
@option("--follow-links", is_flag=True, section=WHICH,
        help="Follow links to folders, each real folder once.")  # fmt: skip
@option("--album", "albums", multiple=True, metavar="NAME", callback=names, section=HOW,
        help="Put every file into this album, made if missing; repeatable.")  # fmt: skip
@option("--album-from", type=click.Choice(["folder", "path"]), section=HOW,
        help="An album for each folder, named after it, or after its path below PATH joined with"
        " ' / '. Equal folder names under different parents become different albums. Adds to"
        " --album.")  # fmt: skip
@option("--tag", "tags", multiple=True, metavar="A/B", callback=names, section=HOW,
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
    paths = (*params["paths"], *params["folders"])
    check_paths(ctx, paths)
    check_ranges(ctx)
    settings = settings_of(params)
    server = settings.server()
    tell_warnings(settings, quiet=params["quiet"])

    from immich_transfer import model
    from immich_transfer.config.options import UploadOptions
    from immich_transfer.upload.flow import run_upload

    from .running import run_transfer

    visibility = params["visibility"]
    options = UploadOptions(
        paths=paths,
        albums=params["albums"],
        album_from=params["album_from"],
        tags=params["tags"],
        favorite=params["favorite"],
        visibility=model.Visibility(visibility) if visibility is not None else None,
        include=params["include"],
        exclude=params["exclude"],
        filter_from=params["filter_from"],
        type=params["type"],
        min_size=params["min_size"],
        max_size=params["max_size"],
        newer_ns=params["newer"],
        older_ns=params["older"],
        hidden=params["hidden"],
        default_excludes=not params["no_default_excludes"],
        follow_links=params["follow_links"],
        checksum=params["checksum"],
        trashed=params["trashed"],
        deleted=params["deleted"],
        delete_source=params["delete_source"],
        sidecars=not params["no_sidecars"],
    )
    transfer = settings.transfer(dry_run=params["dry_run"])
    return run_transfer(
        lambda listener: run_upload(
            server, transfer, options, listener=listener, arguments=arguments, resumed=resumed
        ),
        params,
        log_file=settings["log_file"],
        progress=cast("bool | None", settings["progress"]),
    )


def check_paths(ctx: click.Context, paths: Sequence[str]) -> None:
    """Every path must exist, or nothing is sent at all: one of several mistyped is a surprise."""
    if not paths:
        raise click.UsageError(
            "no path given: name files or folders, like `immich-transfer upload ~/Pictures`", ctx
        )
    for path in paths:
        if not path:
            raise click.UsageError("an empty path was given (is a shell variable unset?)", ctx)
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            raise click.UsageError(f"{one_line(path)} does not exist{_near(path)}", ctx) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise click.UsageError(f"cannot look at {one_line(path)}: {reason}", ctx) from None


def _near(path: str) -> str:
    """The neighbour one may have meant."""
    from difflib import get_close_matches

    folder, name = os.path.split(path.rstrip(os.sep))
    try:
        near = get_close_matches(name, os.listdir(folder or "."), n=1, cutoff=0.75)
    except OSError:
        return ""
    return f"; did you mean {one_line(os.path.join(folder, near[0]))}?" if near else ""


def check_ranges(ctx: click.Context) -> None:
    """Limits that no file can meet are a mistake."""
    low, high = ctx.params["min_size"], ctx.params["max_size"]
    if low is not None and high is not None and low > high:
        raise click.UsageError("--min-size is larger than --max-size: no file would do", ctx)
    newer, older = ctx.params["newer"], ctx.params["older"]
    if newer is not None and older is not None and newer >= older:
        raise click.UsageError("--newer is later than --older: no file would do", ctx)
