"""A streaming multipart/form-data parser (RFC 7578) that hashes and stores files as they come.

Our own because it must not be the thing measured: it looks for the delimiter with `bytes.find`,
hands whole chunks on, and keeps one chunk in memory. Names are read as the recorded servers do:
raw UTF-8, `\\"` unescaped, only the last path component, no RFC 5987.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import AsyncIterator
from typing import BinaryIO


class Malformed(Exception):
    """The body is not what it says; the text is the server's own."""


class Part:
    """One part: a text field's value, or a file with its digest and size."""

    def __init__(self, name: str, filename: str | None) -> None:
        self.name = name
        self.filename = filename
        self.size = 0
        self.value = b""
        self.path: str | None = None
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._file: BinaryIO | None = None

    @property
    def sha1(self) -> bytes:
        return self._sha1.digest()

    def open(self, path: str) -> None:
        self.path = path
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115 - closed in `close`

    def write(self, data: memoryview | bytes) -> None:
        self.size += len(data)
        if self._file is not None:
            self._sha1.update(data)
            self._file.write(data)
        else:
            if self.size > 1 << 20:
                raise Malformed(f"Field value too long - {self.name}")
            self.value += bytes(data)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


_NAME = re.compile(rb'[; ]name="((?:\\.|[^"\\])*)"')
_FILENAME = re.compile(rb'[; ]filename="((?:\\.|[^"])*)"')


class Parser:
    """Feeds parts from a stream of chunks; `store` makes a path for each file part."""

    def __init__(self, boundary: bytes, new_path: str) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._new_path = new_path
        self.parts: list[Part] = []

    async def parse(self, chunks: AsyncIterator[bytes]) -> list[Part]:
        """Every part of the body, in order. Raises Malformed."""
        pending = b"\r\n"
        part: Part | None = None
        delimiter = self._delimiter
        keep = len(delimiter) + 4
        ended = False
        try:
            async for chunk in chunks:
                if ended:
                    continue
                data = pending + chunk if pending else chunk
                start = 0
                while True:
                    if part is None:
                        # Between parts: the delimiter, then headers up to an empty line.
                        at = data.find(delimiter, start)
                        if at < 0:
                            break
                        after = at + len(delimiter)
                        if data[after : after + 2] == b"--":
                            ended = True
                            break
                        end = data.find(b"\r\n\r\n", after)
                        if end < 0:
                            if len(data) - after > 65536:
                                raise Malformed("Multipart: Malformed part header")
                            start = at
                            break
                        part = self._begin(data[after:end])
                        start = end + 4
                    at = data.find(delimiter, start)
                    if at >= 0:
                        part.write(memoryview(data)[start:at])
                        part.close()
                        part = None
                        start = at
                        continue
                    safe = len(data) - keep
                    if safe > start:
                        part.write(memoryview(data)[start:safe])
                        start = safe
                    break
                pending = data[start:] if not ended else b""
        finally:
            if part is not None:
                part.close()
        if not ended:
            raise Malformed("Multipart: Unexpected end of form")
        return self.parts

    def _begin(self, headers: bytes) -> Part:
        line = next(
            (h for h in headers.split(b"\r\n") if h.lower().startswith(b"content-disposition")), b""
        )
        name = _NAME.search(line)
        if name is None or b"\0" in headers or b"\n" in line:
            raise Malformed("Multipart: Malformed part header")
        filename = _FILENAME.search(line)
        part = Part(_text(name[1]), None if filename is None else _base(_text(filename[1])))
        if part.filename is not None:
            part.open(f"{self._new_path}.{len(self.parts)}")
        self.parts.append(part)
        return part

    def discard(self) -> None:
        """Remove the files of a body that was refused."""
        for part in self.parts:
            part.close()
            if part.path is not None and os.path.exists(part.path):
                os.unlink(part.path)


def _text(raw: bytes) -> str:
    return raw.replace(b'\\"', b'"').decode("utf-8", "replace")


def _base(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def boundary_of(content_type: str) -> bytes | None:
    """The boundary of a multipart content type, or None."""
    if not content_type.lower().startswith("multipart/form-data"):
        return None
    match = re.search(r'boundary="?([^";]+)"?', content_type)
    return match[1].encode() if match else None
