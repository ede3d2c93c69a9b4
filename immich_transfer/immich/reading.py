"""Reading answers of servers that may mean harm: bounded in size, in depth and in patience.

Heads and gzip are bounded by `answer.py`, for streams by aiohttp (8 KiB a line, 128 lines; gzip in
pieces); here the rest is.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from immich_transfer.errors import ConnectionFailed

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")

ANSWER_LIMIT = 64 << 20
"""No JSON answer we ask for comes near this; more is a server gone wrong."""
ERROR_LIMIT = 64 << 10
LEAST_BYTES = 1024
"""In every `--timeout-idle` this much has to come: a byte now and then is no progress."""
HEAD_PATIENCE = 3
"""Times `--timeout-idle` that the head of an answer may take, connecting included. Between two
bytes the idle time is enough; this ends heads that trickle, and 1xx answers without end."""


def limit_of(status: int) -> int:
    """Bytes of body to take with this status."""
    return ANSWER_LIMIT if status < 400 else ERROR_LIMIT


async def pieces(content: aiohttp.StreamReader, idle: float) -> AsyncIterator[bytes]:
    """What comes, as it comes; raises ConnectionFailed when it only trickles."""
    since, came = time.monotonic(), 0
    async for piece in content.iter_any():
        came += len(piece)
        now = time.monotonic()
        if now - since > idle:
            if came < LEAST_BYTES:
                raise ConnectionFailed(f"less than {LEAST_BYTES:,} bytes came within {idle:g} s")
            since, came = now, 0
        yield piece


async def whole(response: aiohttp.ClientResponse, limit: int, idle: float) -> bytes:
    """The whole body, refused beyond `limit` bytes, packed or unpacked."""
    got = b""
    more: bytearray | None = None  # not a list of parts: they may be of one byte each
    async for piece in pieces(response.content, idle):
        if more is not None:
            more += piece
        elif got:
            more = bytearray(got + piece)
        else:
            got = piece
        if len(got if more is None else more) > limit:
            raise ConnectionFailed(f"the answer is larger than {limit:,} bytes")
    return got if more is None else bytes(more)


def decode(body: bytes, answer: type[T]) -> T:
    """The typed answer; raises ConnectionFailed when it is not what Immich sends."""
    try:
        return msgspec.json.decode(body, type=answer)
    except UNREADABLE:
        start = body[:64].lstrip().lower()
        if start.startswith((b"<!doctype", b"<html")):
            raise ConnectionFailed("answered with a web page instead of JSON") from None
        raise ConnectionFailed("answered with something that is not Immich's JSON") from None


UNREADABLE: Any = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON of the type; the last for depth without end."""
