"""`immich-transfer login`: a key that was tried is stored for one server."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from .abilities import ask, tell
from .secrets import learn
from .shared import (
    SERVER,
    Command,
    examples,
    json_option,
    option,
    server_options,
    tell_insecure,
)
from .words import json_line, one_line, say, warn

if TYPE_CHECKING:
    from immich_transfer.config.settings import Settings

KEY_VARIABLE = "IMMICH_API_KEY"

EPILOG = examples(
    "login",
    "login --url https://photos.example.org --profile parents",
    "login --url http://nas:2283 --api-key-file - < key.txt",
    "login --no-keyring",
)


@click.command("login", cls=Command, epilog=EPILOG)
@server_options
@option("--no-keyring", is_flag=True, section=SERVER,
        help="Store the key in a file that only you can read, also where a keyring works: for"
        " services and cron, which have none.")  # fmt: skip
@json_option
@click.pass_context
def login(ctx: click.Context, /, no_keyring: bool, **params: Any) -> int:
    """Try a key on a server and store both, so that no other command has to be told.

    Asks for what is not given; the key is not shown. Says the server's version, whose key it is,
    and which permission it lacks for which command. The key goes into the keyring if there is one
    (pip install 'immich-transfer[keyring]'), else into a file that only you can read, and is ever
    sent to this server only. The URL goes into the config file, into [profile.NAME] with
    --profile.
    """
    settings = new_settings(ctx.params)
    url = _url(ctx.params, settings)
    key = _key(ctx.params, settings, url)
    # Through the settings once more: they judge what was typed as they judge every key and URL.
    said = {**ctx.params, "url": url, "wait": 0.0, **key}
    settings = new_settings(said)
    server = settings.server()
    learn(server.api_key.reveal())
    for text in settings.warnings:
        warn(text)

    from immich_transfer.config.settings import credentials

    from .running import run_async

    answer = run_async(ask(server, settings.transfer()))
    place = credentials().keep(
        server.url, settings.profile, server.api_key.reveal(), keyring=not no_keyring
    )
    gone = _write(settings, server.url, params)
    tell_insecure(server)
    if params["json"]:
        line = {"type": "login", "v": 1, "exit_code": 0, "url": server.url, **answer}
        say(json_line({**line, "profile": settings.profile, "stored": place}))
    else:
        tell(server.url, answer)
        whole = "the keyring" if place == "keyring" else credentials().path
        profile = f", profile {settings.profile}" if settings.profile is not None else ""
        say(one_line(f"Stored the key in {whole}, the URL in {settings.file}{profile}"))
    for name in gone:
        warn(f"{name} was taken out of {settings.file}: the stored key is meant")
    _tell_stronger(server.url)
    return 0


def new_settings(params: Mapping[str, Any]) -> Settings:
    """The settings, also of a profile or file that is only about to be made."""
    from immich_transfer.config.settings import load

    for name in ("url", "api_key_file", "ca_file", "config", "profile"):
        value = params.get(name)
        if value is not None and not value.strip():
            raise click.BadParameter("it is empty", param_hint=f"--{name.replace('_', '-')}")
    settings = load(params, new_profile=True)
    if settings["api_key"]:
        learn(settings["api_key"])
    return settings


def _asks() -> bool:
    """True when somebody is there to answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def _url(params: Mapping[str, Any], settings: Settings) -> str:
    from immich_transfer.config.settings import normal_url
    from immich_transfer.errors import UsageError

    known: str | None = settings["url"]
    if params["url"] is None and _asks():

        def judge(text: str) -> str:
            try:
                return normal_url(text, "the server")
            except UsageError as error:
                raise click.UsageError(f"{error.message}; {error.hint}") from error

        return str(click.prompt("Server URL", default=known, value_proc=judge, err=True))
    if known is None:
        raise UsageError("no server URL", hint="use --url http://nas:2283, or set IMMICH_URL")
    return normal_url(known, settings.values["url"].origin)


def _key(params: Mapping[str, Any], settings: Settings, url: str) -> dict[str, str | None]:
    """The key's spelling for the settings: as flags say, else as typed, else the environment's. A
    stored one is not taken: one logs in to replace it."""
    if params["api_key"] is not None or params["api_key_file"] is not None:
        return {}
    if _asks():
        click.echo(f"Keys are made at {url}/user-settings?isOpen=api-keys", err=True)
        typed = str(click.prompt("API key (not shown)", hide_input=True, err=True)).strip()
        learn(typed)
        return {"api_key": typed}
    if settings.values["api_key"].origin == KEY_VARIABLE:
        return {}
    from immich_transfer.errors import KeyRefused

    raise KeyRefused(
        "no API key, and nobody to ask for it",
        hint="on a terminal `login` asks; elsewhere use --api-key-file FILE, or - for standard"
        " input, or set IMMICH_API_KEY",
    )


def _write(settings: Settings, url: str, params: Mapping[str, Any]) -> list[str]:
    """URL and what the server's certificate needs into the file; the keys that had to go."""
    from immich_transfer.config.change import set_values, unset_values
    from immich_transfer.config.fields import BY_NAME

    values: list[tuple[Any, Any]] = [(BY_NAME["url"], url)]
    if params["insecure"]:
        values.append((BY_NAME["insecure"], True))
    if params["ca_file"] is not None:
        values.append((BY_NAME["ca_file"], os.path.abspath(params["ca_file"])))
    set_values(settings.file, settings.profile, values)
    # A key in the file would win over the one that was just stored.
    return unset_values(settings.file, settings.profile, ("api_key", "api_key_file"))


def _tell_stronger(url: str) -> None:
    """What of the environment wins over what was stored."""
    from immich_transfer.config.fields import BY_NAME

    for variable in BY_NAME["url"].environment:
        if os.environ.get(variable, "").strip().rstrip("/").removesuffix("/api") not in ("", url):
            warn(f"{variable} names another server and wins over the stored URL: unset it")
    if os.environ.get(KEY_VARIABLE, "").strip():
        warn(f"{KEY_VARIABLE} is set and wins over the stored key")
