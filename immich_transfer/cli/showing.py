"""Assets and what became of them, as rows for people and as lines for programs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

import click

from immich_transfer.report.wording import size

from .bridge import emit
from .shared import OUTPUT, option
from .table import Column, Table
from .words import warn

if TYPE_CHECKING:
    from immich_transfer.bridge.models import Asset, Change

F = TypeVar("F", bound=Callable[..., Any])

WORDS = {
    "added": "added",
    "already-in": "already in",
    "removed": "removed",
    "not-in": "not in it",
    "trashed": "in the trash",
    "deleted": "deleted for good",
    "restored": "restored",
    "refused": "refused",
}


def details_option(command: F) -> F:
    """More of every asset, at a price."""
    return option(
        "-l",
        "--details",
        is_flag=True,
        section=OUTPUT,
        help="Sizes, cameras and places, too; the server takes longer to tell them.",
    )(command)


def ids(_: click.Context, param: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Ids of assets as arguments, or with - one a line from standard input."""
    from immich_transfer.bridge.names import is_id

    found: list[str] = []
    for value in values:
        found += sys.stdin.read().split() if value == "-" else [value]
    for text in found:
        if not is_id(text):
            raise click.BadParameter(
                f"{text!r} is not an id, like 0f8fad5b-d9cb-469f-a165-70867728950e", param=param
            )
    return tuple(dict.fromkeys(text.lower() for text in found))


def asset_fields(asset: Asset) -> dict[str, Any]:
    """An asset for programs, without what is not known of it."""
    fields: dict[str, Any] = {
        "id": asset.id,
        "name": asset.name,
        "kind": asset.kind,
        "taken": asset.taken_at.isoformat(timespec="milliseconds"),
        "modified": asset.modified_at.isoformat(timespec="milliseconds"),
        "added": asset.added_at and asset.added_at.isoformat(timespec="milliseconds"),
        "local": asset.local or None,
        "sha1": asset.sha1_hex,
        "bytes": asset.size,
        "owner": asset.owner or None,
        "visibility": asset.visibility,
        "favorite": asset.favorite,
        "trashed": asset.trashed,
        "offline": asset.offline or None,
        "library": asset.library,
        "live_video": asset.live_video,
        "mime": asset.mime or None,
        "duration": asset.duration,
        "width": asset.width,
        "height": asset.height,
        "make": asset.camera[0] or None,
        "model": asset.camera[1] or None,
        "city": asset.place[0] or None,
        "state": asset.place[1] or None,
        "country": asset.place[2] or None,
        "latitude": asset.latitude,
        "longitude": asset.longitude,
        "description": asset.description or None,
        "rating": asset.rating,
        "time_zone": asset.time_zone,
        "tags": [tag.path for tag in asset.tags] or None,
        "people": [person.name for person in asset.people if person.name] or None,
        "path": asset.path or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


async def show_assets(
    stream: AsyncGenerator[Asset, None], *, json: bool, details: bool, empty: str = "No photos."
) -> int:
    """Write assets as they come; how many there were."""
    count = 0
    async with aclosing(stream):
        if json:
            async for asset in stream:
                emit("asset", asset_fields(asset))
                count += 1
            return count
        more = (Column("SIZE", right=True), Column("CAMERA", elastic=True)) if details else ()
        with Table(
            Column("ID"),
            Column("TAKEN"),
            Column("KIND"),
            *more,
            Column("NAME", elastic=True),
            empty=empty,
        ) as table:
            async for asset in stream:
                table.row(*_row(asset, details=details))
                count += 1
    return count


def _row(asset: Asset, *, details: bool) -> list[str]:
    # Wall clock where it was taken, as every other client shows it.
    taken = asset.local[:16].replace("T", " ") or f"{asset.taken_at:%Y-%m-%d %H:%M}"
    row = [asset.id, taken, asset.kind]
    if details:
        row.append("-" if asset.size is None else size(asset.size))
        row.append(" ".join(filter(None, asset.camera)) or "-")
    return [*row, asset.name]


def show_changes(changes: Sequence[Change], *, json: bool, quiet: bool) -> int:
    """Write what became of each asset; the exit code."""
    refused = [change for change in changes if not change.ok]
    if json:
        for change in changes:
            error = {} if change.error is None else {"error": change.error}
            emit("result", {"id": change.id, "outcome": change.outcome, **error})
    elif changes:
        with Table(Column("ID"), Column("OUTCOME"), Column("WHY", elastic=True)) as table:
            for change in changes:
                table.row(change.id, WORDS[change.outcome], change.error or "")
    if not quiet and not json:
        counts = Counter(change.outcome for change in changes)
        told = ", ".join(f"{n:,} {WORDS[outcome]}" for outcome, n in counts.items())
        warn(told or "nothing to do")
    return 3 if refused else 0
