"""A text or binary stream that may go away: the reader of a pipe left, the disk is full.

A report never ends a transfer: after the first failure everything is dropped and `broken` is set.
"""

from __future__ import annotations

import contextlib
import io
import os
from typing import BinaryIO, TextIO, cast


class Out:
    """Write to `stream` at once; remember when it stopped taking anything."""

    def __init__(self, stream: TextIO | BinaryIO) -> None:
        self._stream = stream
        self.broken = False
        # What was printed before must come before; afterwards the bytes go past the text layer.
        self._binary: BinaryIO | None
        self._text: TextIO | None = None
        if isinstance(stream, io.TextIOBase):
            self._text = cast(TextIO, stream)
            self._binary = getattr(stream, "buffer", None)
        else:
            self._binary = cast(BinaryIO, stream)
        self._encoding: str = getattr(stream, "encoding", None) or "utf-8"

    def text(self, text: str) -> None:
        """Write people's text: what the stream's encoding lacks becomes '?'."""
        if self._encoding.lower().replace("-", "") == "utf8":
            self.data(text.encode("utf-8", "replace"))
        else:
            self.data(text.encode(self._encoding, "replace"), self._encoding)

    def data(self, data: bytes, encoding: str = "utf-8") -> None:
        if self.broken:
            return
        try:
            if self._text is not None:
                if self._binary is None:
                    self._text.write(data.decode(encoding))
                self._text.flush()
            if self._binary is not None:
                self._binary.write(data)
                self._binary.flush()
        except (OSError, ValueError):
            self._gone()

    def _gone(self) -> None:
        self.broken = True
        # The buffered rest would raise again when the interpreter flushes it at exit: give it
        # somewhere to go (the recipe of the Python documentation on SIGPIPE).
        with contextlib.suppress(OSError, ValueError, AttributeError):
            descriptor = self._stream.fileno()
            devnull = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(devnull, descriptor)
            finally:
                os.close(devnull)
