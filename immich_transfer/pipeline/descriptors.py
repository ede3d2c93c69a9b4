"""Open files: how many the system allows this process, and what that means for transfers."""

from __future__ import annotations

import contextlib

try:
    import resource
except ImportError:  # Windows: a process has as many as it wants
    resource = None  # type: ignore[assignment]

WANTED = 1024
"""More than 64 transfers ever need; macOS begins with 256."""
OURS = 24
"""Streams, the event loop, the manifest and its lock, the list of assets, pings, names resolved."""
EACH = 3
"""Of a transfer: a connection, its file, and the folder of that."""


def most_transfers(hashers: int) -> int | None:
    """How many transfers may be open at once, at least one; None when nothing limits them. Raises
    the soft limit first as far as it may."""
    if resource is None:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < WANTED:
        wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft == resource.RLIM_INFINITY:
        return None
    return max(1, (soft - OURS - hashers) // EACH)
