"""`immich-transfer ping`: the first words with the server, and what the key may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .shared import (
    DURATION,
    SERVER,
    Command,
    examples,
    json_option,
    option,
    server_options,
    settings_of,
    tell_warnings,
)
from .words import json_line, one_line, say

if TYPE_CHECKING:
    from immich_transfer.config.options import ServerOptions, TransferOptions

EPILOG = examples(
    "ping",
    "ping --url http://nas:2283 --api-key-file ~/immich.key",
    "ping --wait 5m --json",
)

NEEDS = {
    "upload": ("asset.upload",),
    "albums": ("album.read", "album.create", "albumAsset.create"),
    "tags": ("tag.create", "tag.asset"),
    "trash": ("asset.delete",),
    "mirror": ("asset.read", "asset.download", "album.read"),
}
"""What each job asks of a key."""


@click.command("ping", cls=Command, epilog=EPILOG)
@server_options
@option("--wait", type=DURATION, metavar="DURATION", section=SERVER,
        help="Wait so long for a server that does not answer. [default: 0s]")  # fmt: skip
@json_option
@click.pass_context
def ping(ctx: click.Context, /, **params: Any) -> int:
    """Ask the server for its version and user, and what the key may do.

    Sends nothing but questions. Exit 0: server and key are good; 5: no answer; 12: the key is
    missing or refused.
    """
    if params["wait"] is None:
        ctx.params["wait"] = 0.0
    settings = settings_of(ctx.params)
    server = settings.server()
    tell_warnings(settings, quiet=params["json"])

    from .running import run_async

    answer = run_async(_ask(server, settings.transfer()))
    if params["json"]:
        say(json_line({"type": "ping", "v": 1, "exit_code": 0, "url": server.url, **answer}))
        return 0
    user = answer["user"]
    whom = " ".join(filter(None, [user["name"], f"<{user['email']}>" if user["email"] else ""]))
    say(f"{server.url} is Immich {answer['server']}")
    say(f"The key is {one_line(whom)}'s" if whom else "The key may not say whose it is (user.read)")
    if answer["permissions"] is None:
        say("This server cannot tell what a key may do (needs 1.139)")
        return 0
    for job, missing in answer["missing"].items():
        say(f"  {job:8} {'lacks ' + ', '.join(missing) if missing else 'yes'}")
    if any(answer["missing"].values()):
        say("Permissions are given under Account Settings > API Keys.")
    return 0


async def _ask(server: ServerOptions, transfer: TransferOptions) -> dict[str, Any]:
    from immich_transfer.immich.connect import connect

    async with connect(server, transfer) as connection:
        granted = connection.permissions
        return {
            "server": connection.version,
            "user": {
                "id": connection.user_id,
                "name": connection.user_name,
                "email": connection.user_email,
            },
            "permissions": None if granted is None else list(granted),
            "missing": {job: connection.missing(*needs) for job, needs in NEEDS.items()},
        }
