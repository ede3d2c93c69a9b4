"""`immich-transfer logout`: the key that `login` stored is removed."""

from __future__ import annotations

from typing import Any

import click

from .login import new_settings
from .shared import SERVER, Command, config_options, examples, json_option, option
from .words import json_line, one_line, say, warn


@click.command("logout", cls=Command, epilog=examples("logout", "logout --profile parents"))
@option("--url", metavar="URL", section=SERVER,
        help="The server whose key is meant. [default: that of the settings]")  # fmt: skip
@config_options
@json_option
@click.pass_context
def logout(ctx: click.Context, /, **params: Any) -> int:
    """Remove the key that `login` stored; the URL stays in the config file.

    The key itself stays valid: it is deleted on the server under Account Settings > API Keys.
    """
    from immich_transfer.config.settings import NO_URL_HINT, credentials, normal_url
    from immich_transfer.errors import UsageError

    settings = new_settings(ctx.params)
    if settings["url"] is None:
        raise UsageError("no server URL: whose key is to go?", hint=NO_URL_HINT)
    url = normal_url(settings["url"], settings.values["url"].origin)
    gone = credentials().forget(url, settings.profile)
    if params["json"]:
        line = {"type": "logout", "v": 1, "exit_code": 0, "url": url, "removed": gone is not None}
        say(json_line(line))
        return 0
    whose = url if settings.profile is None else f"{url}, profile {settings.profile}"
    if gone is None:
        say(one_line(f"No key of {whose} is stored"))
    else:
        say(one_line(f"Removed the key of {whose} from the {gone.place}"))
    if settings["api_key"] or settings["api_key_file"]:
        name = "api_key" if settings["api_key"] else "api_key_file"
        warn(f"there still is a key: {name} from {settings.values[name].origin}")
    return 0
