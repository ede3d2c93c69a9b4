"""`immich-transfer man`: the manual page, made from the texts that `--help` shows.

    commands, options ─► sections ─► roff of the man(7) macros, which every reader of pages knows

What many commands share is told once, under COMMON OPTIONS.
"""

from __future__ import annotations

import os
import re
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import click

from immich_transfer import __version__
from immich_transfer.errors import Exit

from .shared import Command, examples

_OPTION = re.compile(r"(?<!\w)-[\w-]*")

COMMON = 4
"""An option that so many commands have in the same words is told once."""

EXITS: Mapping[Exit, str] = {
    Exit.OK: "Everything that should be there is there.",
    Exit.FAILED: "Failed in a way that has no number of its own.",
    Exit.USAGE: "The command line, the settings or a named path, album or asset cannot be used.",
    Exit.ITEMS_FAILED: "Finished, but some files failed: they are named, and running it again"
    " takes them up.",
    Exit.DIFFERENCES: "check found differences.",
    Exit.UNAVAILABLE: "The server cannot be reached or is unavailable: running it again helps.",
    Exit.CANNOT_CONTINUE: "It cannot go on: a quota, a full disk, a server that is too old.",
    Exit.LIMIT: "A limit that was set with a --max option was reached.",
    Exit.BUSY: "Another run holds the manifest.",
    Exit.KEY: "The API key is missing, refused, or lacks a permission, which is named.",
    Exit.INTERRUPTED: "Interrupted (Ctrl-C); what was done is saved.",
    Exit.TERMINATED: "Terminated (SIGTERM); what was done is saved.",
}

FILES = (
    ("~/.config/immich-transfer/config.toml", "Settings and profiles; see config."),
    ("~/.config/immich-transfer/keys.json", "What login stored; readable by its owner alone."),
    (
        "~/.local/state/immich-transfer/manifest.sqlite3",
        "What was hashed, sent and is owed. Deleting it costs time, never a photo.",
    ),
)
"""Where they are on Linux; elsewhere `config path` and `config show` tell."""


class Described(NamedTuple):
    """One command with all that its help says."""

    command: click.Command
    context: click.Context
    options: tuple[tuple[str, str], ...]


@click.command("man", cls=Command, epilog=examples("man > immich-transfer.1", "man | man -l -"))
@click.pass_context
def man(ctx: click.Context, /) -> int:
    """Print the manual page, as roff: all commands, exit codes, environment and files."""
    click.echo(page(ctx.find_root().command).encode("ascii"))
    return 0


def page(root: click.Command) -> str:
    """The page of `root` and everything below it."""
    context = click.Context(root, info_name="immich-transfer", max_content_width=1000)
    commands = list(_below(root, context))
    uses = Counter(option for described in commands for option in set(described.options))
    common = [option for option, count in uses.items() if count >= COMMON]
    common = [o for described in commands for o in described.options if o in common]
    common = list(dict.fromkeys(common))
    lines = [
        f'.TH IMMICH-TRANSFER 1 "{_date()}" "immich-transfer {__version__}" "User Commands"',
        ".SH NAME",
        "immich-transfer \\- move photo libraries between disks and an Immich server",
        ".SH SYNOPSIS",
        ".B immich-transfer",
        "COMMAND [OPTIONS] [ARGUMENTS]",
        ".SH DESCRIPTION",
        *_prose(root.help or "", headed=True),
        ".SH COMMANDS",
    ]
    for described in commands:
        lines += _command(described, set(common))
    lines += [".SH COMMON OPTIONS", *_list(common)]
    lines += [".SH EXIT STATUS", "The most severe that applies."]
    lines += _list([(str(int(code)), text) for code, text in EXITS.items()])
    lines += [".SH ENVIRONMENT", "Flags win over it; it wins over the configuration file."]
    lines += _list(list(_environment()))
    lines += [
        ".SH FILES",
        *_list(list(FILES)),
        ".SH EXAMPLES",
        *_prose(root.epilog or "", headed=True),
    ]
    return "\n".join(lines) + "\n"


