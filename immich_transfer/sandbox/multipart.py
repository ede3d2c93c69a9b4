"""A streaming multipart/form-data parser (RFC 7578) that hashes and stores files as they come.

Our own because it must not be the thing measured: it looks for the delimiter with `bytes.find`,
copies no chunk, hands large pieces to a worker thread (hashlib and write free the GIL) while the
next one arrives, and holds two chunks at most. Names are read as the recorded servers do: raw
UTF-8, `\\"` unescaped, only the last path component, no RFC 5987.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor

INLINE_BYTES = 192 * 1024
"""Below this a piece is hashed and written where it is: a hop to a thread costs more."""
FIELD_LIMIT = 1 << 20
"""The recorded servers refuse longer text fields."""
HEAD_LIMIT = 16 * 1024
"""The recorded servers refuse part headers near this length (a name of 20,000 bytes)."""


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
        # A descriptor: a file object costs more calls to the system for each small photo.
        self._file: int | None = None

    @property
    def sha1(self) -> bytes:
        """Of a file's content; call when the part is closed."""
        return self._sha1.digest()

    @property
    def text(self) -> str:
        return self.value.decode("utf-8", "replace")

    @property
    def is_file(self) -> bool:
        return self.filename is not None

    def open(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self.path = path

    def write(self, data: memoryview) -> None:
        """Take a piece; may run in a worker thread for a file."""
        self.size += len(data)
        if self._file is None:
            if self.size > FIELD_LIMIT:
                raise Malformed(f"Field value too long - {self.name}")
            self.value += bytes(data)
            return
        self._sha1.update(data)
        while data:
            data = data[os.write(self._file, data) :]

    def keep(self, path: str) -> None:
        """Move the file to its place."""
        assert self.path is not None
        os.rename(self.path, path)
        self.path = None

    def close(self, *, durable: bool = False) -> None:
        if self._file is not None:
            if durable:
                os.fsync(self._file)
            os.close(self._file)
            self._file = None


_NAME = re.compile(rb'[; ]name="((?:\\.|[^"\\])*)"')
_FILENAME = re.compile(rb'[; ]filename="((?:\\.|[^"\\])*)"')
# A quote inside that is not escaped leaves more text before the next `;` or the end.
_RAW_QUOTE = re.compile(rb'[; ]filename="(?:\\.|[^"\\])*"[^;\s]')


class Parser:
    """Feeds parts from a stream of chunks; files go to `path` plus a counter."""

    def __init__(
        self, boundary: bytes, path: str, workers: ThreadPoolExecutor, *, durable: bool = False
    ) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._path = path
        self._workers = workers
        self._durable = durable
        self._pending: Future[None] | None = None
        self._part: Part | None = None
        self.parts: list[Part] = []

    async def parse(self, chunks: AsyncIterator[bytes]) -> list[Part]:
        """Every part of the body, in order. Raises Malformed, after reading to the end."""
        tail = b"\r\n"
        ended = False
        wrong: Malformed | None = None
        try:
            async for chunk in chunks:
                if ended or wrong is not None:
                    continue
                try:
                    tail, ended = await self._feed(tail, chunk)
                except Malformed as malformed:
                    wrong = malformed
            await self._settle()
        finally:
            if self._pending is not None:
                # Cut off in the middle: the thread must be out of the file before it is closed.
                self._pending.cancel()
                if not self._pending.cancelled():
                    self._pending.exception()
            if self._part is not None:
                self._part.close()
        if wrong is not None:
            raise wrong
        if not ended:
            raise Malformed("Multipart: Unexpected end of form")
        return self.parts

    async def _feed(self, tail: bytes, chunk: bytes) -> tuple[bytes, bool]:
        """Take one chunk; returns what must be looked at again, and whether the form ended."""
        delimiter = self._delimiter
        if self._part is not None and len(chunk) > 2 * len(delimiter):
            # Within a file: only the seam is copied, the chunk itself is not.
            seam = tail + chunk[: len(delimiter) - 1]
            if tail and seam.find(delimiter) < 0:
                await self._write(memoryview(tail))
                data = chunk
            else:
                data = tail + chunk
        else:
            data = tail + chunk
        start = 0
        while True:
            if self._part is None:
                at = data.find(delimiter, start)
                if at < 0:
                    return data[max(start, len(data) - len(delimiter)) :], False
                after = at + len(delimiter)
                if data[after : after + 2] == b"--":
                    return b"", True
                end = data.find(b"\r\n\r\n", after)
                if end < 0:
                    if len(data) - after > HEAD_LIMIT:
                        raise Malformed("Multipart: Malformed part header")
                    return data[at:], False
                self._part = self._begin(data[after:end])
                start = end + 4
            at = data.find(delimiter, start)
            if at < 0:
                safe = _safe_end(data, delimiter, start)
                if safe > start:
                    await self._write(memoryview(data)[start:safe])
                return data[safe:], False
            if at > start:
                await self._write(memoryview(data)[start:at])
            await self._settle()
            self._part.close(durable=self._durable)
            self._part = None
            start = at

    async def _write(self, piece: memoryview) -> None:
        part = self._part
        assert part is not None
        if not part.is_file:
            part.write(piece)
            return
        await self._settle()
        if len(piece) < INLINE_BYTES:
            part.write(piece)
        else:
            self._pending = self._workers.submit(part.write, piece)

    async def _settle(self) -> None:
        """Wait for the worker, so that pieces stay in order."""
        if self._pending is not None:
            await asyncio.wrap_future(self._pending)
            self._pending = None

    def _begin(self, headers: bytes) -> Part:
        line = next(
            (h for h in headers.split(b"\r\n") if h.lower().startswith(b"content-disposition")), b""
        )
        name = _NAME.search(line)
        if name is None or b"\0" in headers or b"\n" in line or len(headers) > HEAD_LIMIT:
            raise Malformed("Multipart: Malformed part header")
        filename = _FILENAME.search(line)
        if filename is not None and _RAW_QUOTE.search(line):
            filename = None  # recorded: such a part counts as a field, and the file as missing
        part = Part(_text(name[1]), None if filename is None else _base(_text(filename[1])))
        if part.is_file:
            part.open(f"{self._path}.{len(self.parts)}")
        self.parts.append(part)
        return part

    def discard(self) -> None:
        """Remove what was not kept."""
        for part in self.parts:
            part.close()
            if part.path is not None:
                os.unlink(part.path)


def _safe_end(data: bytes, delimiter: bytes, start: int) -> int:
    """Where a delimiter may begin that the next chunk completes; the end when none can."""
    low = max(start, len(data) - len(delimiter) + 1)
    at = data.find(b"\r", low)
    while at >= 0:
        if delimiter.startswith(data[at:]):
            return at
        at = data.find(b"\r", at + 1)
    return len(data)


def _text(raw: bytes) -> str:
    return raw.replace(b'\\"', b'"').decode("utf-8", "replace")


def _base(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def boundary_of(content_type: str) -> bytes | None:
    """The boundary of a multipart content type; empty when it names none, None for other types."""
    if not content_type.lower().startswith("multipart/form-data"):
        return None
    match = re.search(r'boundary=(?:"([^"]+)"|([^";\s]+))', content_type, re.IGNORECASE)
    return (match[1] or match[2]).encode() if match else b""
