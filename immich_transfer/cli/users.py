"""`immich-transfer users`: who has an account, and whose the key is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .bridge import bridge_options, emit, group, run_bridge
from .shared import Command, examples
from .table import Column, Table
from .words import one_line, say

if TYPE_CHECKING:
    from immich_transfer.bridge.client import Immich
    from immich_transfer.bridge.server_models import User


@group("users", examples("users list", "users list --json", "users me"))
def users() -> None:
    """Who has an account on the server (permission user.read)."""


@users.command("list", cls=Command, epilog=examples("users list", "users list --json"))
@bridge_options
@click.pass_context
def list_(ctx: click.Context, /, **params: Any) -> int:
    """List all users; only yourself where the admin hides users from each other.

    Permission: user.read.
    """

    async def work(server: Immich) -> None:
        found = await server.users.all()
        if params["json"]:
            for user in found:
                emit("user", _fields(user))
            return
        heads = Column("ID"), Column("NAME", elastic=True), Column("MAIL", elastic=True)
        with Table(*heads, empty="No users.") as table:
            for user in found:
                table.row(user.id, user.name, user.email)

    return run_bridge(ctx.params, work)


@users.command("me", cls=Command, epilog=examples("users me", "users me --json"))
@bridge_options
@click.pass_context
def me(ctx: click.Context, /, **params: Any) -> int:
    """Say whose the key is, with quota and usage. Permission: user.read."""

    async def work(server: Immich) -> None:
        from immich_transfer.report.wording import size

        user = await server.users.me()
        if params["json"]:
            emit("user", _fields(user))
            return
        quota, used = user.quota_size_in_bytes, user.quota_usage_in_bytes
        say(f"{'Name':6} {one_line(user.name)}{' (admin)' if user.is_admin else ''}")
        say(f"{'Mail':6} {one_line(user.email)}")
        say(f"{'Id':6} {user.id}")
        say(f"{'Used':6} {'-' if used is None else size(used)}")
        say(f"{'Quota':6} {'none' if quota is None else size(quota)}")

    return run_bridge(ctx.params, work)


def _fields(user: User) -> dict[str, Any]:
    """For programs: what is not told of others is left out."""
    import msgspec

    fields = msgspec.structs.asdict(user)
    if user.is_admin is None:
        return {name: fields[name] for name in ("id", "name", "email")}
    return fields
