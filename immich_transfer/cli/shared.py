"""What commands share: options, their types, and a help text in sections."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from immich_transfer.config import parsing

from .secrets import learn
from .words import one_line, warn

if TYPE_CHECKING:
    from immich_transfer.config.options import ServerOptions
    from immich_transfer.config.settings import Settings

    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # older clicks have no type argument

F = TypeVar("F", bound=Callable[..., Any])

SERVER, TRANSFER, OUTPUT = "Server", "Transfer", "Output"
NOW = "immich_transfer.now"
"""Key in a context's `meta`: the instant that ages like 30d count from. A resumed run counts from
its first start, or files would grow too old for their own run."""


class Parsed(_ParamType):
    """A value read by one of the functions of `config/parsing.py`."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


class Instant(_ParamType):
    """A date or an age, as ns since the epoch."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        now = ctx.meta.get(NOW) if ctx is not None else None
        try:
            return parsing.instant(value, time.time() if now is None else now)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


SIZE = Parsed("size", parsing.size)
DURATION = Parsed("duration", parsing.duration)
POSITIVE_DURATION = Parsed("duration", parsing.positive_duration)
RATES = Parsed("rate", parsing.rates)
COUNT = Parsed("number", parsing.count)
WORKERS = Parsed("number", parsing.workers)
WORKERS_OR_AUTO = Parsed("number|auto", parsing.workers_or_auto)
INSTANT = Instant()


class Option(click.Option):
    """An option that knows its section of the help text."""

    def __init__(self, *args: Any, section: str = "Options", **options: Any) -> None:
        super().__init__(*args, **options)
        self.section = section


class Command(click.Command):
    """A command whose help lists options by section, and shows its examples as they are."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Argument):
                continue
            record = param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "section", "Options"), []).append(record)
        # The command's own first, --help last.
        rest = sections.pop("Options", [])
        for title, rows in [*sections.items(), ("Options", rest)]:
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def option(*names: str, section: str, **options: Any) -> Callable[[F], F]:
    """`click.option` with a section."""
    return click.option(*names, cls=Option, section=section, **options)


def examples(*lines: str) -> str:
    """The epilog that every command has."""
    return "\n".join(["\b", "Examples:", *(f"  immich-transfer {line}" for line in lines)])


