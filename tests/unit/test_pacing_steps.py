"""The walk of the limit, step by step: when it moves, where to, and what makes it turn.

Each walk is exact. A change of the pace's constants changes walks: read them again then, since
they are what a server feels.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from immich_transfer.policy.pacing import Pace

TICK = 0.125
"""Seconds between reports; a power of two, so that times are exact."""
MB = 1_000_000

Walk = list[tuple[float, int]]


def walk(
    pace: Pace,
    rate_at: Callable[[int], float],
    seconds: float,
    *,
    start: float = 0.0,
    finishes: Callable[[float], bool] = lambda _: True,
    reports: int = 1,
    in_use: float = 1.0,
) -> Walk:
    """Feed the pace a line that moves rate_at(limit) bytes per second: (time, limit) at the start
    and at every change. `reports` come in each tick; `in_use` is the share of them that find every
    slot in use."""
    steps: Walk = [(start, pace.limit)]
    used = 0.0
    for report in range(int(seconds / TICK) * reports):
        now = start + report * TICK / reports
        used += in_use
        full = used >= 1
        used -= full
        flying = pace.limit if full else pace.limit - 1
        pace.moved(now, int(rate_at(pace.limit) * TICK / reports), flying, finished=finishes(now))
        if pace.limit != steps[-1][1]:
            steps.append((now, pace.limit))
    return steps


def up_to(knee: int) -> Callable[[int], float]:
    """Transfers do not wait for each other up to `knee`; more bring nothing."""
    return lambda limit: min(limit, knee) * MB


def test_doubled_while_it_pays_then_what_the_gain_says_then_a_quarter_up_or_down() -> None:
    """A line that 40 transfers fill."""
    assert walk(Pace(), up_to(40), 120) == [
        (0.0, 8),
        (1.875, 16),
        (4.875, 32),
        (9.875, 64),
        (15.875, 44),  # 32 x the gain of 1.25, and a tenth
        (25.875, 55),
        (34.875, 44),
        (44.875, 33),
        (53.0, 44),
        (68.0, 55),
        (77.0, 44),
        (102.0, 33),  # each fruitless pair of trials rests for longer
        (110.125, 44),
    ]


def test_where_the_start_is_the_best_it_looks_up_and_down_ever_more_rarely() -> None:
    assert walk(Pace(), up_to(8), 400) == [
        (0.0, 8),
        (1.875, 16),  # twice
        (4.875, 8),
        (9.875, 12),  # half as many more
        (15.375, 6),  # fewer
        (20.125, 8),
        (26.125, 10),
        (31.375, 8),
        (42.375, 6),
        (47.125, 8),
        (68.125, 10),
        (73.375, 8),
        (114.375, 6),
        (119.125, 8),
        (180.125, 10),  # a minute is the longest rest
        (185.375, 8),
        (246.375, 6),
        (251.125, 8),
        (312.125, 10),
        (317.375, 8),
        (378.375, 6),
        (383.125, 8),
    ]


def test_fewer_as_long_as_that_costs_nothing_but_four() -> None:
    assert walk(Pace(start=16), up_to(1), 120) == [
        (0.0, 16),
        (3.875, 32),
        (11.875, 16),
        (17.875, 24),
        (24.875, 12),
        (30.375, 9),
        (35.5, 6),
        (40.25, 4),
        (50.25, 8),
        (55.25, 4),
        (86.25, 8),
        (91.25, 4),
    ]


def test_below_the_start_it_doubles_again() -> None:
    assert walk(Pace(start=16), up_to(5), 120) == [
        (0.0, 16),
        (2.875, 32),
        (7.875, 16),
        (13.875, 24),
        (20.875, 12),
        (26.375, 9),
        (31.5, 6),
        (36.25, 4),
        (40.75, 6),
        (46.5, 12),
        (52.0, 6),
        (62.75, 4),
        (67.25, 6),
        (88.0, 12),
        (93.5, 6),
    ]


def test_the_systems_limit_ends_the_doubling() -> None:
    assert walk(Pace(most=20), up_to(99), 100) == [
        (0.0, 8),
        (1.875, 16),
        (4.875, 20),
        (14.875, 15),
        (20.75, 20),
        (40.75, 15),
        (46.625, 20),
    ]


def test_the_ceiling_ends_the_doubling() -> None:
    assert walk(Pace(), up_to(99), 100) == [
        (0.0, 8),
        (1.875, 16),
        (4.875, 32),
        (9.875, 64),
        (24.875, 48),
        (33.875, 64),
        (58.875, 48),
        (67.875, 64),
    ]


def test_what_doubling_brings_too_little_is_found_in_small_steps() -> None:
    """Goodput grows as the root of the limit: twice as many bring 41 %, a quarter more 12 %."""
    assert walk(Pace(), lambda limit: math.sqrt(limit) * MB, 100) == [
        (0.0, 8),
        (1.875, 16),
        (5.0, 12),
        (11.5, 15),
        (17.375, 18),
        (23.625, 22),
        (30.375, 27),
        (37.75, 33),
        (45.875, 41),
        (54.875, 51),
        (63.875, 63),
        (72.875, 64),
        (81.875, 63),
        (91.875, 47),
    ]


def test_a_server_that_is_pushed_too_far_gets_fewer() -> None:
    assert walk(Pace(), lambda limit: min(limit, 256 / limit) * MB, 120) == [
        (0.0, 8),
        (1.875, 16),
        (4.875, 32),
        (9.875, 16),
        (15.875, 24),
        (22.875, 12),
        (28.375, 16),
        (35.375, 20),
        (41.875, 16),
        (53.875, 12),
        (59.375, 16),
        (81.375, 20),
        (87.875, 16),
    ]


def test_bytes_tell_before_a_large_file_is_through() -> None:
    """After a change five seconds pass, then each window needs 4 MiB a second."""
    assert walk(Pace(), up_to(99), 60, finishes=lambda _: False) == [
        (0.0, 8),
        (6.0, 16),
        (12.0, 32),
        (18.0, 64),
        (33.0, 48),
        (42.0, 64),
    ]


def test_a_trickle_is_judged_after_ten_seconds() -> None:
    assert walk(Pace(), lambda limit: limit * 1000, 120, finishes=lambda _: False) == [
        (0.0, 8),
        (15.0, 16),
        (30.0, 32),
        (45.0, 64),
        (75.0, 48),
        (90.0, 64),
    ]


def test_a_line_that_starts_cold_is_given_its_first_time_after_each_change() -> None:
    assert walk(Pace(start=4), up_to(99), 60, finishes=lambda now: now >= 3) == [
        (0.0, 4),
        (4.375, 8),
        (8.375, 16),
        (12.375, 32),
        (17.375, 64),
        (32.375, 48),
        (41.375, 64),
    ]


def test_no_start_is_so_cold_that_more_than_five_seconds_are_given() -> None:
    assert walk(Pace(start=4), up_to(99), 60, finishes=lambda now: now >= 9) == [
        (0.0, 4),
        (6.125, 8),
        (12.125, 16),
        (18.125, 32),
        (24.125, 64),
        (39.125, 48),
        (48.125, 64),
    ]


def test_a_file_a_second() -> None:
    """Eight files, or as many as may be in flight, make a window."""
    assert walk(Pace(), lambda limit: limit * MB / 10, 60, finishes=lambda now: now % 1 == 0) == [
        (0.0, 8),
        (10.25, 16),
        (17.875, 32),
        (24.25, 64),
        (39.25, 48),
        (48.25, 64),
    ]


@pytest.mark.parametrize(("in_use", "then"), [(0.69, 8), (0.75, 32)])
def test_a_pipe_must_be_full_seven_times_in_ten(in_use: float, then: int) -> None:
    assert walk(Pace(), up_to(99), 6, in_use=in_use) == [(0.0, 8), (1.875, 16), (4.875, then)]


@pytest.mark.parametrize(
    ("reports", "gain", "then"),
    [(64, 1.029, 8), (64, 1.031, 10), (4, 1.07, 8), (4, 1.08, 10)],
)
def test_more_must_bring_three_percent_and_more_than_chance_does(
    reports: int, gain: float, then: int
) -> None:
    """500 files tell a gain of 3 %; of 32 files chance alone makes 7 %."""
    steps = walk(Pace(), lambda limit: 1e12 * (gain if limit > 8 else 1), 3, reports=reports)
    assert [limit for _, limit in steps] == [8, 16, then]


@pytest.mark.parametrize(("gain", "then"), [(1.39, 13), (1.41, 32)])
def test_what_brings_two_fifths_of_what_it_could_is_followed_by_the_next_at_once(
    gain: float, then: int
) -> None:
    steps = walk(Pace(), lambda limit: 1e12 * (gain if limit > 8 else 1), 3, reports=64)
    assert [limit for _, limit in steps] == [8, 16, then]


@pytest.mark.parametrize(("left", "then"), [(0.989, 16), (0.991, 9)])
def test_fewer_may_cost_one_percent(left: float, then: int) -> None:
    steps = walk(Pace(start=16), lambda limit: 1e12 * (1 if limit >= 16 else left), 9, reports=64)
    assert [limit for _, limit in steps] == [16, 32, 16, 24, 12, then]


def test_trouble_halves_and_goes_on_in_small_steps_after_a_pause() -> None:
    pace = Pace(start=32)
    pace.trouble(100.0)
    assert walk(pace, up_to(20), 60, start=100.0) == [
        (100.0, 16),
        (105.875, 20),
        (112.375, 25),
        (119.5, 20),
        (127.0, 15),
        (132.875, 20),
        (145.375, 25),
        (152.5, 20),
    ]


def test_trouble_in_mid_trial_forgets_the_trial() -> None:
    pace = Pace()
    assert walk(pace, up_to(99), 5.5) == [(0.0, 8), (1.875, 16), (4.875, 32)]
    pace.trouble(5.5)
    assert walk(pace, up_to(99), 30, start=5.5) == [
        (5.5, 16),
        (11.375, 20),
        (17.875, 25),
        (25.0, 31),
        (32.875, 38),
    ]


def test_from_one_on_a_clock_that_runs_long_already() -> None:
    assert walk(Pace(start=1), up_to(20), 60, start=1000.0) == [
        (1000.0, 1),
        (1001.0, 2),
        (1002.25, 4),
        (1003.75, 8),
        (1005.75, 16),
        (1008.75, 32),
        (1013.75, 22),
        (1021.5, 27),
        (1028.875, 22),
        (1036.625, 16),
        (1042.625, 22),
        (1055.375, 27),
    ]


def test_odd_limits_are_halved_and_grow_to_whole_numbers() -> None:
    steps = walk(Pace(start=9), up_to(9), 12)
    assert [limit for _, limit in steps] == [9, 18, 9, 13]
    pace = Pace(start=9)
    pace.trouble(0.0)
    assert pace.limit == 4
    pace.trouble(5.0)
    pace.trouble(10.0)
    assert pace.limit == 1


@pytest.mark.parametrize(("asked", "most", "limit"), [(64, 10, 10), (3, 10, 3), (80, None, 80)])
def test_a_fixed_number_is_kept_but_for_the_systems_limit(
    asked: int, most: int | None, limit: int
) -> None:
    pace = Pace(asked, most=most)
    pace.trouble(0.0)
    assert walk(pace, up_to(99), 10) == [(0.0, limit)]
