"""The group of all commands. A command's module is imported only when it runs or its own help is
asked for; the table here is enough for the list of commands.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, NamedTuple

import click

from immich_transfer import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """A subcommand: where it lives, and what the list of commands says of it."""

    section: str
    module: str
    about: str


TRANSFERS, SERVER, SHELL, TRY = "Transfers", "Server", "Shell", "Try it"

COMMANDS = {
    "upload": Entry(TRANSFERS, "upload", "Back up photos and videos to the server."),
    "download": Entry(TRANSFERS, "download", "Bring albums or the library to a folder."),
    "mirror": Entry(TRANSFERS, "mirror", "Keep a folder like albums on the server."),
    "check": Entry(TRANSFERS, "check", "Prove that both sides hold the same."),
    "watch": Entry(TRANSFERS, "watch", "Keep uploading what is new or changed in folders."),
    "resume": Entry(TRANSFERS, "resume", "Take up the last interrupted run."),
    "status": Entry(TRANSFERS, "status", "Say what failed or is still owed, and why."),
    "runs": Entry(TRANSFERS, "runs", "List the last runs."),
    "ping": Entry(SERVER, "ping", "Ask the server who it is and what the key may do."),
    "albums": Entry(SERVER, "albums", "List, make, fill and delete albums."),
    "assets": Entry(SERVER, "assets", "List, show, fetch, delete and restore photos."),
    "search": Entry(SERVER, "search", "Find photos by what they show or what is known of them."),
    "tags": Entry(SERVER, "tags", "List tags and put them on photos."),
    "server": Entry(SERVER, "server", "Say what the server tells of itself."),
    "users": Entry(SERVER, "users", "List users, or say whose the key is."),
    "libraries": Entry(SERVER, "libraries", "List, create, check and sync external libraries."),
    "jobs": Entry(SERVER, "jobs", "List, start, pause and await the server's jobs."),
    "login": Entry(SERVER, "login", "Try a key on a server and store both."),
    "logout": Entry(SERVER, "logout", "Remove the key that login stored."),
    "config": Entry(SERVER, "config", "Show, find, begin or change the configuration file."),
    "completion": Entry(SHELL, "completion", "Let your shell complete commands and options."),
    "man": Entry(SHELL, "man", "Print the manual page."),
    "sandbox": Entry(TRY, "sandbox", "Run a built-in Immich server to try things on."),
    "demo": Entry(TRY, "demo", "See it work: upload, kill, resume, mirror, check."),
}

EPILOG = """\b
Examples:
  immich-transfer demo
  immich-transfer upload ~/Pictures
  immich-transfer upload --album-from folder --dry-run ~/Pictures
  immich-transfer download -o ~/Albums --album "Summer 2024"
  immich-transfer resume

Server and key come from IMMICH_URL and IMMICH_API_KEY, from flags, or from a file:
see `immich-transfer config --help`."""


class LazyGroup(click.Group):
    """Knows its commands by name; loads one when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = COMMANDS[cmd_name].module
        module = importlib.import_module(f"immich_transfer.cli.{name}")
        command = getattr(module, name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] == "help":
            if len(args) == 1:
                click.echo(ctx.get_help())
                ctx.exit()
            args = [*args[1:], "--help"]
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1, cutoff=0.5)
            tip = f"; did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"no command {args[0]!r}{tip}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table: a key press must not import every command."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(name, help=entry.about)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS)) + 2
        for section in (TRANSFERS, SERVER, SHELL, TRY):
            rows = [(n.ljust(width), e.about) for n, e in COMMANDS.items() if e.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    no_args_is_help=False,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, /) -> None:
    """Move photo libraries between disks and an Immich server.

    Start it, pull any plug, start it again: every photo arrives exactly once, verified, and you
    are told what became of each.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


def run_group(program: str, arguments: list[str]) -> int:
    """Run the command that `arguments` name and return its exit code."""
    if "_IMMICH_TRANSFER_COMPLETE" in os.environ:
        cli.main(arguments, program)  # shell completion; ends with SystemExit
    try:
        # Not cli.main(): it would expand patterns on Windows, and a path is literal.
        with cli.make_context(program, list(arguments)) as context:
            context.obj = arguments
            result = cli.invoke(context)
            return result if isinstance(result, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