def names(_: click.Context, param: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Names of albums, tags and people: some text, and text that can be sent."""
    for value in values:
        if not value.strip():
            raise click.BadParameter("a name is empty", param=param)
        if one_line(value) != value:
            raise click.BadParameter(f"{one_line(value)!r} is not printable text", param=param)
    return tuple(values)


def all_of(options: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    """Several decorators as one, in the order of the help text."""

    def decorate(command: F) -> F:
        for add in reversed(options):
            command = add(command)
        return command

    return decorate


def config_options(command: F) -> F:
    """Where the settings are."""
    return all_of(
        [
            option(
                "--profile",
                metavar="NAME",
                section=SERVER,
                help="Use [profile.NAME] of the config file. [env: IMMICH_TRANSFER_PROFILE]",
            ),
            option(
                "--config",
                metavar="FILE",
                section=SERVER,
                help="The config file. [env: IMMICH_TRANSFER_CONFIG]",
            ),
        ]
    )(command)


def server_options(command: F) -> F:
    """Which server, as whom."""
    return all_of(
        [
            option(
                "--url",
                metavar="URL",
                section=SERVER,
                help="The server's web address. [env: IMMICH_URL, IMMICH_INSTANCE_URL]",
            ),
            option(
                "--api-key",
                metavar="KEY",
                section=SERVER,
                help="The API key. It stays in the shell's history, and others may see it in `ps`"
                " for a moment: better set it in the environment or use --api-key-file."
                " [env: IMMICH_API_KEY]",
            ),
            option(
                "--api-key-file",
                metavar="FILE",
                section=SERVER,
                help="Read the API key from FILE; - reads it from standard input.",
            ),
            config_options,
            option(
                "--insecure",
                is_flag=True,
                default=None,
                section=SERVER,
                help="Do not verify the server's TLS certificate.",
            ),
            option(
                "--ca-file",
                metavar="FILE",
                section=SERVER,
                help="Trust the authorities in this PEM file, too.",
            ),
        ]
    )(command)


def state_option(command: F) -> F:
    """Where the manifest is."""
    return option(
        "--state-dir",
        metavar="DIR",
        section=TRANSFER,
        help="Where the manifest lives. [env: IMMICH_TRANSFER_STATE_DIR]",
    )(command)


def json_option(command: F) -> F:
    """Results as JSON lines."""
    return option("--json", is_flag=True, section=OUTPUT, help="JSON lines on stdout.")(command)


def transfer_options(command: F) -> F:
    """What all transfers share."""
    return all_of(
        [
            option(
                "-n",
                "--dry-run",
                is_flag=True,
                section=TRANSFER,
                help="Say what would happen; change nothing, here or there.",
            ),
            option(
                "--transfers",
                type=WORKERS_OR_AUTO,
                metavar="N|auto",
                section=TRANSFER,
                help="Photos on the wire at once. [default: auto, what the server bears]",
            ),
            option(
                "--hashers",
                type=WORKERS,
                metavar="N",
                section=TRANSFER,
                help="Threads that compute checksums. [default: one for each processor, at most 4]",
            ),
            option(
                "--bwlimit",
                type=RATES,
                metavar="RATE[:RATE]",
                section=TRANSFER,
                help="Bytes per second at most, like 10M, or UP:DOWN like 10M:5M; 'off' for none.",
            ),
            option(
                "--retries",
                type=COUNT,
                metavar="N",
                section=TRANSFER,
                help="Attempts for each photo in all; an outage costs none. [default: 5]",
            ),
            option(
                "--wait",
                type=DURATION,
                metavar="DURATION",
                section=TRANSFER,
                help="How long to wait for a server that is away; 0s gives up at once."
                " [default: 30m; 15s before it ever answered]",
            ),
            option(
                "--timeout-idle",
                type=POSITIVE_DURATION,
                metavar="DURATION",
                section=TRANSFER,
                help="Make a transfer again when no byte moved for this long. [default: 120s]",
            ),
            option(
                "--max-errors",
                type=COUNT,
                metavar="N",
                section=TRANSFER,
                help="End the run (exit 8) once N files failed.",
            ),
            option(
                "--strict",
                is_flag=True,
                default=None,
                section=TRANSFER,
                help="Exit 3 also when files were skipped, or are trashed or deleted there.",
            ),
            state_option,
            json_option,
            option(
                "-q",
                "--quiet",
                is_flag=True,
                section=OUTPUT,
                help="Only failures on stderr.",
            ),
            option(
                "-v",
                "--verbose",
                count=True,
                section=OUTPUT,
                help="Say more: every file; twice: every retry, too.",
            ),
            option(
                "--progress/--no-progress",
                default=None,
                section=OUTPUT,
                help="Show progress. [default: live on a terminal, a line every 30s elsewhere]",
            ),
            option(
                "--log-file",
                metavar="FILE",
                section=OUTPUT,
                help="Append what happens to FILE, one JSON object a line; never the key.",
            ),
        ]
    )(command)


def settings_of(params: Mapping[str, Any]) -> Settings:
    """The merged settings of a command's parameters."""
    from immich_transfer.config.settings import load

    for name in ("url", "api_key_file", "ca_file", "state_dir", "log_file", "config", "profile"):
        value = params.get(name)
        if value is not None and not value.strip():
            raise click.BadParameter("it is empty", param_hint=f"--{name.replace('_', '-')}")
    settings = load(params)
    if settings["api_key"]:
        learn(settings["api_key"])
    return settings


def tell_warnings(settings: Settings, *, quiet: bool) -> None:
    """What is odd about the settings, for people."""
    for text in () if quiet else settings.warnings:
        warn(text)


def tell_insecure(server: ServerOptions) -> None:
    """What stands in the summary of a transfer, for commands that have none."""
    if server.insecure and server.url.startswith("https:"):
        warn("--insecure: the server's certificate was not checked")
