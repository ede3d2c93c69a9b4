"""`immich-transfer config`: show what applies, find the file, begin or change it. Never shows the
key, nor takes it from the command line, where everybody could read it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
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
from .words import json_line, one_line, say, warn

EPILOG = examples("config init", "config show --origin", "config set wait 2h", "config path")


@click.group("config", epilog=EPILOG, invoke_without_command=True, no_args_is_help=False)
@click.pass_context
def config(ctx: click.Context, /) -> None:
    """Show, find, begin or change the configuration file.

    Flags win over the environment, the environment over the profile, the profile over the top
    level of the file, and that over the defaults. `login` stores the key and writes the URL here.
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
    from immich_transfer.config.settings import credentials
    from immich_transfer.errors import UsageError

    settings = settings_of(ctx.params)
    origins = {name: setting.origin for name, setting in settings.values.items()}
    shown = {
        name: ("***" if name == "api_key" else BY_NAME[name].written(setting.value))
        if setting.value is not None
        else None
        for name, setting in settings.values.items()
    }
    try:
        stored = settings.stored()
    except UsageError as error:  # a URL that cannot be used, say: shown all the same
        stored = None
        warn(error.message)
    if stored is not None:
        shown["api_key"] = "***"
        where_kept = "the keyring" if stored.place == "keyring" else credentials().path
        origins["api_key"] = f"login, in {where_kept}"
    if params["json"]:
        values = {n: {"value": value, "origin": origins[n]} for n, value in shown.items()}
        line = {"type": "config", "v": 1, "file": settings.file, "profile": settings.profile}
        say(json_line({**line, "settings": values}))
        return 0
    width = max(map(len, shown))
    for name, value in shown.items():
        where = f"  ({origins[name]})" if origin else ""
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


def _names(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    """What a shell may complete NAME to."""
    from immich_transfer.config.fields import BY_NAME

    return [name for name in BY_NAME if name.startswith(begun.replace("-", "_"))]


@config.command(
    "set",
    cls=Command,
    epilog=examples(
        "config set wait 2h",
        "config set url https://photos.example.org --profile parents",
        "config set api_key - < key.txt",
    ),
)
@click.argument("name", metavar="NAME", shell_complete=_names)
@click.argument("value", metavar="[VALUE]", required=False)
@config_options
def set_(name: str, value: str | None, **params: Any) -> int:
    """Write a setting into the file; comments and other lines stay as they are.

    The key is read from standard input, with - as VALUE, or asked for: on a command line other
    users could see it. `immich-transfer login` tries it first.
    """
    from immich_transfer.config.change import field_named, set_values, value_of

    field = field_named(name)
    if field.name == "api_key":
        value = _key(value)
    if value is None:
        raise click.UsageError(f"a value for {field.name} is missing")
    file, profile = _place(params)
    typed = value_of(field, value, file)
    gone = set_values(file, profile, [(field, typed)])
    shown = "***" if field.name == "api_key" else value
    said = f"Set {field.name} to {shown} in {_said(file, profile)}"
    say(one_line("; ".join([said, *(f"{other} is not set there any more" for other in gone)])))
    return 0


@config.command("unset", cls=Command, epilog=examples("config unset wait"))
@click.argument("name", metavar="NAME", shell_complete=_names)
@config_options
def unset(name: str, **params: Any) -> int:
    """Take a setting out of the file: what is said elsewhere, or the default, applies again."""
    from immich_transfer.config.change import field_named, unset_values

    file, profile = _place(params)
    gone = unset_values(file, profile, dict.fromkeys((name, name.replace("-", "_"))))
    if gone:
        say(one_line(f"Removed {gone[0]} from {_said(file, profile)}"))
    else:
        say(one_line(f"{field_named(name).name} is not set in {_said(file, profile)}"))
    return 0


def _key(value: str | None) -> str:
    """A key to store; not from the command line."""
    import sys

    from immich_transfer.config.settings import KEY_FILE_LIMIT
    from immich_transfer.errors import UsageError

    from .secrets import learn

    if value not in (None, "-"):
        learn(value or "")
        raise UsageError(
            "a key on the command line can be seen by everybody on this computer",
            hint="`config set api_key -` reads it from standard input; `immich-transfer login` asks"
            " for it and tries it",
        )
    if value is None and sys.stdin is not None and sys.stdin.isatty():
        value = str(click.prompt("API key", hide_input=True, err=True))
    else:
        value = sys.stdin.read(KEY_FILE_LIMIT) if sys.stdin is not None else ""
    learn(value)
    return value


def _place(params: Mapping[str, Any]) -> tuple[str, str | None]:
    """The file and the profile that are meant."""
    from immich_transfer.config.settings import PROFILE_VARIABLE, config_file

    for name in ("config", "profile"):
        if params[name] is not None and not params[name].strip():
            raise click.BadParameter("it is empty", param_hint=f"--{name}")
    profile = params["profile"] or os.environ.get(PROFILE_VARIABLE) or None
    return config_file(params, os.environ)[0], profile


def _said(file: str, profile: str | None) -> str:
    return file if profile is None else f"profile {profile} of {file}"
