"""What each command asks of a key, and what is said of it by `ping` and `login`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .words import columns, one_line, say, table, warn

if TYPE_CHECKING:
    from immich_transfer.config.options import ServerOptions, TransferOptions

ABILITIES: Mapping[str, tuple[str, ...]] = {
    "upload": ("asset.upload",),
    "upload --album": ("album.read", "album.create", "albumAsset.create"),
    "upload --tag": ("tag.create", "tag.asset"),
    "upload --trashed restore": ("asset.delete",),
    "download, mirror": ("asset.read", "asset.download", "album.read"),
    "check": ("asset.upload",),
    "check --album": ("asset.read", "album.read"),
    "search, assets list": ("asset.read",),
    "search --person": ("asset.read", "person.read"),
    "assets original": ("asset.read", "asset.download"),
    "assets thumbnail": ("asset.view",),
    "assets delete": ("asset.delete",),
    "assets restore": ("asset.delete",),
    "albums list": ("album.read",),
    "albums create, add": ("album.create", "albumAsset.create"),
    "albums rename, remove": ("album.update", "albumAsset.delete"),
    "albums delete": ("album.delete",),
    "tags list": ("tag.read",),
    "tags add": ("tag.create", "tag.asset"),
    "users list, me": ("user.read",),
    "server about, storage": ("server.about", "server.storage"),
}
"""Permissions by command, in today's names."""
ADMIN_ABILITIES: Mapping[str, tuple[str, ...]] = {
    "server statistics": ("server.statistics",),
    "upload --pause-jobs": ("queue.read", "queue.update"),
    "jobs list, wait": ("queue.read",),
    "jobs start": ("queue.read", "job.create"),
    "jobs pause, resume": ("queue.read", "queue.update"),
    "libraries list, scan": ("library.read", "library.update"),
    "libraries create": ("library.create",),
    "libraries sync": ("library.read", "library.update", "library.statistics", "queue.read"),
    "libraries validate": ("library.read", "all"),
}
"""The same of what only an administrator's key may do."""


async def ask(server: ServerOptions, transfer: TransferOptions) -> dict[str, Any]:
    """Version, user, permissions, and what is missing for which command."""
    from immich_transfer.immich.compat import SCOPED_CHECK, STRICT_ROUTES
    from immich_transfer.immich.connect import connect
    from immich_transfer.immich.queues import Queues
    from immich_transfer.pipeline.pausing import settle_left_behind

    async with connect(server, transfer) as connection:
        said = await settle_left_behind(connection, transfer.state_dir)
        if said is not None:
            warn(said)
        granted = connection.permissions
        queues = Queues(connection)
        spelled = {"queue.read": queues.reading, "queue.update": queues.changing}
        missing = {
            job: connection.missing(*(spelled.get(need, need) for need in needs))
            for job, needs in {**ABILITIES, **ADMIN_ABILITIES}.items()
        }
        if STRICT_ROUTES <= connection.release < SCOPED_CHECK:
            # These versions let only a key with all rights ask what is there already.
            for job in ("upload", "check"):
                missing[job] = connection.missing("all") or missing[job]
        return {
            "server": connection.version,
            "user": {
                "id": connection.user_id,
                "name": connection.user_name,
                "email": connection.user_email,
            },
            "admin": None if connection.user is None else connection.user.is_admin,
            "permissions": None if granted is None else list(granted),
            "missing": missing,
        }


def tell(url: str, answer: Mapping[str, Any]) -> None:
    """The answer for people."""
    user = answer["user"]
    whom = " ".join(filter(None, [user["name"], f"<{user['email']}>" if user["email"] else ""]))
    say(f"{url} is Immich {answer['server']}")
    say(f"The key is {one_line(whom)}'s" if whom else "The key may not say whose it is (user.read)")
    if answer["permissions"] is None:
        say("This server cannot tell what a key may do (needs 1.139)")
        return
    missing: Mapping[str, list[str]] = answer["missing"]
    plain = answer["admin"] is False
    if not any(missing.values()):
        say("It may do everything that immich-transfer does")
        if plain:
            say(f"but what is for admins: {', '.join(ADMIN_ABILITIES)}")
        return

    def told(job: str, lacking: list[str]) -> str:
        if plain and job in ADMIN_ABILITIES:
            return "for admins only"
        return f"lacks {', '.join(lacking)}" if lacking else "yes"

    rows = [(job, told(job, lacking)) for job, lacking in missing.items()]
    for line in table(("COMMAND", "THE KEY"), rows, columns()):
        say(line)
    say("Permissions are given under Account Settings > API Keys.")
