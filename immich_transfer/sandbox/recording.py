"""Keeps what was asked of the sandbox, for tests that hold the requests against the documents.

Off unless a control route turns it on: it reads every JSON body once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from aiohttp import web

_NOTED = "noted"


class Recorder:
    """Every request since it was turned on, in the order they came."""

    def __init__(self) -> None:
        self.on = False
        self._entries: list[dict[str, Any]] = []

    def start(self, on: bool) -> None:
        """Begin anew, or stop; what was kept so far stays until the next beginning."""
        if on:
            self._entries = []
        self.on = on

    def tell(self) -> list[dict[str, Any]]:
        return self._entries

    async def note(self, request: web.Request, path: str | None) -> None:
        """Keep a request; `path` is that of its route, with names in braces, None without one."""
        body: Any = None
        if request.content_type == "application/json" and request.can_read_body:
            text = await request.read()
            try:
                body = msgspec.json.decode(text) if text else None
            except (msgspec.DecodeError, UnicodeDecodeError):
                body = text.decode("utf-8", "replace")
        entry = {
            "method": request.method,
            "path": path,
            "place": request.path,
            "query": [list(pair) for pair in request.query.items()],
            "body": body,
            "fields": None,
            "status": None,
        }
        self._entries.append(entry)
        request[_NOTED] = entry


def note_fields(request: web.Request, names: Iterable[str]) -> None:
    """The fields of a form, once it was read."""
    if _NOTED in request:
        request[_NOTED]["fields"] = list(names)


def note_status(request: web.Request, status: int) -> None:
    if _NOTED in request:
        request[_NOTED]["status"] = status
