"""`immich-transfer assets`: list, show, thumbnail, original, delete, restore."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .bridge import HOW, bridge_options, confirm, emit, group, run_bridge, yes_option
from .shared import COUNT, Command, examples, option
from .showing import asset_fields, details_option, ids, show_assets, show_changes
from .words import one_line, say, warn

if TYPE_CHECKING:
    from immich_transfer.bridge.client import Immich

F = TypeVar("F", bound=Callable[..., Any])

WHICH, WHERE = "Which photos", "Where they go"
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def assets_argument(command: F) -> F:
    """The assets that are meant."""
    return click.argument("assets_", nargs=-1, required=True, callback=ids, metavar="ASSET-ID...")(
        command
    )


def force_option(command: F) -> F:
    """Whether a file may be replaced."""
    return option("--force", is_flag=True, section=WHERE,
                  help="Replace a file that is there.")(command)  # fmt: skip


@group(
    "assets",
    examples(
        "assets list --take 20",
        f"assets show {ID}",
        f"assets original {ID} -o photo.jpg",
        f"assets thumbnail {ID} --size preview -o - | display",
    ),
)
def assets() -> None:
    """List, show, fetch, delete and restore photos and videos.

    For whole albums and libraries see `immich-transfer download`: it resumes and verifies.
    """


@assets.command(
    "list",
    cls=Command,
    epilog=examples("assets list", "assets list --details", "assets list --json | wc -l"),
)
@option("--take", type=COUNT, metavar="N", section=WHICH, help="At most so many.")
@option("--trashed", is_flag=True, section=WHICH, help="What is in the trash instead.")
@details_option
@bridge_options
@click.pass_context
def list_(
    ctx: click.Context, /, take: int | None, trashed: bool, details: bool, **params: Any
) -> int:
    """List every photo and video of yours, archived ones too, month by month, newest first.

    Complete also where many were taken at the same instant. Permission: asset.read.
    """

    async def work(server: Immich) -> None:
        from immich_transfer.bridge.streams import first
        from immich_transfer.report.wording import count as written

        every = server.assets.trash if trashed else server.assets.all
        stream = first(every(details=details), take)
        count = await show_assets(stream, json=params["json"], details=details)
        if not params["quiet"] and not params["json"] and count:
            warn(written(count, "asset"))

    return run_bridge(ctx.params, work)


@assets.command(
    "show", cls=Command, epilog=examples(f"assets show {ID}", f"assets show {ID} --json")
)
@assets_argument
@bridge_options
@click.pass_context
def show(ctx: click.Context, /, assets_: tuple[str, ...], **params: Any) -> int:
    """Show all that the server knows of a photo. Permission: asset.read."""

    async def work(server: Immich) -> None:
        for number, asset_id in enumerate(assets_):
            found = await server.assets.get(asset_id)
            if params["json"]:
                emit("asset", asset_fields(found))
                continue
            if number:
                say()
            for name, value in asset_fields(found).items():
                shown = ", ".join(value) if isinstance(value, list) else str(value)
                say(f"{name.replace('_', ' ').ljust(12)} {one_line(shown)}")

    return run_bridge(ctx.params, work)


@assets.command(
    "original",
    cls=Command,
    epilog=examples(
        f"assets original {ID}",
        f"assets original {ID} -o photo.jpg",
        f"assets original {ID} -o - | exiftool -",
    ),
)
@assets_argument
@option("-o", "--output", default=".", metavar="FILE|DIR|-", section=WHERE,
        help="Where it goes; in a folder under its own name; - is standard output."
        " [default: the current folder]")  # fmt: skip
@force_option
@bridge_options
@click.pass_context
def original(
    ctx: click.Context, /, assets_: tuple[str, ...], output: str, force: bool, **params: Any
) -> int:
    """Fetch originals, bit for bit as they were uploaded.

    The SHA-1 is compared with the server's before the file gets its name; a file that is there is
    not touched. Permissions: asset.download and asset.read.
    """
    from .fetching import STDOUT, Fetched, check_place, check_stdout, place_of, to_file, to_stdout

    check_stdout(output, len(assets_), json=params["json"])

    async def one(server: Immich, asset_id: str) -> Fetched:
        from immich_transfer.policy.naming import safe_name

        asset = await server.assets.get(asset_id)
        stream = server.assets.original(asset.id)
        if output == STDOUT:
            return await to_stdout(stream, sha1=asset.sha1)
        path = place_of(output, safe_name(asset.name), several=len(assets_) > 1)
        check_place(path, force=force)
        return await to_file(
            stream,
            path,
            asset_id=asset.id,
            sha1=asset.sha1,
            modified=asset.modified,
            force=force,
        )

    return _fetch(ctx, assets_, one)


@assets.command(
    "thumbnail",
    cls=Command,
    epilog=examples(
        f"assets thumbnail {ID} -o small.webp --size thumbnail",
        f"assets thumbnail {ID} -o - > preview.jpg",
    ),
)
@assets_argument
@option("--size", type=click.Choice(["thumbnail", "preview", "fullsize"]), default="preview",
        show_default=True, section=WHERE,
        help="About 250 pixels, about 1440, or as many as the photo has (server 1.131 or newer).",
        )  # fmt: skip
@option("-o", "--output", default=".", metavar="FILE|DIR|-", section=WHERE,
        help="Where it goes; in a folder as ID-SIZE; - is standard output."
        " [default: the current folder]")  # fmt: skip
@force_option
@bridge_options
@click.pass_context
def thumbnail(
    ctx: click.Context,
    /,
    assets_: tuple[str, ...],
    size: Any,
    output: str,
    force: bool,
    **params: Any,
) -> int:
    """Fetch the smaller pictures that the server makes of photos and videos.

    Permission: asset.view; for fullsize also asset.download where the original itself does.
    """
    from .fetching import (
        STDOUT,
        Fetched,
        check_place,
        check_stdout,
        extension_of,
        place_of,
        to_file,
        to_stdout,
    )

    check_stdout(output, len(assets_), json=params["json"])

    async def one(server: Immich, asset_id: str) -> Fetched:
        from immich_transfer.bridge.streams import begun

        head, stream = await begun(server.assets.thumbnail(asset_id, size))
        if output == STDOUT:
            return await to_stdout(stream, sha1=None)
        name = f"{asset_id}-{size}{extension_of(head)}"
        path = place_of(output, name, several=len(assets_) > 1)
        check_place(path, force=force)
        return await to_file(stream, path, asset_id=asset_id, sha1=None, modified=0, force=force)

    return _fetch(ctx, assets_, one)


def _fetch(ctx: click.Context, assets_: tuple[str, ...], one: Callable[[Immich, str], Any]) -> int:
    """Fetch one picture after the other; of several, one that fails does not stop the rest."""
    from immich_transfer.errors import ItemError, UsageError
    from immich_transfer.report.wording import size as written

    from .fetching import STDOUT, reason_of

    params = ctx.params

    async def work(server: Immich) -> int:
        failed = False
        for asset_id in assets_:
            try:
                fetched = await one(server, asset_id)
            except (ItemError, UsageError) as error:
                if len(assets_) == 1:
                    raise
                failed = True
                if params["json"]:
                    emit("failure", {"id": asset_id, "error": reason_of(error)})
                warn(f"{asset_id}: {reason_of(error)}")
                continue
            if fetched.path == STDOUT:
                continue
            if params["json"]:
                told = {"path": fetched.path, "bytes": fetched.bytes, "sha1": fetched.sha1.hex()}
                emit("file", {"id": asset_id, **told})
            else:
                say(f"{one_line(fetched.path)}  {written(fetched.bytes)}")
        return 3 if failed else 0

    return run_bridge(params, work)


@assets.command(
    "delete",
    cls=Command,
    epilog=examples(f"assets delete {ID}", f"assets delete --yes --force {ID}"),
)
@assets_argument
@option("--force", is_flag=True, section=HOW,
        help="Delete for good instead of into the trash.")  # fmt: skip
@yes_option
@bridge_options
@click.pass_context
def delete(
    ctx: click.Context, /, assets_: tuple[str, ...], force: bool, yes: bool, **params: Any
) -> int:
    """Move photos to the trash, or with --force delete them for good.

    Asks on a terminal; elsewhere it needs --yes. Says of each what became of it; exit 3 if one was
    refused. Permission: asset.delete.
    """

    async def work(server: Immich) -> int:
        from immich_transfer.report.wording import count as written

        how = "for good; nothing brings them back" if force else "into the trash"
        confirm(f"Delete {written(len(assets_), 'photo')} {how}?", yes=yes)
        changes = await server.assets.delete(assets_, force=force)
        return show_changes(changes, json=params["json"], quiet=params["quiet"])

    return run_bridge(ctx.params, work)


@assets.command("restore", cls=Command, epilog=examples(f"assets restore {ID}"))
@assets_argument
@bridge_options
@click.pass_context
def restore(ctx: click.Context, /, assets_: tuple[str, ...], **params: Any) -> int:
    """Bring photos back from the trash. Permission: asset.delete."""

    async def work(server: Immich) -> int:
        changes = await server.assets.restore(assets_)
        return show_changes(changes, json=params["json"], quiet=params["quiet"])

    return run_bridge(ctx.params, work)
