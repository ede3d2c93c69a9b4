"""Failures in words: one line, no class names, never the key."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl

from yarl import URL

from immich_transfer.errors import CannotContinue, ConnectionFailed, TransferError

_SEVERAL = re.compile(r"Multiple exceptions: \[Errno (\d+)\]")
"""What asyncio says where a name has several addresses and none answers."""


def plain_reason(error: Exception) -> str:
    """A connection error in words: no class names, no addresses of objects, never the key."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        told = (error.reason or "handshake failed").replace("_", " ").lower()
        return f"no TLS connection ({told}): does it speak https?"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    number = error.errno if isinstance(error, OSError) else None
    several = _SEVERAL.match(str(error))
    if number is None and several is not None:
        number = int(several[1])
    if number:
        return os.strerror(number).lower()
    return "the connection failed" if not str(error) else str(error).splitlines()[0][:120]


def broken(error: Exception) -> TransferError:
    """No answer came: the line's fault, or the server's, unless this machine could not even try."""
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return CannotContinue(
            "this system allows no more open files",
            hint="raise the limit (ulimit -n), or use fewer --transfers; then run again",
        )
    return ConnectionFailed(plain_reason(error))


def target_of(base: URL, location: str) -> str:
    """Where a redirect leads, without its query: that may hold what is nobody's business."""
    try:
        url = base.join(URL(location))
        return f"{url.origin()}{url.path[:200]}"
    except ValueError:
        return "somewhere else"


REASONS = {
    400: "bad request",
    404: "not found",
    408: "request timeout",
    413: "the body is too large",
    415: "unsupported media type",
    429: "too many requests",
    431: "request headers too large",
    500: "internal server error",
    502: "bad gateway",
    503: "service unavailable",
    504: "gateway timeout",
}
