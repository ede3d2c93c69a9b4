"""`immich-transfer libraries`: external libraries, for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .bridge import bridge_options, emit, group, run_bridge
from .shared import POSITIVE_DURATION, Command, examples, names, option
from .table import Column, Table
from .waiting import Waiting
from .words import one_line, say

if TYPE_CHECKING:
    from immich_transfer.bridge.client import Immich
    from immich_transfer.bridge.server_models import Library, LibraryStatistics, Synced

WHICH = "Which"
LIBRARY = click.argument("library", metavar="NAME|ID")

EPILOG = examples(
    "libraries list",
    'libraries create "NAS photos" --path /mnt/photos --exclude "**/@eaDir/**"',
    'libraries validate "NAS photos"',
    'libraries sync "NAS photos" --timeout 2h',
)


@group("libraries", EPILOG)
def libraries() -> None:
    """External libraries: folders the server shows without owning them. Needs an admin's key."""


@libraries.command("list", cls=Command, epilog=examples("libraries list", "libraries list --json"))
@bridge_options
@click.pass_context
def list_(ctx: click.Context, /, **params: Any) -> int:
    """List all libraries.

    Needs library.read.
    """

    async def work(server: Immich) -> None:
        found = await server.libraries.list()
        if params["json"]:
            for library in found:
                emit("library", _fields(library))
            return
        heads = (
            Column("ID"),
            Column("NAME", elastic=True),
            Column("ASSETS", right=True),
            Column("SCANNED"),
            Column("FOLDERS", elastic=True),
        )
        with Table(*heads, empty="No libraries.") as table:
            for library in found:
                table.row(
                    library.id,
                    library.name,
                    f"{library.asset_count:,}",
                    _day(library.refreshed_at),
                    ", ".join(library.import_paths),
                )

    return run_bridge(ctx.params, work)


@libraries.command("show", cls=Command, epilog=examples('libraries show "NAS photos"'))
@LIBRARY
@bridge_options
@click.pass_context
def show(ctx: click.Context, /, library: str, **params: Any) -> int:
    """Show one library.

    Needs library.read.
    """

    async def work(server: Immich) -> None:
        _show(await server.libraries.find(library), as_json=params["json"])

    return run_bridge(ctx.params, work)


@libraries.command(
    "create",
    cls=Command,
    epilog=examples(
        'libraries create "NAS photos" --path /mnt/photos',
        "libraries create Anna --path /mnt/anna --owner anna@example.org",
    ),
)
@click.argument("name")
@option("--path", "paths", multiple=True, metavar="DIR", section=WHICH, callback=names,
        help="A folder, as the server sees it; repeatable.")  # fmt: skip
@option("--exclude", multiple=True, metavar="PATTERN", section=WHICH, callback=names,
        help="What to leave out, like **/@eaDir/**; repeatable.")  # fmt: skip
@option("--owner", metavar="USER", section=WHICH,
        help="Id, mail address or name of its owner. [default: the key's own user]")  # fmt: skip
@bridge_options
@click.pass_context
def create(
    ctx: click.Context,
    /,
    name: str,
    paths: tuple[str, ...],
    exclude: tuple[str, ...],
    owner: str | None,
    **params: Any,
) -> int:
    """Create a library.

    Needs library.create. Nothing is scanned yet: see sync.
    """
    if not name.strip():
        raise click.BadParameter("it is empty", ctx, param_hint="NAME")

    async def work(server: Immich) -> None:
        whose = None if owner is None else (await server.users.find(owner)).id
        made = await server.libraries.create(name, paths=paths, exclude=exclude, owner=whose)
        _show(made, as_json=params["json"])

    return run_bridge(ctx.params, work)


@libraries.command("scan", cls=Command, epilog=examples('libraries scan "NAS photos"'))
@LIBRARY
@option("--modified", is_flag=True, section=WHICH,
        help="Servers before 1.116: look at changed files, too; newer ones always do.")  # fmt: skip
@option("--every", is_flag=True, section=WHICH,
        help="Servers before 1.116: read every file again.")  # fmt: skip
@bridge_options
@click.pass_context
def scan(ctx: click.Context, /, library: str, modified: bool, every: bool, **params: Any) -> int:
    """Have the server look for what is new and gone.

    Needs library.read and library.update. It does so later: `libraries sync` waits for it.
    """

    async def work(server: Immich) -> None:
        found = await server.libraries.find(library)
        await server.libraries.scan(found.id, modified=modified, every=every)
        if params["json"]:
            emit("library-scan", {"id": found.id, "name": found.name})
        else:
            say(f"The scan of {one_line(found.name)} was begun.")

    return run_bridge(ctx.params, work)


