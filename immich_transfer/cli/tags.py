"""`immich-transfer tags`: list, and put on photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .bridge import bridge_options, emit, group, run_bridge
from .shared import Command, examples, names
from .showing import ids, show_changes
from .table import Column, Table
from .words import one_line, say

if TYPE_CHECKING:
    from immich_transfer.bridge.client import Immich
    from immich_transfer.bridge.models import Tag


@group("tags", examples("tags list", "tags add Trips/Sea 0f8fad5b-d9cb-469f-a165-70867728950e"))
def tags() -> None:
    """List tags and put them on photos."""


@tags.command("list", cls=Command, epilog=examples("tags list", "tags list --json"))
@bridge_options
@click.pass_context
def list_(ctx: click.Context, /, **params: Any) -> int:
    """List your tags by path. Permission: tag.read."""

    async def work(server: Immich) -> None:
        found = await server.tags.list()
        if params["json"]:
            for tag in found:
                emit("tag", fields_of(tag))
            return
        with Table(Column("ID"), Column("TAG", elastic=True), empty="No tags.") as table:
            for tag in found:
                table.row(tag.id, tag.path)

    return run_bridge(ctx.params, work)


@tags.command(
    "add",
    cls=Command,
    epilog=examples(
        "tags add Trips/Sea",
        "tags add Trips/Sea 0f8fad5b-d9cb-469f-a165-70867728950e",
        "search beach --json | jq -r .id | immich-transfer tags add Trips/Sea -",
    ),
)
@click.argument("tag", metavar="A/B", callback=lambda ctx, param, v: names(ctx, param, [v])[0])
@click.argument("assets", nargs=-1, callback=ids, metavar="[ASSET-ID...]")
@bridge_options
@click.pass_context
def add(ctx: click.Context, /, tag: str, assets: tuple[str, ...], **params: Any) -> int:
    """Put a tag on photos, made with its parents if missing; - reads ids from standard input.

    Says of each whether it was added, was in already, or was refused (exit 3). Permissions:
    tag.create and tag.asset.
    """

    async def work(server: Immich) -> int:
        (made,) = await server.tags.upsert(tag)
        if not assets:
            if params["json"]:
                emit("tag", fields_of(made))
            else:
                say(f"{made.id}  {one_line(made.path)}")
            return 0
        changes = await server.tags.add(made.id, assets)
        return show_changes(changes, json=params["json"], quiet=params["quiet"])

    return run_bridge(ctx.params, work)


def fields_of(tag: Tag) -> dict[str, Any]:
    """A tag for programs."""
    return {"id": tag.id, "tag": tag.path, "parent": tag.parent_id, "color": tag.color}
