"""Numbers and names as people read them."""

from __future__ import annotations

import pytest

from immich_transfer.report import wording


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (1024, "1.0 KiB"),
        (1024 * 999.94, "999.9 KiB"),
        (1024 * 1000, "1.0 MiB"),
        (12.34 * 2**30, "12.3 GiB"),
        (5 * 2**70, "5,120.0 EiB"),
    ],
)
def test_sizes_are_binary_and_say_so(n: float, text: str) -> None:
    assert wording.size(n) == text.replace(",", "")


def test_a_total_that_still_grows_is_marked() -> None:
    assert wording.size_pair(2**30, 3 * 2**30, final=True) == "1.0 of 3.0 GiB"
    assert wording.size_pair(2**30, 3 * 2**30, final=False) == "1.0 of 3.0+ GiB"
    assert wording.size_pair(2**20, 3 * 2**30, final=True) == "1.0 MiB of 3.0 GiB"


def test_one_is_not_many() -> None:
    assert wording.count(1, "file") == "1 file"
    assert wording.count(0, "file") == "0 files"
    assert wording.count(1234, "retry", "retries") == "1,234 retries"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (9.4, "0:09"), (1770, "29:30"), (7500, "2:05:00"), (-3, "0:00")],
)
def test_countdown(seconds: float, text: str) -> None:
    assert wording.clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (45, "0:45"),
        (599, "9:59"),
        (720, "12 min"),
        (3599, "1 h 00 min"),
        (11100, "3 h 05 min"),
        (187200, "2 d 4 h"),
    ],
)
def test_an_estimate_is_no_finer_than_it_can_be(seconds: float, text: str) -> None:
    assert wording.remaining(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (12.2, "12 s"), (271, "4 min 31 s"), (11100, "3 h 05 min")],
)
def test_a_time_that_is_over(seconds: float, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    "hostile",
    ["\x1b[2J", "\r", "\n", "\x00", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f", "\u2028"],
)
def test_nothing_hostile_survives(hostile: str) -> None:
    assert (
        wording.clean(f"a{hostile}b")
        == "a"
        + hostile.translate(
            {ord(c): "\ufffd" for c in hostile if not (c.isascii() and c.isprintable())}
        )
        + "b"
    )


def test_a_surrogate_can_be_printed() -> None:
    assert wording.clean("b\udcff.jpg").encode() == b"b\xef\xbf\xbd.jpg"


def test_the_middle_of_a_name_goes() -> None:
    assert wording.elide("short.jpg", 20) == "short.jpg"
    assert wording.elide("photos/2023/summer/IMG_1234.jpg", 20) == "photos…/IMG_1234.jpg"
    assert wording.elide("photos", 1) == "…"
    assert wording.elide("photos", 0) == ""


@pytest.mark.parametrize("width", range(2, 30))
def test_wide_names_fit(width: int) -> None:
    for name in (
        "写真/夏休みの海辺でとった家族の写真.HEIC",
        "🎉🎉🎉🎉🎉🎉🎉🎉.jpg",
        "e\u0301" * 40,
    ):
        assert wording.cells(wording.elide(name, width)) <= width


def test_wrapping_keeps_long_words_whole() -> None:
    assert wording.wrap("aa bb cc", 7, indent="  ", first="- ") == ["- aa bb", "  cc"]
    assert wording.wrap("x" * 50, 10) == ["x" * 50]
    assert wording.wrap("", 10, first="head") == ["head"]
