"""What an answer to `GET /assets/{id}/original` means for the part file at hand. Pure.

Recorded on 2.7.5 and 3.0.3: 206 with Content-Range when If-Range holds, 200 with the whole file
when it does not; a range past the end is an error that names the size.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.ASCII)


class Take(Enum):
    """How a body goes on."""

    APPEND = "append"
    START_OVER = "start over"
    REFUSE = "refuse"


class Verdict(NamedTuple):
    """What to do with a body, and how long the whole file will be (None: not told)."""

    take: Take
    total: int | None
    why: str = ""


def judge(
    status: int,
    content_range: str | None,
    content_length: int | None,
    *,
    offset: int,
    expected: int | None,
) -> Verdict:
    """Decide about a 200 or 206. `offset` is what the part file holds and was asked to go on from
    (0: nothing was asked), `expected` the size the listing told.

    A 206 is appended only when it begins exactly at `offset`; a 200 is the whole file and never
    appended. A length that cannot lead to `expected` is refused before a byte is written.
    """
    if status == 206:
        match = _CONTENT_RANGE.fullmatch(content_range or "")
        if match is None or int(match[1]) != offset:
            return Verdict(Take.REFUSE, None, "the server sent another range than asked")
        total = None if match[3] == "*" else int(match[3])
        take = Take.APPEND if offset else Take.START_OVER
    else:
        total, take = content_length, Take.START_OVER
    if expected is not None and total is not None and total != expected:
        return Verdict(
            Take.REFUSE,
            total,
            f"the server has {total:,} bytes of a file that it lists with {expected:,}",
        )
    return Verdict(take, total)
