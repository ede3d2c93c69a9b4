"""Long answers, an element at a time: the array in a JSON object is picked apart as it arrives."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from immich_transfer.errors import ConnectionFailed, Transient

from .client import Http
from .paging import lost

T = TypeVar("T")

WHOLE_BYTES = 2 << 20
"""An answer that should not be longer is taken whole: that spares a command that streams nothing
else the import of aiohttp (0.13 s), and holds as much memory as the import."""

BATCH = 500
"""Elements that are handed on at a time, at least, while more come."""

NOT_OURS = "answered with something that is not Immich's JSON"
HELD = 4 << 20
"""Characters that may wait for the end of one element; assets take a few thousand."""


class ArrayReader(Generic[T]):
    """Picks the elements out of one array of a JSON object while it arrives."""

    def __init__(self, name: str, kind: type[T]) -> None:
        self._kind = kind
        self._start = re.compile(rf'"{name}"\s*:\s*\[')
        self._text = ""
        self._bytes = getincrementaldecoder("utf-8")()
        self._parse = json.JSONDecoder().raw_decode
        self._inside = False
        self.done = False

    def feed(self, chunk: bytes) -> list[T]:
        """The elements that are complete now. Raises ConnectionFailed when it is no such JSON."""
        try:
            self._text += self._bytes.decode(chunk)
        except UnicodeDecodeError:
            raise ConnectionFailed("answered with something that is not text") from None
        at = 0
        if not self._inside and not self.done:
            start = self._start.search(self._text)
            if start is None:
                self._bounded()
                return []
            at = start.end()
            self._inside = True
        found: list[Any] = []
        while self._inside:
            while self._text[at : at + 1] in (",", " ", "\n"):
                at += 1
            if self._text[at : at + 1] == "]":
                self._inside, self.done = False, True
                break
            try:
                value, at = self._parse(self._text, at)
            except json.JSONDecodeError:
                break  # its end has not arrived
            except RecursionError:
                raise ConnectionFailed(NOT_OURS) from None
            found.append(value)
        self._text = self._text[at:]
        self._bounded()
        try:
            return msgspec.convert(found, list[self._kind])  # type: ignore[name-defined]
        except msgspec.ValidationError:
            raise ConnectionFailed(NOT_OURS) from None

    def _bounded(self) -> None:
        if len(self._text) > HELD:
            raise ConnectionFailed(NOT_OURS)

    def close(self) -> None:
        """Raises ConnectionFailed when the end of the array never came."""
        if self.done:
            return
        if not self._inside and self._text.rstrip().endswith("}"):
            raise ConnectionFailed(NOT_OURS)
        raise ConnectionFailed("the answer was cut short")


class Array(NamedTuple):
    """An array in the answer to one request."""

    what: str
    """For people: what the request is for."""
    path: str
    name: str
    asked: Mapping[str, Any] | None = None
    """The JSON to post; None is a GET."""

    async def read(
        self,
        http: Http,
        kind: type[T],
        keep: Callable[[list[T]], Awaitable[None]],
        *,
        about: int | None = None,
    ) -> None:
        """Hand every element to `keep`, many at a time, from the start again when the line breaks.
        `about` is how many bytes it should be, if one knows.

        Raises ServerUnavailable when it cannot be had, else as `Http.persist` does.
        """
        method = "GET" if self.asked is None else "POST"
        data = None if self.asked is None else msgspec.json.encode(self.asked)
        headers = {} if data is None else {"Content-Type": "application/json"}

        async def whole(_: int) -> None:
            _status, body = await http.once(method, self.path, data=data, headers=headers)
            reader = ArrayReader(self.name, kind)
            found = reader.feed(body)
            reader.close()
            await keep(found)

        async def streamed(_: int) -> None:
            found: list[T] = []
            async with http.open(self.path, method=method, data=data, headers=headers) as response:
                reader = ArrayReader(self.name, kind)
                async for chunk in http.pieces(response.content):
                    found += reader.feed(chunk)
                    if len(found) >= BATCH:
                        await keep(found)
                        found = []
                reader.close()
            await keep(found)

        short = about is not None and about <= WHOLE_BYTES
        try:
            await http.persist(whole if short else streamed, self.what)
        except Transient as failure:
            raise lost(self.what, failure) from None
