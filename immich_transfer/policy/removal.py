"""How many files a mirror may remove at once. Pure."""

from __future__ import annotations

DEFAULT_FILES = 50
DEFAULT_SHARE = 0.10
ROUNDING = 1e-12
"""Shares are binary fractions, and 0.29 of 100 is a little less than 29."""


def allowed(limit: int | float | None, total: int) -> int:
    """Files that may be removed of the `total` that the manifest knows.

    `limit` is a number of files, a share from 0.0 to 1.0, or None: the larger of 50 files and
    10 %, but never all of them.
    """
    if limit is None:
        return min(max(DEFAULT_FILES, int(total * DEFAULT_SHARE)), max(0, total - 1))
    if isinstance(limit, float):
        return int(total * limit * (1 + ROUNDING))
    return limit
