"""Long answers, an element at a time: the array in a JSON object is picked apart as it arrives."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from typing import Any, Generic, TypeVar

import msgspec

from immich_transfer.errors import ConnectionFailed

T = TypeVar("T")


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
            found.append(value)
        self._text = self._text[at:]
        try:
            return msgspec.convert(found, list[self._kind])  # type: ignore[name-defined]
        except msgspec.ValidationError:
            raise ConnectionFailed("answered with something that is not Immich's JSON") from None

    def close(self) -> None:
        """Raises ConnectionFailed when the end of the array never came."""
        if not self.done:
            raise ConnectionFailed("the answer was cut short")
