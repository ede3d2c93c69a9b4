"""What the suite says: one Markdown table, the bars, and the same as JSON."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .measure import Run

MIB = 1 << 20


@dataclass(frozen=True)
class Sample:
    """One run of one tool and what the server saw of it."""

    run: Run
    requests: int
    bodies: int
    """Photos whose content travelled."""
    moved: int
    """Bytes of them."""
    trouble: str = field(default="", kw_only=True)
    """Why the figures do not count: the tool failed or moved other files than it should."""
    figures: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    """What this story alone measures, by name."""


@dataclass
class Series:
    """All runs of one tool in one story."""

    tool: str
    samples: list[Sample] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return any(sample.trouble for sample in self.samples)

    def median(self, of: Callable[[Sample], float]) -> float:
        return statistics.median(of(sample) for sample in self.samples)


@dataclass(frozen=True)
class Bar:
    """A limit that was set beforehand."""

    what: str
    value: float
    limit: float
    void: bool = False
    """What it was compared with went wrong."""
    least: bool = False
    """The value may not be below the limit; else it may not be above."""

    def met(self, story: Story) -> bool:
        kept = self.value >= self.limit if self.least else self.value <= self.limit
        return kept and not (self.void or story.void)

    def told(self, story: Story) -> str:
        void = self.void or story.void
        verdict = "VOID" if void else "met" if self.met(story) else "NOT MET"
        sign = "≥" if self.least else "≤"
        return f"{self.what} {self.value:.4g} (bar {sign} {self.limit:.4g}): {verdict}"


@dataclass
class Story:
    """One question and its answer. The first series is ours."""

    name: str
    title: str
    series: list[Series] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def void(self) -> bool:
        """A run of ours went wrong: no bar is met by that."""
        return bool(self.series) and self.series[0].failed


def ratios(ours: Series, other: Series, of: Callable[[Sample], float]) -> list[float]:
    """Pair by pair: runs that stood beside each other saw the same machine."""
    pairs = zip(ours.samples, other.samples, strict=False)
    return [of(mine) / of(theirs) for mine, theirs in pairs if of(theirs) > 0]


def wall(sample: Sample) -> float:
    return sample.run.wall


def cpu(sample: Sample) -> float:
    return sample.run.cpu


def peak(sample: Sample) -> float:
    return sample.run.peak / MIB


COLUMNS = (
    *("story", "tool", "runs", "wall s", "CPU s", "peak MiB", "requests", "MB moved"),
    *("wall ours/this", "CPU ours/this"),
)


def rows(story: Story) -> Iterable[tuple[str, ...]]:
    ours = story.series[0] if story.series else None
    for series in story.series:
        if not series.samples:
            continue
        assert ours is not None
        apart = series is not ours
        yield (
            story.name,
            series.tool,
            str(len(series.samples)),
            f"{series.median(wall):.2f}",
            f"{series.median(cpu):.2f}",
            f"{series.median(peak):.0f}",
            f"{series.median(lambda s: s.requests):.0f}",
            f"{series.median(lambda s: s.moved) / 1e6:.1f}",
            _ratio(ratios(ours, series, wall)) if apart else "",
            _ratio(ratios(ours, series, cpu)) if apart else "",
        )


def _ratio(found: Sequence[float]) -> str:
    """The median of the pairs, from the least to the most."""
    if not found:
        return ""
    middle = f"{statistics.median(found):.2f}"
    return middle if len(found) == 1 else f"{middle} ({min(found):.2f}…{max(found):.2f})"


def render(stories: Sequence[Story], missing: Sequence[str]) -> str:
    """The report for people."""
    table = [COLUMNS, *(row for story in stories for row in rows(story))]
    widths = [max(len(row[at]) for row in table) for at in range(len(COLUMNS))]
    lines = [_line(row, widths) for row in table]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    lines.append("")
    for story in stories:
        lines.append(f"- **{story.name}** {story.title}")
        lines += [f"  - {bar.told(story)}" for bar in story.bars]
        lines += [f"  - {note}" for note in story.notes]
    lines += [f"- missing: {reason}" for reason in missing]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if at < 2 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"


def as_json(stories: Sequence[Story], missing: Sequence[str], *, quick: bool) -> dict[str, Any]:
    """The report for programs: every single run."""
    return {
        "v": 1,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": machine(),
        "missing": list(missing),
        "stories": [
            {
                "name": story.name,
                "title": story.title,
                "bars": [
                    {
                        "what": b.what,
                        "value": b.value,
                        "limit": b.limit,
                        "least": b.least,
                        "told": b.told(story),
                        "met": b.met(story),
                    }
                    for b in story.bars
                ],
                "notes": story.notes,
                "tools": [_tool(story, series) for series in story.series],
            }
            for story in stories
        ],
    }


def _tool(story: Story, series: Series) -> dict[str, Any]:
    ours = story.series[0]
    return {
        "tool": series.tool,
        "runs": [
            {
                "exit_code": s.run.code,
                "wall_seconds": s.run.wall,
                "cpu_seconds": s.run.cpu,
                "peak_bytes": s.run.peak,
                "requests": s.requests,
                "bodies": s.bodies,
                "bytes_moved": s.moved,
                "trouble": s.trouble,
                "figures": dict(s.figures),
            }
            for s in series.samples
        ],
        "ours_to_this": {
            "wall": ratios(ours, series, wall),
            "cpu": ratios(ours, series, cpu),
        },
    }


def machine() -> dict[str, Any]:
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