@libraries.command("statistics", cls=Command, epilog=examples('libraries statistics "NAS photos"'))
@LIBRARY
@bridge_options
@click.pass_context
def statistics(ctx: click.Context, /, library: str, **params: Any) -> int:
    """Count what a library shows.

    Needs library.read and library.statistics.
    """

    async def work(server: Immich) -> None:
        found = await server.libraries.find(library)
        counted = await server.libraries.statistics(found.id)
        if params["json"]:
            emit("library-statistics", {"id": found.id, "name": found.name, **_fields(counted)})
        else:
            say(f"{one_line(found.name)}: {_counts(counted)}")

    return run_bridge(ctx.params, work)


@libraries.command(
    "validate",
    cls=Command,
    epilog=examples('libraries validate "NAS photos"', "libraries validate Anna --path /mnt/new"),
)
@LIBRARY
@option("--path", "paths", multiple=True, metavar="DIR", section=WHICH, callback=names,
        help="Check this folder instead of the library's own; repeatable.")  # fmt: skip
@bridge_options
@click.pass_context
def validate(ctx: click.Context, /, library: str, paths: tuple[str, ...], **params: Any) -> int:
    """Ask whether the server can read its folders.

    Needs a key with all permissions. Exit 3 when it cannot read one of them.
    """

    async def work(server: Immich) -> int:
        from immich_transfer.errors import Exit

        found = await server.libraries.find(library)
        checks = await server.libraries.validate(
            found.id, paths or found.import_paths, found.exclusion_patterns
        )
        if params["json"]:
            for check in checks:
                emit("library-path", {"id": found.id, "name": found.name, **_fields(check)})
        elif not checks:
            say(f"{one_line(found.name)} has no folders.")
        for check in () if params["json"] else checks:
            told = "good" if check.is_valid else one_line(check.message or "not usable")
            say(f"{one_line(check.import_path)}: {told}")
        return Exit.OK if all(check.is_valid for check in checks) else Exit.ITEMS_FAILED

    return run_bridge(ctx.params, work)


@libraries.command(
    "sync",
    cls=Command,
    epilog=examples('libraries sync "NAS photos"', 'libraries sync "NAS photos" --timeout 2h'),
)
@LIBRARY
@option("--timeout", type=POSITIVE_DURATION, metavar="DURATION", section=WHICH,
        help="End with exit 8 when it takes longer; the scan goes on. [default: none]")  # fmt: skip
@bridge_options
@click.pass_context
def sync(ctx: click.Context, /, library: str, timeout: float | None, **params: Any) -> int:
    """Scan, wait for the end, say what came and went.

    Needs library.read, library.update, library.statistics and queue.read (before 2.4 job.read).
    What went is told of libraries of the key's own user (asset.read or asset.statistics).
    """

    async def work(server: Immich) -> None:
        found = await server.libraries.find(library)
        with Waiting(quiet=params["quiet"]) as waiting:
            synced = await server.libraries.sync(found, timeout=timeout, heard=waiting)
        if params["json"]:
            emit("library-sync", _synced(synced))
        else:
            _say_synced(synced)

    return run_bridge(ctx.params, work)


def _fields(found: Any) -> dict[str, Any]:
    """A value's fields, for programs: as the client names them."""
    import msgspec

    return msgspec.structs.asdict(found)


def _show(library: Library, *, as_json: bool) -> None:
    if as_json:
        emit("library", _fields(library))
        return
    say(f"{'Name':8} {one_line(library.name)}")
    say(f"{'Id':8} {library.id}")
    say(f"{'Owner':8} {library.owner_id}")
    say(f"{'Assets':8} {library.asset_count:,}")
    say(f"{'Scanned':8} {library.refreshed_at or 'never'}")
    for what, values in (("Folder", library.import_paths), ("Exclude", library.exclusion_patterns)):
        for value in values:
            say(f"{what:8} {one_line(value)}")


def _day(instant: str | None) -> str:
    return "never" if instant is None else instant[:16].replace("T", " ")


def _counts(counted: LibraryStatistics) -> str:
    from immich_transfer.report.wording import count, size

    photos, videos = count(counted.photos, "photo"), count(counted.videos, "video")
    return f"{photos} and {videos}, {size(counted.usage)}"


def _synced(synced: Synced) -> dict[str, Any]:
    return {
        "id": synced.library.id,
        "name": synced.library.name,
        "came": synced.came,
        "went": synced.went,
        "returned": synced.returned,
        "forgotten": synced.forgotten,
        "before": _fields(synced.before),
        "after": _fields(synced.after),
    }


def _say_synced(synced: Synced) -> None:
    from immich_transfer.report.wording import count

    moves = [
        (synced.came, "{} came"),
        (synced.went, "{} went (in the trash)"),
        (synced.returned, "{} returned"),
        (synced.forgotten, "{} forgotten"),
    ]
    told = [words.format(count(number, "file")) for number, words in moves if number]
    name = one_line(synced.library.name)
    say(f"{name}: {', '.join(told) or 'nothing came, nothing went'}.")
    lost = f", {synced.offline_after:,} of them without a file" if synced.offline_after else ""
    say(f"It now has {_counts(synced.after)}{lost}.")
    if synced.went is None:
        say("Whether files went cannot be told: that takes its owner's key, with asset.read.")
