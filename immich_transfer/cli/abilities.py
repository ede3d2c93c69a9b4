"""What each command asks of a key, and what is said of it by `ping` and `login`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .words import columns, one_line, say, table

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
    "assets thumbnail": ("asset.view",),
    "assets delete": ("asset.delete",),
    "albums list": ("album.read",),
    "albums create, add": ("album.create", "albumAsset.create"),
    "albums rename, remove": ("album.update", "albumAsset.delete"),
    "albums delete": ("album.delete",),
    "libraries list, scan": ("library.read", "library.update"),
}
"""Permissions by command, in today's names."""


async def ask(server: ServerOptions, transfer: TransferOptions) -> dict[str, Any]:
    """Version, user, permissions, and what is missing for which command."""
    from immich_transfer.immich.compat import SCOPED_CHECK, STRICT_ROUTES
    from immich_transfer.immich.connect import connect

    async with connect(server, transfer) as connection:
        granted = connection.permissions
        missing = {job: connection.missing(*needs) for job, needs in ABILITIES.items()}
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
    if not any(missing.values()):
        say("It may do everything that immich-transfer does")
        return
    rows = [(job, f"lacks {', '.join(m)}" if m else "yes") for job, m in missing.items()]
    for line in table(("COMMAND", "THE KEY"), rows, columns()):
        say(line)
    say("Permissions are given under Account Settings > API Keys.")
