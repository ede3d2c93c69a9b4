"""What every story needs: its size, its folders, and the words for what went wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

from . import data
from .measure import Run
from .peers import Tool
from .table import Bar, Sample, Series, peak, ratios

MEMORY_BAR = 80
"""MiB, for any number of bytes (law 8 of the design)."""
COLD_MEMORY_BAR = 60
"""MiB, for plain cold uploads."""
MEMORY_BAR_MANY = 150
"""MiB, for 100,000 files."""


@dataclass(frozen=True)
class Setting:
    """Where the suite works, how large, and which peers stand beside us."""

    work: Path
    quick: bool
    uploaders: Sequence[Tool]
    downloaders: Sequence[Tool]

    def pick(self, full: int, quick: int) -> int:
        return quick if self.quick else full


_numbers = count(1)


@contextmanager
def fresh(setting: Setting) -> Iterator[Path]:
    """A folder for one server or one state, gone afterwards."""
    folder = setting.work / f"scratch-{next(_numbers)}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def photos(setting: Setting, make: Callable[[Path], Path], *, warm: bool = True) -> Iterator[Path]:
    """The story's files, read once, gone afterwards."""
    folder = setting.work / "photos"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        make(folder)
        if warm:
            data.warm(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def notes(*groups: Sequence[Series]) -> list[str]:
    """Everything that makes a figure not count, once each."""
    troubles = (s.trouble for group in groups for series in group for s in series.samples)
    return list(dict.fromkeys(t for t in troubles if t))


def against(
    series: Sequence[Series], tool: str, of: Callable[[Sample], float], what: str, limit: float
) -> list[Bar]:
    """The median of the ratios pair by pair; no bar when `tool` is not there."""
    return [
        Bar(f"{what}, × {tool}", median(ratios(series[0], other, of)), limit, other.failed)
        for other in series[1:]
        if other.tool == tool
    ]


def highest_peak(series: Series, limit: float) -> Bar:
    return Bar("peak MiB", max(map(peak, series.samples)), limit)


def figure(run: Run, name: str) -> float:
    """A number of the summary line; infinite when it was not told, so that no bar is met by it."""
    value = run.summary.get(name)
    return float(value) if isinstance(value, int | float) else float("inf")
