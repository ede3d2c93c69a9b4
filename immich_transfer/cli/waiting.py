"""What is said on stderr while the server works: one line that changes on a terminal, a line now
and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .words import columns, cut, one_line

if TYPE_CHECKING:
    from immich_transfer.bridge.server_models import Queue

SECONDS = 30.0
"""Off a terminal at most one line in so long: logs are kept."""


class Waiting:
    """Hears of queues until they are idle. Use as a context manager."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = _terminal()
        self._shown = ""
        self._said_at = time.monotonic()

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        self._draw("")

    def __call__(self, queues: Sequence[Queue]) -> None:
        from immich_transfer.bridge.jobs import busy

        if self._quiet:
            return
        text = f"waiting for {one_line(busy(queues))}"
        if self._live:
            self._draw(cut(text, columns() - 1))
        elif time.monotonic() - self._said_at >= SECONDS:
            self._said_at = time.monotonic()
            click.echo(f"immich-transfer: {text}", err=True)

    def _draw(self, text: str) -> None:
        """Replace the line that is shown; nothing takes it away."""
        if text != self._shown:
            blank = " " * len(self._shown)
            click.echo(f"\r{blank}\r{text}", err=True, nl=False)
            self._shown = text


def _terminal() -> bool:
    try:
        return bool(sys.stderr is not None and sys.stderr.isatty())
    except ValueError:  # closed
        return False
