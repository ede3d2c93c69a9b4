"""Every command there is, with arguments that make it work, told apart by its words.

The list of commands comes from the parser itself: one that is missing here fails the tests.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from immich_transfer.cli.root import cli

WORKS: dict[str, tuple[str, ...]] = {
    "upload": ("photos", "--album", "Sea", "--tag", "a/b", "-vv", "--log-file", "log.jsonl"),
    "download": ("-o", "out", "--all", "-vv", "--log-file", "log.jsonl", "--sidecars", "json"),
    "mirror": ("-o", "kept", "--album", "Sea", "--delete", "--log-file", "log.jsonl"),
    "check": ("photos", "-v"),
    "watch": ("photos",),
    "resume": (),
    "status": (),
    "runs": (),
    "ping": (),
    "albums": (),
    "albums list": (),
    "albums show": ("Sea",),
    "albums create": ("New",),
    "albums rename": ("New", "Newer"),
    "albums add": ("Newer", "ID"),
    "albums remove": ("Newer", "ID"),
    "albums delete": ("Newer", "--yes"),
    "assets": (),
    "assets list": ("--details",),
    "assets show": ("ID",),
    "assets original": ("ID", "-o", "original.jpg"),
    "assets thumbnail": ("ID", "-o", "thumbnail.webp"),
    "assets delete": ("OTHER", "--yes"),
    "assets restore": ("OTHER",),
    "search": ("beach",),
    "tags": (),
    "tags list": (),
    "tags add": ("a/b", "ID"),
    "server": (),
    "users": (),
    "users list": (),
    "users me": (),
    "libraries": (),
    "libraries list": (),
    "libraries create": ("Shared", "--path", "/nowhere"),
    "libraries show": ("Shared",),
    "libraries scan": ("Shared",),
    "libraries statistics": ("Shared",),
    "libraries validate": ("Shared",),
    "libraries sync": ("Shared",),
    "jobs": (),
    "jobs list": (),
    "jobs start": ("thumbnailGeneration",),
    "jobs pause": ("sidecar",),
    "jobs resume": ("sidecar",),
    "jobs empty": ("sidecar", "--yes"),
    "jobs clear-failed": ("sidecar",),
    "jobs wait": ("sidecar",),
    "login": ("--no-keyring", "--insecure"),
    "logout": (),
    "config": (),
    "config init": ("--config", "new.toml"),
    "config path": (),
    "config show": ("--origin",),
    "config set": ("wait", "2m"),
    "config unset": ("wait",),
    "completion": ("bash",),
    "man": (),
    "sandbox": ("--help",),
    "demo": ("--help",),
}
"""ID and OTHER stand for assets."""


def commands() -> Iterator[tuple[str, click.Command]]:
    """All of them, as they are typed."""

    def below(
        command: click.Command, words: tuple[str, ...]
    ) -> Iterator[tuple[str, click.Command]]:
        if words:
            yield " ".join(words), command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None
                yield from below(found, (*words, name))

    return below(cli, ())


def has(command: click.Command, option: str) -> bool:
    return any(option in parameter.opts for parameter in command.params)
