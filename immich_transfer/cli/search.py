"""`immich-transfer search`: by what photos show, or by what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from .bridge import bridge_options, run_bridge
from .shared import COUNT, INSTANT, Command, all_of, examples, names, option
from .showing import details_option, show_assets

if TYPE_CHECKING:
    from immich_transfer.bridge.client import Immich
    from immich_transfer.bridge.search import Filters

F = TypeVar("F", bound=Callable[..., Any])

WHICH = "Which photos"
BEST = 100
"""Matches of a smart search: it ranks the whole library, so that there is no end of them."""

EPILOG = examples(
    "search beach at sunset",
    "search beach --type video --take 20",
    "search --metadata --name IMG_20 --taken-after 2024-01-01",
    "search --favorites --album Trip --json",
)


def filter_options(command: F) -> F:
    """What a search may be narrowed by."""
    plain = [("make", "of this maker of cameras"), ("model", "of this camera"),
             ("city", "taken in this city"), ("country", "taken in this country")]  # fmt: skip
    return all_of(
        [
            option(
                "--name",
                metavar="TEXT",
                section=WHICH,
                help="Only files with TEXT in their name (not with a QUERY).",
            ),
            option(
                "--type",
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
            option("--favorites", is_flag=True, section=WHICH, help="Only favourites."),
            option("--archived", is_flag=True, section=WHICH, help="Only what is archived."),
            option(
                "--person",
                "people",
                multiple=True,
                metavar="NAME|ID",
                callback=names,
                section=WHICH,
                help="Only photos of this person; repeatable, all are meant at once.",
            ),
            option(
                "--tag",
                "tags",
                multiple=True,
                metavar="A/B|ID",
                callback=names,
                section=WHICH,
                help="Only what has this tag; repeatable, all are meant at once.",
            ),
            option(
                "--album",
                "albums",
                multiple=True,
                metavar="NAME|ID",
                callback=names,
                section=WHICH,
                help="Only what is in this album; repeatable, all are meant at once.",
            ),
            option("--not-in-album", is_flag=True, section=WHICH, help="Only what is in none."),
            *(
                option(f"--{name}", metavar="TEXT", section=WHICH, help=f"Only {about}.")
                for name, about in plain
            ),
            option(
                "--rating",
                type=click.IntRange(1, 5),
                metavar="1-5",
                section=WHICH,
                help="Only what has so many stars.",
            ),
        ]
    )(command)


@click.command("search", cls=Command, epilog=EPILOG)
@click.argument("query", nargs=-1)
@option("--metadata", is_flag=True, section=WHICH,
        help="Search by the filters alone, without a QUERY.")  # fmt: skip
@filter_options
@option("--take", type=COUNT, metavar="N", section=WHICH,
        help=f"At most so many. [default: {BEST} with a QUERY, else all]")  # fmt: skip
@details_option
@bridge_options
@click.pass_context
def search(ctx: click.Context, /, **params: Any) -> int:
    """Find photos by what they show (QUERY), or by what is known of them.

    With a QUERY the server's smart search ranks what is not archived, the best first; filters
    narrow it. Without one everything that matches all filters is listed, the newest first.
    Permission: asset.read; for names also person.read, tag.read or album.read.
    """
    query = " ".join(params["query"]).strip()
    filters = filters_of(params)
    if query and params["metadata"]:
        raise click.UsageError("a QUERY is a smart search: give it or --metadata, not both", ctx)
    if params["query"] and not query:
        raise click.UsageError("the QUERY is empty", ctx)
    if query and "name" in filters:
        raise click.UsageError("--name narrows no smart search: leave the QUERY out", ctx)
    if not (query or filters or params["metadata"]):
        raise click.UsageError("say what to look for: a QUERY, or filters like --favorites", ctx)

    async def work(server: Immich) -> None:
        details, take = params["details"], params["take"]
        if query:
            found = server.search.smart(query, filters, take=take or BEST, details=details)
        else:
            found = server.search.metadata(filters, take=take, details=details)
        await show_assets(found, json=params["json"], details=details, empty="Nothing found.")

    return run_bridge(ctx.params, work)


def filters_of(params: dict[str, Any]) -> Filters:
    """What was given of the filters."""
    given: dict[str, Any] = {}
    for name in ("name", "type", "make", "model", "city", "country", "rating"):
        if params[name] is not None:
            given[name] = params[name]
    for name in ("people", "tags", "albums"):
        if params[name]:
            given[name] = params[name]
    for name in ("taken_after", "taken_before"):
        if params[name] is not None:
            given[name] = datetime.fromtimestamp(params[name] / 1e9, UTC)
    for flag, name in (("favorites", "favorite"), ("archived", "archived")):
        if params[flag]:
            given[name] = True
    if params["not_in_album"]:
        given["not_in_album"] = True
    return cast("Filters", given)
