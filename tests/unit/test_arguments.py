"""Calls of the Python API are written down as commands: read again, they mean the same."""

from __future__ import annotations

from typing import Any

import click
import pytest

from immich_transfer.arguments import typed
from immich_transfer.cli.download import download
from immich_transfer.cli.files import file_choices
from immich_transfer.cli.mirror import mirror
from immich_transfer.cli.selection import download_options
from immich_transfer.cli.upload import upload
from immich_transfer.config.options import DownloadOptions, Selection, UploadOptions

COMMANDS: dict[str, click.Command] = {"upload": upload, "download": download, "mirror": mirror}
OF_UPLOAD = (
    *("albums", "album_from", "tags", "favorite"),
    *("checksum", "trashed", "deleted", "delete_source"),
)
OF_DOWNLOAD = ("sidecars", "on_conflict", "deleted", "checksum")


def parsed(arguments: tuple[str, ...]) -> dict[str, Any]:
    command = COMMANDS[arguments[0]]
    with command.make_context(arguments[0], list(arguments[1:])) as ctx:
        return ctx.params


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"albums": ("A", "-b"), "album_from": "path", "tags": ("a/b",), "favorite": True},
        {"trashed": "restore", "deleted": "reupload", "delete_source": True, "sidecars": False},
        {"include": ("*.jpg",), "exclude": ("x y/", "--z"), "filter_from": ("list",)},
        {"type": "video", "min_size": 1, "max_size": 12345, "checksum": True},
        {"newer_ns": 1_600_000_000_123_456_000, "older_ns": 1_700_000_000_000_000_000},
        {"hidden": True, "default_excludes": False, "follow_links": True},
    ],
    ids=lambda fields: "-".join(fields) or "none",
)
def test_uploads(fields: dict[str, Any]) -> None:
    options = UploadOptions(paths=("a b", "-c"), **fields)
    params = parsed(typed(options))
    others = {name: params[name] for name in OF_UPLOAD}
    again = UploadOptions(**file_choices(params), **others, sidecars=not params["no_sidecars"])
    assert again == options


@pytest.mark.parametrize(
    ("selection", "fields"),
    [
        ({"albums": ("A*", "-b")}, {}),
        ({"album_ids": ("1",)}, {"layout": "{album}/{stem}.{ext}", "sidecars": "xmp"}),
        ({"everything": True}, {"on_conflict": "overwrite", "deleted": "skip", "checksum": True}),
        ({"favorites": True, "people": ("Mum", "Dad"), "tags": ("a/b",)}, {}),
        ({"search": "the sea", "limit": 7, "type": "image"}, {}),
        ({"archived": True, "taken_after": "2024-01-01T00:00:00.000Z"}, {}),
        ({"type": "video", "taken_before": "2024-01-01T10:11:12.345Z"}, {}),
    ],
    ids=str,
)
def test_downloads(selection: dict[str, Any], fields: dict[str, Any]) -> None:
    options = DownloadOptions(output="o p", selection=Selection(**selection), **fields)
    arguments = typed(options)
    assert arguments[0] == "download"
    params = parsed(arguments)
    assert download_options(params, **{name: params[name] for name in OF_DOWNLOAD}) == options


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"delete": True}, {"delete": True, "max_delete": None, "trash_dir": None}),
        ({"delete": True, "max_delete": 7, "trash_dir": "t"}, {"max_delete": 7, "trash_dir": "t"}),
        ({"delete": True, "max_delete": 0.25, "trash_dir": ""}, {"trash_dir": "none"}),
        ({"delete": True, "max_delete": 1.0}, {"max_delete": 1.0}),
    ],
    ids=str,
)
def test_mirrors(fields: dict[str, Any], said: dict[str, Any]) -> None:
    selection = Selection(albums=("A",))
    arguments = typed(DownloadOptions(output="o", selection=selection, mirror=True, **fields))
    assert arguments[0] == "mirror"
    params = parsed(arguments)
    assert params | said == params
