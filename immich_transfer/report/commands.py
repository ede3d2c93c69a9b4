"""Which words belong to which command: the one place where a command's name is looked at."""

from __future__ import annotations

from collections.abc import Mapping

from .said import Said
from .said_check import Check, Scrub
from .said_download import Download, Mirror
from .said_upload import Upload

_SAID: Mapping[str, Said] = {
    "upload": Upload(),
    "download": Download(),
    "mirror": Mirror(),
    "check": Check(),
    "scrub": Scrub(),
}


def said_of(command: str) -> Said:
    """The words of `command`; of an upload until the command is known."""
    return _SAID.get(command, _SAID["upload"])