def _below(command: click.Command, context: click.Context) -> Iterator[Described]:
    """All commands that can be run, in the order of the help texts."""
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is None or found.hidden:
            continue
        inner = click.Context(found, context, name, max_content_width=1000)
        records = [
            param.get_help_record(inner)
            for param in found.get_params(inner)
            if isinstance(param, click.Option)
        ]
        options = tuple(record for record in records if record is not None)
        yield Described(found, inner, options)
        yield from _below(found, inner)


def _command(described: Described, common: set[tuple[str, str]]) -> Iterator[str]:
    command, context, options = described
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    if isinstance(command, click.Group):
        pieces = ["COMMAND"]
    yield f".SS {_text(context.command_path, literal=True)}"
    yield f".B {_text(context.command_path, literal=True)}"
    own = [option for option in options if option not in common]
    usage = [*(["[OPTIONS]"] if len(options) > 1 else []), *pieces]
    if usage:
        yield _text(" ".join(usage))
    yield from _prose(command.help or "")
    yield from _list(own)
    shared = [_names(option[0]) for option in options if option in common]
    if len(shared) > 1:
        yield ".PP"
        yield from _lines(f"Common options: {', '.join(shared)}.")
    if not isinstance(command, click.Group):
        yield from _prose(command.epilog or "")


def _names(record: str) -> str:
    """The longest name of an option: '-n, --dry-run' is '--dry-run'."""
    return max((part.split()[0] for part in re.split(r", | / ", record) if part), key=len)


def _prose(text: str, *, headed: bool = False) -> Iterator[str]:
    """Paragraphs; those that begin with a backspace are kept line by line, as in a help text.
    `headed`: the first one stands right below its heading."""
    for paragraph in re.split(r"\n\s*\n", text.replace("\f", "").strip("\n")):
        lines = paragraph.splitlines()
        if not "".join(lines).strip():
            continue
        if not headed:
            yield ".PP"
        headed = False
        if lines[0].strip() == "\b":
            kept = [_text(line, literal=True) for line in lines[1:] if line.strip()]
            yield from (".nf", *kept, ".fi")
        else:
            yield from _lines(paragraph)


def _list(rows: list[tuple[str, str]]) -> Iterator[str]:
    for term, about in rows:
        yield ".TP"
        yield f".B {_text(term, literal=True)}"
        yield from _lines(about)


def _lines(text: str) -> Iterator[str]:
    """Prose in lines of the source that are not too long; the reader fills its own."""
    for line in textwrap.wrap(text, 60, break_long_words=False, break_on_hyphens=False):
        yield _text(line)


def _text(text: str, *, literal: bool = False) -> str:
    """Text that roff prints as it is. In a literal one, and in options within prose, dashes stay
    what a shell understands."""
    text = text.replace("\\", "\\e")
    text = _dashes(text) if literal else _OPTION.sub(lambda found: _dashes(found[0]), text)
    text = "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in text).rstrip()
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _dashes(text: str) -> str:
    return text.replace("-", "\\-")


def _date() -> str:
    """Today, or the day that whoever packages this says (reproducible-builds.org)."""
    said = os.environ.get("SOURCE_DATE_EPOCH", "")
    return time.strftime("%Y-%m-%d", time.gmtime(int(said) if said.isdigit() else time.time()))


def _environment() -> Iterator[tuple[str, str]]:
    from immich_transfer.config.fields import FIELDS
    from immich_transfer.config.settings import CONFIG_VARIABLE, PROFILE_VARIABLE

    from .failure import DEBUG_VARIABLE

    for field in FIELDS:
        if field.environment:
            yield ", ".join(field.environment), " ".join(field.about.split())
    yield CONFIG_VARIABLE, "The configuration file, like --config."
    yield PROFILE_VARIABLE, "The profile, like --profile."
    yield DEBUG_VARIABLE, "1 shows where a defect is."
    yield "NO_COLOR", "Anything: no colours."
    yield "WATCHFILES_FORCE_POLLING", "1: watch looks at the folders in turn instead of being told."
    yield "NOTIFY_SOCKET, WATCHDOG_USEC", "Set by systemd: watch tells it that it is well."
