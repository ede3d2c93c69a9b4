"""`--api-key KEY` leaves the process list, where everybody on the computer could read it.

No process can take back what it was started with, so this one starts itself anew in its own place
(same process, same terminal), with stars on the command line and the key in its environment, which
only its own user can read. What is left: the key can be seen for the milliseconds until then, and
it stays in the shell's history. Windows cannot do this; there it stays visible.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

VARIABLE = "_IMMICH_TRANSFER_HIDDEN_KEYS"
FLAG = "--api-key"
STARS = "***"


def hidden(arguments: list[str]) -> list[str]:
    """The arguments as they are meant. Does not return where a key has to be hidden first."""
    places = list(_places(arguments))
    kept = os.environ.pop(VARIABLE, None)
    if kept is not None:
        return _with(arguments, places, kept.split("\n"))
    keys = [arguments[at][len(before) :] for at, before in places]
    given = sys.orig_argv[-len(arguments) :]
    if os.name != "posix" or not sys.executable or given != arguments or not any(keys):
        return arguments
    shown = _with(arguments, places, [STARS] * len(keys))
    command = sys.orig_argv[: -len(arguments)]
    with contextlib.suppress(OSError, ValueError):
        environment = {**os.environ, VARIABLE: "\n".join(keys)}
        os.execve(sys.executable, [*command, *shown], environment)
    return arguments


def _places(arguments: list[str]) -> Iterator[tuple[int, str]]:
    """Where the values of `--api-key` are, and what stands before them in the same word."""
    follows = False
    for at, argument in enumerate(arguments):
        if follows:
            follows = False
            yield at, ""
        elif argument == "--":
            return
        elif argument.startswith(f"{FLAG}="):
            yield at, f"{FLAG}="
        else:
            follows = argument == FLAG


def _with(arguments: list[str], places: list[tuple[int, str]], values: list[str]) -> list[str]:
    made = list(arguments)
    for (at, before), value in zip(places, values, strict=False):
        made[at] = before + value
    return made
