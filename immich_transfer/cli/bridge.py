"""What the commands about the server share: their options, their groups, and how they run.

    @group.command("list", cls=Command, epilog=examples("albums list"))
    @bridge_options
    @click.pass_context
    def list_(ctx, /, **params):
        async def work(server: Immich) -> int: ...
        return run_bridge(ctx.params, work)

Stdout is for results; with `--json` it is one object a line, each with a `type`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .shared import (
    DURATION,
    OUTPUT,
    SERVER,
    all_of,
    json_option,
    option,
    server_options,
    settings_of,
    tell_insecure,
    tell_warnings,
)
from .words import json_line, say, warn

if TYPE_CHECKING:
    from immich_transfer.bridge.client import Immich
    from immich_transfer.events import Event

F = TypeVar("F", bound=Callable[..., Any])

HOW = "How"
WAIT_SECONDS = 15.0
"""A question is asked again sooner than waited for: an outage is nobody's evening."""


class Group(click.Group):
    """A command with subcommands; a mistyped one names what is near."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] == "help":
            if len(args) == 1:
                click.echo(ctx.get_help())
                ctx.exit()
            args = [args[1], "--help"]
        if args[0] not in self.commands and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.commands, n=1, cutoff=0.5)
            tip = f"; did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"no command {ctx.info_name} {args[0]}{tip}", ctx)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # as they were written, the harmless ones first


def group(name: str, epilog: str) -> Callable[[Callable[..., Any]], Group]:
    """Decorates the function whose docstring is the group's help; alone it shows that help."""

    def decorate(function: Callable[..., Any]) -> Group:
        def alone(ctx: click.Context, /) -> None:
            if ctx.invoked_subcommand is None:
                click.echo(ctx.get_help(), err=True)
                ctx.exit(2)

        alone.__doc__ = function.__doc__
        decorated = click.group(
            name, cls=Group, invoke_without_command=True, no_args_is_help=False, epilog=epilog
        )(click.pass_context(alone))
        assert isinstance(decorated, Group)
        return decorated

    return decorate


def bridge_options(command: F) -> F:
    """Which server, how patiently, and how it is told."""
    return all_of(
        [
            server_options,
            option(
                "--wait",
                type=DURATION,
                metavar="DURATION",
                section=SERVER,
                help="Wait so long for a server that does not answer. [default: 15s]",
            ),
            json_option,
            option(
                "-q",
                "--quiet",
                is_flag=True,
                section=OUTPUT,
                help="Say nothing on stderr but errors.",
            ),
        ]
    )(command)


def yes_option(command: F) -> F:
    """For what deletes: where nobody can be asked it is demanded at once."""

    def sure(_: click.Context, __: click.Parameter, yes: bool) -> bool:
        if not yes:
            _must_have_terminal()
        return yes

    return option("--yes", is_flag=True, callback=sure, section=HOW, help="Do it without asking.")(
        command
    )


def run_bridge(
    params: Mapping[str, Any], work: Callable[[Immich], Coroutine[Any, Any, int | None]]
) -> int:
    """Connect with the settings that `params` amount to, run `work`, and return its exit code
    (None is 0)."""
    params = dict(params)
    if params.get("wait") is None:
        params["wait"] = WAIT_SECONDS
    settings = settings_of(params)
    server, transfer = settings.server(), settings.transfer()
    quiet = bool(params.get("quiet"))
    tell_warnings(settings, quiet=quiet or params["json"])

    from immich_transfer.bridge.client import Immich
    from immich_transfer.pipeline.pausing import settle_left_behind

    from .running import run_async

    async def go() -> int:
        async with Immich.of(server, transfer, None if quiet else _hear) as connected:
            if not quiet:
                tell_insecure(server)
            said = await settle_left_behind(connected.connection, transfer.state_dir)
            if said is not None and not quiet:
                warn(said)
            return await work(connected) or 0

    return run_async(go())


def emit(kind: str, fields: Mapping[str, Any]) -> None:
    """A result for programs: one JSON line."""
    say(json_line({"type": kind, "v": 1, **fields}))


def confirm(question: str, *, yes: bool) -> None:
    """Go on only when somebody wants this. Raises UsageError where nobody can be asked."""
    if yes:
        return
    from immich_transfer.errors import TransferError

    _must_have_terminal()
    if not click.confirm(question, err=True):
        raise TransferError("nothing was changed")


def _must_have_terminal() -> None:
    from immich_transfer.errors import UsageError

    if not (_is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
        raise UsageError(
            "this deletes something, and there is no terminal to ask on",
            hint="add --yes to do it without asking",
        )


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream is not None and stream.isatty())
    except ValueError:  # closed
        return False


def _hear(event: Event) -> None:
    """Say why nothing happens."""
    from immich_transfer.events import Back, Retrying, Waiting

    match event:
        case Waiting():
            warn(f"waiting for the server: {event.reason}")
        case Back():
            warn("the server is back")
        case Retrying() if event.delay >= 1:
            warn(f"{event.what}: {event.reason}; again in {event.delay:.0f} s")
