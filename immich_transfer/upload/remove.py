"""`--delete-source`: delete local files whose copy the server's own checksum has just proven.

A file that changed since it was hashed stays. Sidecars stay too: the server keeps what it reads
from them but never shows their bytes, so their copy cannot be proven (law 5).
"""

from __future__ import annotations

from collections.abc import Sequence

from immich_transfer.disk.source import remove_unchanged
from immich_transfer.events import Notice
from immich_transfer.model import LocalFile

from .run import UploadRun


async def remove_sources(run: UploadRun, files: Sequence[LocalFile]) -> dict[str, str]:
    """Delete `files` if the user asked for it, telling each; what was said, by path."""
    if not run.options.delete_source or not files:
        return {}
    if run.dry:
        return dict.fromkeys((file.path for file in files), "would be deleted here")
    said = await run.in_thread(_remove, run, files)
    for file in files:
        if file.path in said:
            run.listener(Notice(f"{said[file.path]}: {file.shown}"))
    return said


def _remove(run: UploadRun, files: Sequence[LocalFile]) -> dict[str, str]:
    said: dict[str, str] = {}
    gone: list[str] = []
    for file in files:
        removed, said[file.path] = remove_unchanged(file)
        if removed:
            gone.append(file.path)
    run.manifest.forget(gone)
    return said
