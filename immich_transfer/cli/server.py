"""`immich-transfer server`: what the server tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .bridge import bridge_options, emit, run_bridge
from .shared import Command, examples
from .table import Column, Table
from .words import one_line, say

if TYPE_CHECKING:
    from immich_transfer.bridge.client import Immich
    from immich_transfer.bridge.server_models import About, Features, Release, Statistics, Storage

WHATS = ("version", "about", "features", "storage", "statistics")

EPILOG = examples(
    "server",
    "server version",
    "server features --json",
    "server storage",
    "server statistics      (an admin's key)",
)


@click.command("server", cls=Command, epilog=EPILOG)
@click.argument("what", required=False, type=click.Choice(WHATS), metavar="[WHAT]")
@bridge_options
@click.pass_context
def server(ctx: click.Context, /, what: str | None, **params: Any) -> int:
    """Say what the server tells of itself: all that the key may know, or only WHAT.

    \b
    version     its release
    about       how it was built           (permission server.about)
    features    what is switched on
    storage     the disk of the uploads    (permission server.storage)
    statistics  photos and bytes by user   (an admin's key, server.statistics)
    """
    as_json = bool(params["json"])

    async def work(connected: Immich) -> None:
        if what is None:
            await _overview(connected, as_json=as_json)
            return
        answer = await getattr(connected.info, what)()
        if as_json:
            emit(f"server-{what}", _plain(answer))
        else:
            _SAID[what](answer)

    return run_bridge(ctx.params, work)


async def _overview(connected: Immich, *, as_json: bool) -> None:
    """Every answer the key is good for; what it is not good for is left out, and said so."""
    from immich_transfer.errors import CannotContinue, KeyRefused

    found: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for what in WHATS:
        try:
            found[what] = await getattr(connected.info, what)()
        except (KeyRefused, CannotContinue) as refusal:
            refused[what] = refusal.message
    if as_json:
        told: dict[str, Any] = {what: _plain(answer) for what, answer in found.items()}
        told["version"] = connected.version
        emit("server", {**told, "refused": refused})
        return
    say(f"Immich {connected.version} at {connected.connection.http.base}")
    for what, answer in found.items():
        if what != "version":
            say()
            say(f"{what.capitalize()}:")
            _SAID[what](answer, indent="  ")
    if refused:
        say()
        for what, why in refused.items():
            say(f"Left out {what}: {one_line(why)}")


def _version(release: Release, indent: str = "") -> None:
    say(f"{indent}{release}")


def _about(about: About, indent: str = "") -> None:
    for name, value in _plain(about).items():
        if value not in (None, "", False):
            say(f"{indent}{name.replace('_', ' '):14} {one_line(str(value))}")


def _features(features: Features, indent: str = "") -> None:
    for word, wanted in (("on", True), ("off", False)):
        names = sorted(name for name, on in features.known.items() if on is wanted)
        say(f"{indent}{word:4} {one_line(', '.join(names)) or '-'}")


def _storage(storage: Storage, indent: str = "") -> None:
    from immich_transfer.report.wording import size

    say(
        f"{indent}{size(storage.used)} of {size(storage.size)} used ({storage.percent:.1f} %),"
        f" {size(storage.available)} left"
    )


def _statistics(statistics: Statistics, indent: str = "") -> None:
    from immich_transfer.report.wording import count, size

    photos, videos = count(statistics.photos, "photo"), count(statistics.videos, "video")
    say(f"{indent}{photos} and {videos}, {size(statistics.usage)}")
    heads = ("USER", "PHOTOS", "VIDEOS", "SIZE", "QUOTA")
    shown = [Column(head, right=place > 0, elastic=place == 0) for place, head in enumerate(heads)]
    with Table(*shown, indent=indent) as table:
        for user in statistics.usage_by_user:
            quota = user.quota_size_in_bytes
            table.row(
                user.user_name or user.user_id,
                f"{user.photos:,}",
                f"{user.videos:,}",
                size(user.usage),
                None if quota is None else size(quota),
            )


_SAID: dict[str, Any] = {
    "version": _version,
    "about": _about,
    "features": _features,
    "storage": _storage,
    "statistics": _statistics,
}


def _plain(answer: Any) -> dict[str, Any]:
    """An answer's fields, for programs: as the client names them."""
    import msgspec

    fields = msgspec.structs.asdict(answer)
    if "known" in fields:
        return dict(fields["known"])
    if "usage_by_user" in fields:
        fields["usage_by_user"] = [_plain(user) for user in answer.usage_by_user]
    return fields | ({"version": str(answer)} if "major" in fields else {})
