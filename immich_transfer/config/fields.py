"""Every setting a profile may hold: name, type, default, environment, and what it means.

One table feeds the reader of TOML (`settings.py`), the commented example (`example.py`) and
`config show`, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from . import parsing
from .options import TransferOptions

Kind = Literal["text", "path", "flag", "parsed"]


class Field(NamedTuple):
    """One setting. The flag is its name with dashes."""

    name: str
    kind: Kind
    default: Any
    about: str
    shown: str
    """The default, or a sample value where there is none, as TOML."""
    parse: Callable[[str], Any] | None = None
    environment: tuple[str, ...] = ()
    written: Callable[[Any], str] = str

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


_options = TransferOptions(state_dir="")
HASHERS = _options.hashers
RETRIES = _options.retries
WAIT = _options.wait
TIMEOUT_IDLE = _options.timeout_idle

FIELDS: tuple[Field, ...] = (
    Field(
        "url",
        "text",
        None,
        "The server: the address of its web page. With and without /api is the same.",
        '"http://nas:2283"',
        environment=("IMMICH_URL", "IMMICH_INSTANCE_URL"),
    ),
    Field(
        "api_key",
        "text",
        None,
        "The API key, from Account Settings > API Keys. Keep this file private (chmod 600),\n"
        "or name a file that holds the key instead. Give one of the two, or none: where\n"
        "`immich-transfer login` stored a key for this server, that one is taken.",
        '"..."',
        environment=("IMMICH_API_KEY",),
    ),
    Field("api_key_file", "path", None, "", '"~/.config/immich-transfer/key"'),
    Field(
        "insecure",
        "flag",
        False,
        "Do not verify the server's TLS certificate. Every summary will say so.",
        "false",
    ),
    Field(
        "ca_file",
        "path",
        None,
        "A PEM file with further authorities to trust, for a server with its own certificate.",
        '"/etc/ssl/home-ca.pem"',
    ),
    Field(
        "state_dir",
        "path",
        None,
        "Where the manifest lives: what was hashed, sent and is owed. Default: the user's state\n"
        "folder (on Linux ~/.local/state/immich-transfer).",
        '"~/.local/state/immich-transfer"',
        environment=("IMMICH_TRANSFER_STATE_DIR",),
    ),
    Field(
        "transfers",
        "parsed",
        "auto",
        "Photos on the wire at once: a number, or auto to follow what the server bears.",
        '"auto"',
        parsing.workers_or_auto,
    ),
    Field(
        "hashers",
        "parsed",
        HASHERS,
        "Threads that compute checksums. Default: one for each processor, at most 4.",
        "4",
        parsing.workers,
    ),
    Field(
        "bwlimit",
        "parsed",
        (None, None),
        "Bytes per second at most: 10M both ways, 10M:5M up and down, off for no limit.",
        '"off"',
        parsing.rates,
        written=parsing.written_rates,
    ),
    Field(
        "retries",
        "parsed",
        RETRIES,
        "Attempts for each photo in all. An outage of the server costs none.",
        "5",
        parsing.count,
    ),
    Field(
        "wait",
        "parsed",
        WAIT,
        "How long to wait for a server that went away; 0s gives up at once.",
        '"30m"',
        parsing.duration,
        written=parsing.written_duration,
    ),
    Field(
        "timeout_idle",
        "parsed",
        TIMEOUT_IDLE,
        "A transfer in which no byte moved for this long is taken as cut and made again.",
        '"2m"',
        parsing.positive_duration,
        written=parsing.written_duration,
    ),
    Field(
        "max_errors",
        "parsed",
        None,
        "End the run once this many files failed. Default: go on.",
        "100",
        parsing.count,
    ),
    Field(
        "strict",
        "flag",
        False,
        "Exit 3 also when files were skipped, or are trashed or deleted on the server.",
        "false",
    ),
    Field(
        "progress",
        "flag",
        None,
        "Show progress. Default: a live display on a terminal, a line every 30 s elsewhere.",
        "true",
    ),
    Field(
        "log_file",
        "path",
        None,
        "Append what happens to this file, one JSON object a line; never the key.",
        '"~/immich-transfer.log"',
    ),
)

BY_NAME = {field.name: field for field in FIELDS}
