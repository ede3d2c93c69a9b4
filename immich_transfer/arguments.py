"""A call of the Python API as the command one would have typed, so that `resume` can take it up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from .config.options import DownloadOptions, Selection, UploadOptions

NAMED_APART = frozenset({"paths", "output", "selection", "mirror"})
FLAGS = {
    "albums": "album",
    "album_ids": "album-id",
    "everything": "all",
    "people": "person",
    "tags": "tag",
    "newer_ns": "newer",
    "older_ns": "older",
}
"""Where the flag has another name than the field."""
OFF = {"default_excludes": "--no-default-excludes", "sidecars": "--no-sidecars"}
"""What is on unless a flag turns it off."""


def typed(options: UploadOptions | DownloadOptions) -> tuple[str, ...]:
    """The command line of these options."""
    if isinstance(options, UploadOptions):
        return ("upload", *_flags(options), "--", *options.paths)
    command = "mirror" if options.mirror else "download"
    where = ("-o", options.output)
    return (command, *where, *_flags(options.selection), *_flags(options))


def _flags(options: UploadOptions | DownloadOptions | Selection) -> Iterator[str]:
    for field in msgspec.structs.fields(options):
        value = getattr(options, field.name)
        if field.name in NAMED_APART or value == field.default:
            continue
        flag = "--" + FLAGS.get(field.name, field.name).replace("_", "-")
        if value is True:
            yield flag
        elif value is False:
            yield OFF[field.name]
        else:
            for each in value if isinstance(value, tuple) else (value,):
                yield f"{flag}={_word(field.name, each)}"


def _word(name: str, value: str | float) -> str:
    match name, value:
        case (("newer_ns" | "older_ns"), int()):
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value // 1000)
            return moment.isoformat()
        case "max_delete", float():
            return f"{int(value * 100)}%"
        case "trash_dir", "":
            return "none"
        case _:
            return str(value)
