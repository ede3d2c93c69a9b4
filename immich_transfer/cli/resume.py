"""`immich-transfer resume`: the last interrupted run again, with its own arguments and folder.

The stored command line is parsed anew; what is given to `resume` itself replaces its options. How
things are shown (`--json`, `-q`, `-v`, progress) always follows `resume`: somebody else may be
looking now. The key is that of today.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from immich_transfer.errors import UsageError
from immich_transfer.model import RunInfo

from .shared import (
    NOW,
    Command,
    examples,
    server_options,
    settings_of,
    transfer_options,
)
from .words import command_line, json_line, moment, one_line, say, warn

if TYPE_CHECKING:
    from immich_transfer.manifest.sqlite import SqliteManifest

TRANSFERS = ("upload", "download", "mirror")
"""Commands whose runs can be taken up: each module has a `start`."""
SHOWN_AS_ASKED_NOW = ("json", "quiet", "verbose", "progress")
PATHS = ("api_key_file", "config", "ca_file", "log_file", "state_dir")

EPILOG = examples(
    "resume",
    "resume 20261124-101502-3f9a",
    "resume --transfers 2 --bwlimit 1M",
)


@click.command("resume", cls=Command, epilog=EPILOG)
@click.argument("run", required=False)
@server_options
@transfer_options
@click.pass_context
def resume(ctx: click.Context, /, run: str | None, **_: Any) -> int:
    """Take up the last interrupted run, or RUN, from where it stopped.

    It runs with the arguments and in the folder it was started with; options given here replace
    its own. `immich-transfer runs` lists the runs.
    """
    from immich_transfer.manifest.sqlite import open_readonly

    state_dir = os.path.abspath(settings_of(ctx.params).state_dir)
    manifest = open_readonly(state_dir)
    if manifest is None:
        if run is not None:
            raise UsageError(f"no run {one_line(run)}: nothing was recorded in {state_dir} yet")
        return _nothing(ctx)
    try:
        found = manifest.last_interrupted() if run is None else find_run(manifest, run)
        folder = manifest.run_cwd(found.run) if found is not None else ""
    finally:
        manifest.close()
    if found is None:
        return _nothing(ctx)
    return _again(ctx, found, folder, state_dir)


def find_run(manifest: SqliteManifest, name: str) -> RunInfo:
    """The run with this id, or the only one whose id begins so."""
    exact = manifest.run(name)
    if exact is not None:
        return exact
    matches = [info for info in manifest.runs(10_000) if name and info.run.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    what = f"{len(matches)} runs begin with" if matches else "no run"
    raise UsageError(f"{what} {one_line(name)}", hint="`immich-transfer runs` lists them")


def _nothing(ctx: click.Context) -> int:
    if ctx.params["json"]:
        line = {
            "type": "summary",
            "v": 1,
            "command": "resume",
            "exit_code": 0,
            "discovered": 0,
            "outcomes": {},
            "message": "nothing to resume",
        }
        say(json_line(line))
    elif not ctx.params["quiet"]:
        say("Nothing to resume: no run was interrupted or left files behind.")
    return 0


def _again(ctx: click.Context, found: RunInfo, folder: str, state_dir: str) -> int:
    arguments = list(found.arguments)
    if not arguments or arguments[0] not in TRANSFERS:
        raise UsageError(f"the run {found.run} cannot be resumed: it does not say what it did")
    given = {
        name: value
        for name, value in ctx.params.items()
        if name != "run"
        and ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    for name in PATHS:
        # They were typed here and now; the run's own paths start in its folder.
        if given.get(name) not in (None, "-"):
            given[name] = os.path.abspath(given[name])
    _enter(folder, found)
    transfer = import_module(f"immich_transfer.cli.{arguments[0]}")
    meant = _parse(getattr(transfer, arguments[0]), arguments[1:], ctx, found)
    for name in SHOWN_AS_ASKED_NOW:
        meant.params[name] = ctx.params[name]
    if "api_key" in given or "api_key_file" in given:
        meant.params.update(api_key=None, api_key_file=None)
    meant.params.update(given, state_dir=state_dir)
    if not ctx.params["json"] and not ctx.params["quiet"]:
        warn(f"resuming {found.run} of {moment(found.started)}: {command_line(arguments)}")
    with meant:
        return int(transfer.start(meant, arguments, resumed=True))


def _parse(
    command: click.Command, arguments: list[str], ctx: click.Context, found: RunInfo
) -> click.Context:
    ctx.meta[NOW] = found.started
    try:
        return command.make_context(command.name, arguments, parent=ctx.parent)
    except click.UsageError as error:
        raise UsageError(
            f"the run {found.run} cannot be resumed: {one_line(error.format_message())}",
            hint=f"it was: immich-transfer {command_line(found.arguments)}",
        ) from None


def _enter(folder: str, found: RunInfo) -> None:
    """Relative paths of the run start where it was started."""
    if not folder:
        return
    try:
        os.chdir(folder)
    except OSError as error:
        raise UsageError(
            f"the run {found.run} was started in {one_line(folder)}, which cannot be entered:"
            f" {error.strerror}"
        ) from None
