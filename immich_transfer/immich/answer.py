"""An HTTP/1.1 answer (RFC 9112) while it arrives. Pure: bytes go in, an answer comes out.

Strict where leniency could mix up two answers on one connection: lengths that contradict each
other, an unknown transfer coding or bytes nobody asked for end the connection.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from multidict import CIMultiDict

HEAD_LIMIT = 32 << 10
"""Bytes of status line and headers, those of 1xx answers included; servers send less than one
thousand."""
UNPACK_BYTES = 256 << 10
AT_ONCE = 1 << 20
"""Up to this a body gets its memory at once and is received into it; above, it grows as it comes,
so that a length that is only said costs nothing."""
BEYOND = 1
"""Bytes of that memory behind the body: nothing may come there."""
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: .*)?")
_CONTROL = bytes([*range(9), *range(10, 32), 127])
"""No header may hold one of these; a tab may be."""
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
_BODILESS = frozenset([204, 304])


class Broken(Exception):
    """What came is no answer, or not all of it; the text says why."""


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    """Found by any spelling of their names."""
    body: bytes | memoryview
    """A view where copying would cost: of what was received into its place."""
    reusable: bool
    """The connection may carry another request."""


class Reading:
    """One answer, fed piece by piece.

    `limit_of` says how many bytes of body are taken at most with a status; more is Broken, or left
    unread where a `cut` body is enough.
    """

    def __init__(self, limit_of: Callable[[int], int], *, cut: bool = False) -> None:
        self._limit_of = limit_of
        self._cut = cut
        self._data = bytearray()
        self._body = bytearray()
        self._space: memoryview | None = None
        """What is left to be filled of a body whose memory is there."""
        self._step: Callable[[Reading], bool] = Reading._head
        self._scanned = 0
        self._heads = 0
        self._left = 0
        self._reusable = False
        self._unzip: zlib._Decompress | None = None
        self.begun = False
        self.in_body = False
        self.answer: Answer | None = None

    def feed(self, data: bytes | memoryview) -> Answer | None:
        """The answer when it is whole. Raises Broken."""
        self.begun = True
        if self._space is not None:
            count = min(len(data), len(self._space))
            self._space[:count] = data[:count]
            return self.filled(count)
        self._data += data
        while self.answer is None and self._step(self):
            pass
        return self.answer

    @property
    def space(self) -> memoryview | None:
        """Where the next bytes belong, when only those of the body should follow: `filled` says how
        many were put there. None asks for `feed`."""
        return self._space

    def filled(self, count: int) -> Answer | None:
        """As `feed`, for bytes that are in their place already."""
        assert self._space is not None
        self._space = self._space[count:]
        if len(self._space) > BEYOND:
            return None
        self._reusable = self._reusable and len(self._space) == BEYOND
        return self._finish(memoryview(self._body)[: self._left])

    def end(self) -> Answer:
        """The server closed the connection. Raises Broken unless that ends the answer."""
        if self._step is Reading._until_closed:
            return self._finish()
        if not self.begun:
            raise Broken("the server closed the connection without an answer")
        raise Broken("the answer was cut short")

    def _head(self) -> bool:
        end = self._data.find(b"\r\n\r\n", max(0, self._scanned - 3))
        self._scanned = len(self._data)
        if self._heads + (end if end >= 0 else self._scanned) > HEAD_LIMIT:
            raise Broken("not proper HTTP: a head without end")
        if end < 0:
            if not b"HTTP/1.".startswith(self._data[:7]):
                raise Broken("not proper HTTP: another protocol")
            return False
        first, _, lines = bytes(self._data[:end]).partition(b"\r\n")
        found = _STATUS.fullmatch(first)
        if found is None:
            raise Broken("not proper HTTP: bad status line")
        del self._data[: end + 4]
        self._heads += end + 4
        self._scanned = 0
        self._status = status = int(found[2])
        if status == 101:
            raise Broken("not proper HTTP: a switch to another protocol")
        if status < 200:
            return True  # a word in between; the answer follows
        self.in_body = True
        self._headers = headers = _headers(lines)
        self._limit = self._limit_of(status)
        words = {word.strip() for word in headers.get("Connection", "").lower().split(",")}
        self._reusable = "close" not in words and (found[1] == b"1" or "keep-alive" in words)
        self._frame(headers)
        return True

    def _frame(self, headers: CIMultiDict[str]) -> None:
        """How the end of the body will be known."""
        coding = headers.get("Content-Encoding", "").strip().lower()
        if coding in ("gzip", "x-gzip", "deflate"):
            self._unzip = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either, as its head says
        elif coding not in ("", "identity"):
            raise Broken(f"answered in a coding nobody asked for: {coding[:20]}")
        transfer = headers.getall("Transfer-Encoding", ())
        lengths = set(headers.getall("Content-Length", ()))
        if self._status in _BODILESS:
            self._unzip = None
            self._step = Reading._by_length
        elif transfer:
            if lengths or [word.strip().lower() for word in transfer] != ["chunked"]:
                raise Broken("not proper HTTP: bad transfer coding")
            self._step = Reading._chunk_head
        elif lengths:
            length = lengths.pop().strip()
            if lengths or not (length.isascii() and length.isdigit()):
                raise Broken("not proper HTTP: bad length")
            self._left = int(length)
            if self._left > self._limit and not self._cut:
                raise self._too_large()
            self._step = Reading._by_length
            if self._unzip is None and len(self._data) < self._left <= min(self._limit, AT_ONCE):
                self._step = Reading._into_space
        else:
            self._reusable = False
            self._step = Reading._until_closed

    def _by_length(self) -> bool:
        self._take()
        if not self._left:
            self._finish()
        return False

    def _into_space(self) -> bool:
        self._body = bytearray(self._left + BEYOND)
        self._space = memoryview(self._body)
        begun, self._data = self._data, bytearray()
        self._space[: len(begun)] = begun
        self.filled(len(begun))
        return False

    def _until_closed(self) -> bool:
        self._left = len(self._data)
        self._take()
        return False

    def _chunk_head(self) -> bool:
        line = self._line()
        if line is None:
            return False
        size = line.partition(b";")[0].strip(b" \t")
        if not _SIZE.fullmatch(size):
            raise Broken("not proper HTTP: bad chunk")
        self._left = int(size, 16)
        self._step = Reading._chunk if self._left else Reading._trailers
        return True

    def _chunk(self) -> bool:
        self._take()
        if self._left or len(self._data) < 2:
            return False
        if self._data[:2] != b"\r\n":
            raise Broken("not proper HTTP: bad chunk")
        del self._data[:2]
        self._step = Reading._chunk_head
        return True

    def _trailers(self) -> bool:
        line = self._line()
        if line == b"":
            self._finish()
        return bool(line)

    def _line(self) -> bytes | None:
        end = self._data.find(b"\r\n")
        if max(end, 0 if end >= 0 else len(self._data)) > HEAD_LIMIT:
            raise Broken("not proper HTTP: bad chunk")
        if end < 0:
            return None
        line = bytes(self._data[:end])
        del self._data[: end + 2]
        return line

    def _take(self) -> None:
        """Move what is there of the `_left` bytes to the body."""
        piece = self._data[: self._left]
        del self._data[: self._left]
        self._left -= len(piece)
        if self._unzip is None:
            self._body += piece
        elif piece:
            self._unpack(self._unzip, piece)
        if len(self._body) > self._limit:
            if not self._cut:
                raise self._too_large()
            del self._body[self._limit :]
            self._reusable = False
            self._unzip = None
            self._finish()

    def _unpack(self, unzip: zlib._Decompress, packed: bytes | bytearray) -> None:
        """A little at a time: half a megabyte of gzip can hold a whole gigabyte."""
        try:
            while len(self._body) <= self._limit:
                piece = unzip.decompress(packed, UNPACK_BYTES)
                self._body += piece
                packed = unzip.unconsumed_tail
                if len(piece) < UNPACK_BYTES and not packed:
                    break  # a full piece may have left something inside
        except zlib.error:
            raise Broken("not proper HTTP: bad packing") from None

    def _finish(self, body: memoryview | None = None) -> Answer:
        if self._unzip is not None and not self._unzip.eof and self._body:
            raise Broken("the answer was cut short")
        reusable = self._reusable and not self._data
        whole = bytes(self._body) if body is None else body
        self.answer = Answer(self._status, self._headers, whole, reusable)
        return self.answer

    def _too_large(self) -> Broken:
        return Broken(f"the answer is larger than {self._limit:,} bytes")


def _headers(text: bytes) -> CIMultiDict[str]:
    """Of the lines behind the first. Raises Broken."""
    headers: CIMultiDict[str] = CIMultiDict()
    if not text:
        return headers
    within = text.replace(b"\r\n", b"")
    if len(within.translate(None, _CONTROL)) < len(within):
        raise Broken("not proper HTTP: bad header")
    for line in text.decode("utf-8", "surrogateescape").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Broken("not proper HTTP: bad header")
        headers.add(name, value.strip(" \t"))
    return headers
