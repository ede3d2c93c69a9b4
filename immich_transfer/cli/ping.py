"""`immich-transfer ping`: the first words with the server, and what the key may do."""

from __future__ import annotations

from typing import Any

import click

from .abilities import ask, tell
from .shared import (
    DURATION,
    SERVER,
    Command,
    examples,
    json_option,
    option,
    server_options,
    settings_of,
    tell_insecure,
    tell_warnings,
)
from .words import json_line, say

EPILOG = examples(
    "ping",
    "ping --url http://nas:2283 --api-key-file ~/immich.key",
    "ping --wait 5m --json",
)


@click.command("ping", cls=Command, epilog=EPILOG)
@server_options
@option("--wait", type=DURATION, metavar="DURATION", section=SERVER,
        help="Wait so long for a server that does not answer. [default: 0s]")  # fmt: skip
@json_option
@click.pass_context
def ping(ctx: click.Context, /, **params: Any) -> int:
    """Ask the server for its version and user, and what the key may do.

    Sends nothing but questions, but for jobs that a killed `upload --pause-jobs` left paused: they
    go on. Exit 0: server and key are good; 5: no answer; 12: the key is
    missing or refused.
    """
    if params["wait"] is None:
        ctx.params["wait"] = 0.0
    settings = settings_of(ctx.params)
    server = settings.server()
    tell_warnings(settings, quiet=params["json"])

    from .running import run_async

    answer = run_async(ask(server, settings.transfer()))
    tell_insecure(server)
    if params["json"]:
        say(json_line({"type": "ping", "v": 1, "exit_code": 0, "url": server.url, **answer}))
        return 0
    tell(server.url, answer)
    return 0
