"""`immich-transfer albums`: list, show, create, rename, add, remove, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .bridge import HOW, bridge_options, confirm, emit, group, run_bridge, yes_option
from .shared import Command, examples, names, option
from .showing import details_option, ids, show_assets, show_changes
from .table import Column, Table
from .words import one_line, say

if TYPE_CHECKING:
    from immich_transfer.bridge.client import Immich
    from immich_transfer.bridge.models import Album

F = TypeVar("F", bound=Callable[..., Any])


def album_argument(command: F) -> F:
    """The album that is meant."""
    return click.argument("album", metavar="ALBUM")(command)


def assets_argument(command: F) -> F:
    """The assets that are meant."""
    return click.argument("assets", nargs=-1, required=True, callback=ids, metavar="ASSET-ID...")(
        command
    )


@group(
    "albums",
    examples(
        "albums list",
        'albums show "Summer 2024"',
        'albums create "Summer 2024"',
        'albums add "Summer 2024" 0f8fad5b-d9cb-469f-a165-70867728950e',
    ),
)
def albums() -> None:
    """List, make, fill and delete albums.

    ALBUM is an id or an exact name; where several have the name, the ids are listed.
    """


@albums.command(
    "list", cls=Command, epilog=examples("albums list", "albums list --json | jq -r .name")
)
@bridge_options
@click.pass_context
def list_(ctx: click.Context, /, **params: Any) -> int:
    """List your albums, own and shared with you, by name. Permission: album.read."""

    async def work(server: Immich) -> None:
        found = await server.albums.list()
        if params["json"]:
            for album in found:
                emit("album", fields_of(album))
            return
        with Table(
            Column("ID"),
            Column("PHOTOS", right=True),
            Column("SHARED"),
            Column("NAME", elastic=True),
            empty="No albums.",
        ) as table:
            for album in found:
                shared = "yes" if album.shared else "no"
                table.row(album.id, f"{album.asset_count:,}", shared, album.name)

    return run_bridge(ctx.params, work)


@albums.command(
    "show",
    cls=Command,
    epilog=examples('albums show "Summer 2024"', "albums show --no-assets Trip --json"),
)
@album_argument
@option("--assets/--no-assets", default=True, show_default=True, section=HOW,
        help="Also list what is in it.")  # fmt: skip
@details_option
@bridge_options
@click.pass_context
def show(ctx: click.Context, /, album: str, assets: bool, details: bool, **params: Any) -> int:
    """Show an album and everything in it. Permissions: album.read, from 3.0 on asset.read."""

    async def work(server: Immich) -> None:
        found = await server.albums.find(album)
        if params["json"]:
            emit("album", fields_of(found))
        else:
            _tell(found)
        if assets:
            if not params["json"]:
                say()
            stream = server.albums.assets(found.id, details=details)
            await show_assets(stream, json=params["json"], details=details)

    return run_bridge(ctx.params, work)


@albums.command(
    "create",
    cls=Command,
    epilog=examples(
        'albums create "Summer 2024"',
        "albums create Trip --description 'By bike' --asset 0f8fad5b-d9cb-469f-a165-70867728950e",
    ),
)
@click.argument("name", callback=lambda ctx, param, value: names(ctx, param, [value])[0])
@option("--description", default="", metavar="TEXT", section=HOW, help="What it is about.")
@option("--asset", "assets", multiple=True, callback=ids, metavar="ID", section=HOW,
        help="Put this in at once; repeatable; - reads ids from standard input.")  # fmt: skip
@option("--another", is_flag=True, section=HOW,
        help="Make it even if you have one of this name.")  # fmt: skip
@bridge_options
@click.pass_context
def create(
    ctx: click.Context,
    /,
    name: str,
    description: str,
    assets: tuple[str, ...],
    another: bool,
    **params: Any,
) -> int:
    """Make an album. Permissions: album.create, and album.read to look whether there is one."""

    async def work(server: Immich) -> int:
        if not another:
            await _must_be_new(server, name)
        made = await server.albums.create(name, description=description)
        if params["json"]:
            emit("album", fields_of(made))
        else:
            say(f"{made.id}  {one_line(made.name)}")
        if not assets:
            return 0
        changes = await server.albums.add(made.id, assets)
        return show_changes(changes, json=params["json"], quiet=params["quiet"])

    return run_bridge(ctx.params, work)


async def _must_be_new(server: Immich, name: str) -> None:
    """Names need not be unique on the server, but two by accident are nobody's wish."""
    from immich_transfer.errors import UsageError

    same = [album.id for album in await server.albums.list() if album.name == name]
    if same:
        raise UsageError(
            f"there is an album {name!r} already: {', '.join(same)}",
            hint="`albums add` puts photos into it; --another makes one more of this name",
        )


