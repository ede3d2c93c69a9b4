"""What an answer means for a part file: nothing is appended that does not begin where it ends."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from immich_transfer.policy.resume import Take, judge

APPEND, OVER, REFUSE = Take.APPEND, Take.START_OVER, Take.REFUSE


@pytest.mark.parametrize(
    ("status", "content_range", "length", "offset", "expected", "take", "total"),
    [
        # nothing was there, nothing was asked
        (200, None, 100, 0, 100, OVER, 100),
        (200, None, 100, 0, None, OVER, 100),
        (200, None, None, 0, 100, OVER, None),
        (200, None, None, 0, None, OVER, None),
        (200, None, 0, 0, 0, OVER, 0),
        (200, None, 99, 0, 100, REFUSE, 99),
        (200, None, 101, 0, 100, REFUSE, 101),
        (200, None, 0, 0, 100, REFUSE, 0),
        # the rest, as asked
        (206, "bytes 40-99/100", 60, 40, 100, APPEND, 100),
        (206, "bytes 40-99/100", None, 40, 100, APPEND, 100),
        (206, "bytes 40-99/100", 60, 40, None, APPEND, 100),
        (206, "bytes 40-99/*", 60, 40, 100, APPEND, None),
        # the whole file instead: If-Range did not hold, or the server knows no ranges
        (200, None, 100, 40, 100, OVER, 100),
        (200, "bytes 40-99/100", 100, 40, 100, OVER, 100),
        (200, None, 60, 40, 100, REFUSE, 60),
        # another range than asked
        (206, "bytes 41-99/100", 59, 40, 100, REFUSE, None),
        (206, "bytes 39-99/100", 61, 40, 100, REFUSE, None),
        (206, "bytes 0-99/100", 100, 40, 100, REFUSE, None),
        (206, "bytes 1-99/100", 99, 0, 100, REFUSE, None),
        # a 206 nobody asked for is the whole file if it begins there
        (206, "bytes 0-99/100", 100, 0, 100, OVER, 100),
        # another file
        (206, "bytes 40-89/90", 50, 40, 100, REFUSE, 90),
        # not a range at all
        (206, None, 60, 40, 100, REFUSE, None),
        (206, "", 60, 40, 100, REFUSE, None),
        (206, "bytes */100", 60, 40, 100, REFUSE, None),
        (206, "items 40-99/100", 60, 40, 100, REFUSE, None),
        (206, "bytes 40-/100", 60, 40, 100, REFUSE, None),
        (206, "bytes -40-99/100", 60, 40, 100, REFUSE, None),
        (206, "bytes 40-99/100, bytes 0-1/100", 60, 40, 100, REFUSE, None),
        (206, "bytes ٤٠-99/100", 60, 40, 100, REFUSE, None),
        (206, " bytes 40-99/100", 60, 40, 100, REFUSE, None),
        (206, "bytes 40-99/100\n", 60, 40, 100, REFUSE, None),
    ],
)
def test_verdicts(
    status: int,
    content_range: str | None,
    length: int | None,
    offset: int,
    expected: int | None,
    take: Take,
    total: int | None,
) -> None:
    verdict = judge(status, content_range, length, offset=offset, expected=expected)
    assert (verdict.take, verdict.total) == (take, total)
    assert bool(verdict.why) == (take is REFUSE), "who refuses says why"


SIZES = st.integers(0, 1 << 45)
RANGES = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.builds("bytes {}-{}/{}".format, SIZES, SIZES, st.one_of(SIZES, st.just("*"))),
    st.builds("bytes {}-{}/{}".format, st.integers(0, 3), SIZES, st.integers(0, 3)),
)


@given(
    st.sampled_from([200, 206]),
    RANGES,
    st.one_of(st.none(), SIZES),
    st.one_of(SIZES, st.integers(0, 3)),
    st.one_of(st.none(), SIZES, st.integers(0, 3)),
)
@example(206, "bytes 7-9/10", 3, 7, 10)
def test_what_always_holds(
    status: int,
    content_range: str | None,
    length: int | None,
    offset: int,
    expected: int | None,
) -> None:
    verdict = judge(status, content_range, length, offset=offset, expected=expected)
    told = re.match(r"bytes ([0-9]+)-", content_range or "")
    begins = int(told[1]) if told else None
    if verdict.take is APPEND:
        assert status == 206
        assert offset > 0
        assert begins == offset
    if verdict.take is OVER:
        assert status == 200 or (offset == 0 and begins == 0)
    if verdict.take is not REFUSE and expected is not None:
        assert verdict.total in (None, expected), "what cannot be right is not begun"
    if status == 206 and begins != offset:
        assert verdict.take is REFUSE
