"""Long answers, an element at a time: the array in a JSON object is picked apart as it arrives."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from typing import Any, Generic, TypeVar

import msgspec

from immich_transfer.errors import ConnectionFailed

T = TypeVar("T")

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
        if not self.done:
            raise ConnectionFailed("the answer was cut short")