@albums.command(
    "rename",
    cls=Command,
    epilog=examples(
        'albums rename Trip "Trip to Rome"', 'albums rename Trip Rome --description ""'
    ),
)
@album_argument
@click.argument("name", callback=lambda ctx, param, value: names(ctx, param, [value])[0])
@option("--description", metavar="TEXT", section=HOW, help="Another description, too.")
@bridge_options
@click.pass_context
def rename(
    ctx: click.Context, /, album: str, name: str, description: str | None, **params: Any
) -> int:
    """Give an album another name. Permission: album.update; by name also album.read."""

    async def work(server: Immich) -> None:
        found = await server.albums.find(album)
        renamed = await server.albums.rename(found.id, name, description=description)
        if params["json"]:
            emit("album", fields_of(renamed))
        else:
            say(f"{renamed.id}  {one_line(found.name)} is now {one_line(renamed.name)}")

    return run_bridge(ctx.params, work)


@albums.command(
    "add",
    cls=Command,
    epilog=examples(
        "albums add Trip 0f8fad5b-d9cb-469f-a165-70867728950e",
        "search --favorites --json | jq -r .id | immich-transfer albums add Best -",
    ),
)
@album_argument
@assets_argument
@bridge_options
@click.pass_context
def add(ctx: click.Context, /, album: str, assets: tuple[str, ...], **params: Any) -> int:
    """Put photos into an album.

    - reads ids from standard input. Says of each whether it was added, was in already, or was
    refused (exit 3). Permission: albumAsset.create; by name also album.read.
    """

    async def work(server: Immich) -> int:
        found = await server.albums.find(album)
        changes = await server.albums.add(found.id, assets)
        return show_changes(changes, json=params["json"], quiet=params["quiet"])

    return run_bridge(ctx.params, work)


@albums.command(
    "remove",
    cls=Command,
    epilog=examples("albums remove Trip 0f8fad5b-d9cb-469f-a165-70867728950e"),
)
@album_argument
@assets_argument
@bridge_options
@click.pass_context
def remove(ctx: click.Context, /, album: str, assets: tuple[str, ...], **params: Any) -> int:
    """Take photos out of an album; they stay on the server.

    - reads ids from standard input. Says of each whether it was removed or was not in it; exit 3
    if one was refused. Permission: albumAsset.delete; by name also album.read.
    """

    async def work(server: Immich) -> int:
        found = await server.albums.find(album)
        changes = await server.albums.remove(found.id, assets)
        return show_changes(changes, json=params["json"], quiet=params["quiet"])

    return run_bridge(ctx.params, work)


@albums.command(
    "delete", cls=Command, epilog=examples("albums delete Trip", "albums delete --yes Trip Rome")
)
@click.argument("albums_", nargs=-1, required=True, metavar="ALBUM...")
@yes_option
@bridge_options
@click.pass_context
def delete(ctx: click.Context, /, albums_: tuple[str, ...], yes: bool, **params: Any) -> int:
    """Delete albums for good; the photos in them stay. Permissions: album.delete, album.read.

    Asks on a terminal; elsewhere it needs --yes.
    """

    async def work(server: Immich) -> None:
        found = [await server.albums.find(album) for album in dict.fromkeys(albums_)]
        titles = ", ".join(one_line(album.name) for album in found)
        confirm(f"Delete {titles} for good? The photos stay.", yes=yes)
        for album in {album.id: album for album in found}.values():
            await server.albums.delete(album.id)
            if params["json"]:
                emit("result", {"id": album.id, "name": album.name, "outcome": "deleted"})
            else:
                say(f"{album.id}  {one_line(album.name)}  deleted")

    return run_bridge(ctx.params, work)


def fields_of(album: Album) -> dict[str, Any]:
    """An album for programs."""
    return {
        "id": album.id,
        "name": album.name,
        "description": album.description,
        "assets": album.asset_count,
        "owner": album.owner,
        "shared": album.shared,
        "created": album.created,
        "updated": album.updated,
        "start": album.start,
        "end": album.end,
        "order": album.order,
        "users": [
            {"id": one.user.id, "name": one.user.name, "role": one.role} for one in album.users
        ],
    }


def _tell(album: Album) -> None:
    say(one_line(album.name) or "(no name)")
    if album.description:
        say(f"  {one_line(album.description)}")
    say(f"  id       {album.id}")
    say(f"  photos   {album.asset_count:,}")
    if album.start and album.end:
        say(f"  taken    {one_line(album.start[:10])} to {one_line(album.end[:10])}")
    for one in album.users:
        say(f"  {one_line(one.role or 'user').ljust(8)} {one_line(one.user.name)}")
