"""What upload and check share: which local files are meant."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from .shared import INSTANT, SIZE, all_of, option
from .words import one_line

F = TypeVar("F", bound=Callable[..., Any])

WHICH = "Which files"


def file_options(command: F) -> F:
    """Paths, and what to leave out below them."""
    return all_of(
        [
            click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path()),
            option(
                "--folder",
                "folders",
                multiple=True,
                metavar="PATH",
                type=click.Path(),
                section=WHICH,
                help="The same as PATH; repeatable.",
            ),
            option(
                "--include",
                multiple=True,
                metavar="PATTERN",
                section=WHICH,
                help="Only files that match; gitignore-style, repeatable.",
            ),
            option(
                "--exclude",
                multiple=True,
                metavar="PATTERN",
                section=WHICH,
                help="Leave out what matches; gitignore-style, repeatable.",
            ),
            option(
                "--filter-from",
                multiple=True,
                metavar="FILE",
                type=click.Path(),
                section=WHICH,
                help="Exclude patterns from a file like a .gitignore; repeatable.",
            ),
            option(
                "--min-size",
                type=SIZE,
                metavar="SIZE",
                section=WHICH,
                help="Only files of at least SIZE, like 10K.",
            ),
            option(
                "--max-size",
                type=SIZE,
                metavar="SIZE",
                section=WHICH,
                help="Only files of at most SIZE, like 4G.",
            ),
            option(
                "--newer",
                type=INSTANT,
                metavar="WHEN",
                section=WHICH,
                help="Only files modified since a date, like 2024-12-31, or in the last 30d.",
            ),
            option(
                "--older",
                type=INSTANT,
                metavar="WHEN",
                section=WHICH,
                help="Only files modified before a date, or longer ago than 30d.",
            ),
            option("--hidden", is_flag=True, section=WHICH, help="Hidden files and folders, too."),
            option(
                "--no-default-excludes",
                is_flag=True,
                section=WHICH,
                help="Also what is usually junk: @eaDir, #recycle, Thumbs.db and the like.",
            ),
            option(
                "--follow-links",
                is_flag=True,
                section=WHICH,
                help="Follow links to folders, each real folder once.",
            ),
        ]
    )(command)


def type_option(command: F) -> F:
    """Photos or videos."""
    return option(
        "--type",
        "type",
        type=click.Choice(["image", "video"]),
        section=WHICH,
        help="Only photos, or only videos.",
    )(command)


def file_choices(params: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `UploadOptions` that say which files are meant."""
    return {
        "paths": (*params["paths"], *params["folders"]),
        "include": params["include"],
        "exclude": params["exclude"],
        "filter_from": params["filter_from"],
        "type": params["type"],
        "min_size": params["min_size"],
        "max_size": params["max_size"],
        "newer_ns": params["newer"],
        "older_ns": params["older"],
        "hidden": params["hidden"],
        "default_excludes": not params["no_default_excludes"],
        "follow_links": params["follow_links"],
    }


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
