"""`immich-transfer check`: which two sides are meant, then the flow."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, cast

import click

from immich_transfer.errors import CannotContinue, UsageError
from immich_transfer.events import Event, Listener, Settled
from immich_transfer.report import SIGILS
from immich_transfer.report.stream import Out

from .files import check_paths, check_ranges, file_choices, file_options
from .secrets import scrub_arguments
from .selection import WHERE, check_selection, download_options, layout_option, selection_options
from .shared import (
    Command,
    examples,
    option,
    server_options,
    settings_of,
    tell_warnings,
    transfer_options,
)
from .words import one_line

HOW = "How"
OF_FILES = frozenset(
    {
        "include",
        "exclude",
        "filter_from",
        "min_size",
        "max_size",
        "newer",
        "older",
        "hidden",
        "no_default_excludes",
        "follow_links",
    }
)
OF_ASSETS = frozenset({"layout", "limit"})
"""Options that mean something in one direction: in another they are a mistake."""

EPILOG = examples(
    "check ~/Pictures",
    "check ~/Pictures --read --combined differences.txt",
    'check --album "Summer 2024" -o ~/Albums',
    "check --all -o /backup/photos --read",
    "check --scrub ~/Albums",
    "check --scrub ~/Albums --repair",
)


@click.command("check", cls=Command, epilog=EPILOG)
@file_options
@selection_options
@option("-o", "--output", metavar="DIR", type=click.Path(), section=WHERE,
        help="The folder the photos were downloaded to.")  # fmt: skip
@layout_option
@option("--scrub", metavar="DIR", type=click.Path(), section=HOW,
        help="Read every file that was downloaded to DIR and compare it with what was written; no"
        " server is asked.")  # fmt: skip
@option("--repair", is_flag=True, section=HOW,
        help="With --scrub: fetch again what is damaged or gone.")  # fmt: skip
@option("--read", is_flag=True, section=HOW,
        help="Read every file again instead of trusting size, time and inode.")  # fmt: skip
@option("--combined", metavar="FILE", type=click.Path(allow_dash=True), section=HOW,
        help="Write a line for each file: = the same, + only here, - only there, * different,"
        " ! could not tell. '-' is standard output.")  # fmt: skip
@server_options
@transfer_options
@click.pass_context
def check(ctx: click.Context, /, **params: Any) -> int:
    """Prove that both sides hold the same, or name what differs. Changes nothing.

    \b
    check PATH...              is every local file on the server?
    check --album NAME -o DIR  is every asset on disk, bit for bit?
    check --scrub DIR          are downloaded files still what was written?

    Exit 0: all the same. Exit 4: something differs. Exit 5: the server could not be asked.
    """
    return start(ctx, scrub_arguments(ctx.obj or ()))


def start(ctx: click.Context, arguments: Sequence[str]) -> int:
    """Find out which check is meant, and run it."""
    params = ctx.params
    if params["quiet"] and params["verbose"]:
        raise click.UsageError("give -q or -v, not both", ctx)
    if params["combined"] == "-" and params["json"]:
        raise click.UsageError("--combined - and --json cannot share standard output", ctx)
    if params["dry_run"]:
        raise click.UsageError("check changes nothing anyway: leave --dry-run out", ctx)
    direction = _direction(ctx)
    settings = settings_of(params)
    server = None
    if direction != "scrub" or params["repair"]:
        server = settings.server()
    tell_warnings(settings, quiet=params["quiet"])

    from immich_transfer.check.flow import run_check
    from immich_transfer.config.options import CheckOptions, UploadOptions

    from .running import run_transfer

    options = CheckOptions(
        files=UploadOptions(**file_choices(params), checksum=params["read"], sidecars=False)
        if direction == "files"
        else None,
        download=download_options(params, checksum=params["read"])
        if direction == "assets"
        else None,
        scrub=params["scrub"],
        repair=params["repair"],
        read=params["read"],
    )
    transfer = settings.transfer()
    with ExitStack() as closing:
        combined = _Combined(params["combined"], closing)
        code = run_transfer(
            lambda listener: run_check(
                server,
                transfer,
                options,
                listener=combined.beside(listener),
                arguments=arguments,
            ),
            params,
            log_file=settings["log_file"],
            progress=cast("bool | None", settings["progress"]),
            results=sys.stderr if params["combined"] == "-" else None,
        )
        combined.check()
        return code


def _direction(ctx: click.Context) -> str:
    """'files', 'assets' or 'scrub'."""
    params = ctx.params
    paths = (*params["paths"], *params["folders"])
    selected = any(
        params[name]
        for name in (
            "albums",
            "album_ids",
            "everything",
            "favorites",
            "search",
            "taken_after",
            "taken_before",
            "people",
            "tags",
            "archived",
        )
    )
    meant = [bool(paths), selected or params["output"] is not None, params["scrub"] is not None]
    if sum(meant) != 1:
        raise click.UsageError(
            "check one thing: PATH..., or --album NAME -o DIR (or another selection), or --scrub"
            " DIR",
            ctx,
        )
    if params["repair"] and params["scrub"] is None:
        raise click.UsageError("--repair belongs to --scrub DIR", ctx)
    if paths:
        _refuse(ctx, OF_ASSETS, "--album NAME -o DIR")
        check_paths(ctx, paths)
        check_ranges(ctx)
        return "files"
    _refuse(ctx, OF_FILES, "PATH")
    if params["scrub"] is not None:
        _refuse(ctx, OF_ASSETS | {"type"}, "--album NAME -o DIR")
        if not params["scrub"]:
            raise click.UsageError("--scrub is empty (is a shell variable unset?)", ctx)
        return "scrub"
    if not params["output"]:
        raise click.UsageError("say where they are: -o DIR", ctx)
    check_selection(ctx)
    return "assets"


def _refuse(ctx: click.Context, given: frozenset[str], direction: str) -> None:
    for parameter in ctx.command.params:
        name = parameter.name or ""
        source = ctx.get_parameter_source(name)
        if name in given and source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} belongs to check {direction}", ctx)


class _Combined:
    """Writes the sigil lines while it passes events on."""

    def __init__(self, path: str | None, closing: ExitStack) -> None:
        self._path = path
        self._out: Out | None = None
        if path == "-":
            self._out = Out(sys.stdout)
        elif path is not None:
            try:
                stream = closing.enter_context(open(path, "wb"))  # noqa: SIM115 - by `closing`
            except OSError as error:
                raise UsageError(
                    f"cannot write --combined {one_line(path)}: {error.strerror}"
                ) from None
            self._out = Out(stream)

    def beside(self, listener: Listener) -> Listener:
        """A listener that writes and passes on."""
        out = self._out
        if out is None:
            return listener

        def hear(event: Event) -> None:
            if isinstance(event, Settled):
                sigil = SIGILS.get(event.item.outcome.value)
                if sigil is not None:
                    out.text(f"{sigil} {one_line(event.item.path)}\n")
            listener(event)

        return hear

    def check(self) -> None:
        """A list that lacks lines must not pass for a whole one."""
        if self._out is not None and self._out.broken and self._path != "-":
            raise CannotContinue(f"--combined {one_line(self._path or '')} could not be written")
