"""What download, mirror and check share: which assets are meant, and how their files are named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .shared import COUNT, INSTANT, all_of, names, option

if TYPE_CHECKING:
    from immich_transfer.config.options import DownloadOptions

F = TypeVar("F", bound=Callable[..., Any])

WHICH, WHERE, HOW = "Which photos", "Where they go", "How"
SELECTORS = (
    "--album NAME, --album-id ID, --all, --favorites, --search QUERY, --type, --taken-after,"
    " --taken-before, --person, --tag or --archived"
)


def selection_options(command: F) -> F:
    """Which assets of the server are meant."""
    return all_of(
        [
            option(
                "--album",
                "albums",
                multiple=True,
                metavar="NAME",
                callback=names,
                section=WHICH,
                help="An album, own or shared; with a * every album that matches; repeatable.",
            ),
            option(
                "--album-id",
                "album_ids",
                multiple=True,
                metavar="ID",
                callback=names,
                section=WHICH,
                help="The album with this id; repeatable.",
            ),
            option(
                "--all",
                "everything",
                is_flag=True,
                section=WHICH,
                help="The whole library, archived photos too.",
            ),
            option("--favorites", is_flag=True, section=WHICH, help="Only favourites."),
            option(
                "--search",
                metavar="QUERY",
                section=WHICH,
                help="The best matches of the server's own search, among those that are not"
                " archived; with --archived among those that are.",
            ),
            option(
                "--limit",
                type=COUNT,
                metavar="N",
                default=100,
                show_default=True,
                section=WHICH,
                help="How many matches of --search.",
            ),
            option(
                "--type",
                "type",
                type=click.Choice(["image", "video"]),
                section=WHICH,
                help="Only photos, or only videos.",
            ),
            option(
                "--taken-after",
                type=INSTANT,
                metavar="WHEN",
                section=WHICH,
                help="Only what was taken since a date, like 2024-12-31, or in the last 30d.",
            ),
            option(
                "--taken-before",
                type=INSTANT,
                metavar="WHEN",
                section=WHICH,
                help="Only what was taken before a date.",
            ),
            option(
                "--person",
                "people",
                multiple=True,
                metavar="NAME",
                callback=names,
                section=WHICH,
                help="Only photos of this person; repeatable, all are meant at once.",
            ),
            option(
                "--tag",
                "tags",
                multiple=True,
                metavar="A/B",
                callback=names,
                section=WHICH,
                help="Only what has this tag; repeatable, all are meant at once.",
            ),
            option("--archived", is_flag=True, section=WHICH, help="Only what is archived."),
        ]
    )(command)


def layout_option(command: F) -> F:
    """How files are named."""
    return option(
        "--layout",
        metavar="TEMPLATE",
        section=WHERE,
        help="Path of each file below DIR, like '{year}/{album}/{filename}'. Fields: album"
        " filename stem ext year month day hour minute second id type owner make model city state"
        " country. [default: {album}/{filename} for albums, {year}/{year}-{month}/{filename} for"
        " the rest]",
    )(command)


def place_options(command: F) -> F:
    """Where files go, and what happens to what is there."""
    return all_of(
        [
            option(
                "-o",
                "--output",
                metavar="DIR",
                type=click.Path(),
                section=WHERE,
                help="The folder; made if missing.",
            ),
            layout_option,
            option(
                "--sidecars",
                type=click.Choice(["xmp", "json", "none"]),
                default="none",
                show_default=True,
                section=HOW,
                help="Write what the server knows (description, rating, tags, people, albums,"
                " favourite, place and date) beside each file.",
            ),
            option(
                "--on-conflict",
                type=click.Choice(["keep-both", "skip", "overwrite"]),
                default="keep-both",
                show_default=True,
                section=HOW,
                help="What to do about a local file that differs: keep-both renames it to"
                " 'name (local).ext'.",
            ),
            option(
                "--deleted",
                type=click.Choice(["fetch", "skip"]),
                default="fetch",
                show_default=True,
                section=HOW,
                help="What to do about files that were deleted here.",
            ),
            option(
                "--checksum",
                is_flag=True,
                section=HOW,
                help="Read every local file again instead of trusting size, time and inode.",
            ),
        ]
    )(command)


def check_selection(ctx: click.Context) -> None:
    """Something must be asked for, and only once."""
    params = ctx.params
    narrowing = any(
        params[name]
        for name in (
            "favorites",
            "search",
            "type",
            "taken_after",
            "taken_before",
            "people",
            "tags",
            "archived",
        )
    )
    if not (narrowing or params["albums"] or params["album_ids"] or params["everything"]):
        raise click.UsageError(f"say which photos are meant: {SELECTORS}", ctx)
    if narrowing and params["everything"]:
        raise click.UsageError("--all is everything: leave it out to search", ctx)
    if narrowing and (params["albums"] or params["album_ids"]):
        raise click.UsageError("an album comes whole: --album cannot be narrowed by a search", ctx)
    after, before = params["taken_after"], params["taken_before"]
    if after is not None and before is not None and after >= before:
        raise click.UsageError("--taken-after is later than --taken-before: no photo would do", ctx)
    if not params.get("output"):
        raise click.UsageError("say where they go: -o DIR", ctx)


def download_options(params: dict[str, Any], **more: Any) -> DownloadOptions:
    """The options of a flow that brings assets to disk, or compares them with it."""
    from immich_transfer.config.options import DownloadOptions, Selection
    from immich_transfer.policy.layout import Layout

    layout = params["layout"]
    if layout is not None:
        Layout.parse(layout)  # wrong ones are refused before the server is asked
    selection = Selection(
        albums=params["albums"],
        album_ids=params["album_ids"],
        everything=params["everything"],
        favorites=params["favorites"],
        search=params["search"],
        limit=params["limit"],
        type=params["type"],
        taken_after=_instant(params["taken_after"]),
        taken_before=_instant(params["taken_before"]),
        people=params["people"],
        tags=params["tags"],
        archived=params["archived"],
    )
    return DownloadOptions(output=params["output"], selection=selection, layout=layout, **more)


def _instant(ns: int | None) -> str | None:
    """The form that every server version takes."""
    if ns is None:
        return None
    moment = datetime.fromtimestamp(ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ns // 1_000_000 % 1000:03d}Z"
