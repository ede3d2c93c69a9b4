"""`immich-transfer config`: show what applies, find the file, begin one. Never shows the key."""

from __future__ import annotations

import os
from typing import Any

import click

from .shared import (
    OUTPUT,
    Command,
    config_options,
    examples,
    json_option,
    option,
    server_options,
    settings_of,
    state_option,
)
from .words import json_line, one_line, say

EPILOG = examples("config init", "config show --origin", "config path")


@click.group("config", epilog=EPILOG, invoke_without_command=True, no_args_is_help=False)
@click.pass_context
def config(ctx: click.Context, /) -> None:
    """Show, find or begin the configuration file.

    Flags win over the environment, the environment over the profile, the profile over the top
    level of the file, and that over the defaults.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


@config.command("show", cls=Command, epilog=examples("config show", "config show --origin"))
@option("--origin", is_flag=True, section=OUTPUT, help="Say where each value comes from.")
@server_options
@state_option
@json_option
@click.pass_context
def show(ctx: click.Context, /, origin: bool, **params: Any) -> int:
    """Show every setting as it applies now; the key is shown as ***."""
    from immich_transfer.config.fields import BY_NAME

    settings = settings_of(ctx.params)
    shown = {
        name: ("***" if name == "api_key" else BY_NAME[name].written(setting.value))
        if setting.value is not None
        else None
        for name, setting in settings.values.items()
    }
    if params["json"]:
        values = {
            name: {"value": value, "origin": settings.values[name].origin}
            for name, value in shown.items()
        }
        line = {"type": "config", "v": 1, "file": settings.file, "profile": settings.profile}
        say(json_line({**line, "settings": values}))
        return 0
    width = max(map(len, shown))
    for name, value in shown.items():
        where = f"  ({settings.values[name].origin})" if origin else ""
        text = "-" if value is None else {"True": "true", "False": "false"}.get(value, value)
        say(f"{name:{width}}  {one_line(text)}{one_line(where)}")
    return 0


@config.command("path", cls=Command, epilog=examples("config path"))
@config_options
def path(**params: Any) -> int:
    """Print where the configuration file is, or would be."""
    from immich_transfer.config.settings import config_file

    say(config_file(params, os.environ)[0])
    return 0


@config.command("init", cls=Command, epilog=examples("config init"))
@config_options
def init(**params: Any) -> int:
    """Write a commented configuration file to start from, readable by you alone."""
    from immich_transfer.config.example import example
    from immich_transfer.config.settings import config_file
    from immich_transfer.errors import UsageError

    where = config_file(params, os.environ)[0]
    try:
        os.makedirs(os.path.dirname(os.path.abspath(where)), mode=0o700, exist_ok=True)
        descriptor = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(example())
    except FileExistsError:
        raise UsageError(
            f"{where} exists and is left as it is", hint="edit it, or move it away first"
        ) from None
    except OSError as error:
        raise UsageError(f"cannot write {where}: {error.strerror}") from None
    say(f"Wrote {where}: set url and api_key in it, then run `immich-transfer ping`.")
    return 0
