"""A server that holds a story's photos, to download from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import data
from .measure import complaint, measure
from .peers import Job, floor
from .server import Server
from .stage import Setting, fresh, photos


@dataclass(frozen=True)
class Library:
    """What the server holds: all of it is in `album`, when there is one."""

    server: Server
    contents: data.Contents
    album: str | None


@contextmanager
def library(
    setting: Setting, make: Callable[[Path], Path], *, album: str | None = None
) -> Iterator[Library]:
    """The photos that `make` writes, uploaded; in the page cache, and nothing left to write back.

    The upload's floor brings them there, for it shares nothing with what is measured. They are not
    seeded: seeded ones share dates, and the floor's listing would miss some.
    """
    with fresh(setting) as scratch, Server(scratch / "server") as server:
        with photos(setting, make) as folder:
            data.spread(folder)
            job, tool = Job(server, folder, scratch / "upload"), floor()
            if measure(tool.command(job), tool.environment(job), job.state).code:
                raise RuntimeError(f"the library was not uploaded: {complaint(job.state)}")
            held = data.contents(folder)
        found = None if album is None else server.add_album(album)
        data.warm(scratch / "server")
        os.sync()
        yield Library(server, held, found)
