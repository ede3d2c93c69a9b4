"""The README's table: the results, written between two marks in it.

`python -m benchmarks --readme` measures nothing; it takes what the last runs left.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
HEAD = "| story | tool | wall s | CPU s | peak MiB | requests | wall ours/its | CPU ours/its |"
MIB = 1 << 20
PLOTS = "docs/plots"
SHOWN = ("many", "mirror", "long-line")
"""Their pictures are in the README itself; the others are linked."""


def rewrite(readme: Path, results: Mapping[str, Any], plots: Path) -> None:
    """Replace what stands between the marks; raises ValueError when they are not there."""
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} has no {BEGIN} … {END}")
    block = "\n".join(lines(results, plots))
    readme.write_text(f"{before}{BEGIN}\n{block}\n{END}{after}", encoding="utf-8")


def lines(results: Mapping[str, Any], plots: Path) -> Iterator[str]:
    here = results["machine"]
    quick = ", small data (`bench-quick`)" if results["quick"] else ""
    yield (
        f"Measured {results['date'][:10]} on {here['cores']} cores ({here['cpu']}), "
        f"Python {here['python']}{quick}; medians of whole processes, the tools in turn; "
        "the ratio is the median of the pairs (least … most)."
    )
    for reason in results["missing"]:
        yield f"Missing: {reason}."
    yield ""
    yield HEAD
    yield "|" + "---|" * (HEAD.count("|") - 1)
    for story in results["stories"]:
        yield from _rows(story)
    yield ""
    yield "| story | bar | |"
    yield "|---|---|---|"
    for story in results["stories"]:
        for bar in story["bars"]:
            what, _, verdict = bar["told"].rpartition(": ")
            yield f"| {story['name']} | {what} | {verdict} |"
    drawn = {
        name: story["title"]
        for story in results["stories"]
        if (plots / f"{(name := story['name'].replace(' ', ''))}.svg").exists()
    }
    for name in SHOWN:
        if name in drawn:
            yield ""
            yield f"![{drawn[name]}]({PLOTS}/{name}.png)"
    others = [f"[{name}]({PLOTS}/{name}.svg)" for name in drawn if name not in SHOWN]
    if others:
        yield ""
        yield f"More plots: {' · '.join(others)}"


def _rows(story: Mapping[str, Any]) -> Iterator[str]:
    for at, tool in enumerate(story["tools"]):
        runs = tool["runs"]
        if not runs or story["name"] == "line-check":
            continue
        failed = " (went wrong)" if any(run["trouble"] for run in runs) else ""
        cells = [
            story["title"] if at == 0 else "",
            tool["tool"] + failed,
            f"{_median(runs, 'wall_seconds'):.2f}",
            f"{_median(runs, 'cpu_seconds'):.2f}",
            f"{_median(runs, 'peak_bytes') / MIB:.0f}",
            f"{_median(runs, 'requests'):.0f}",
            "" if at == 0 else _ratio(tool["ours_to_this"]["wall"]),
            "" if at == 0 else _ratio(tool["ours_to_this"]["cpu"]),
        ]
        yield "| " + " | ".join(cells) + " |"


def _median(runs: list[Mapping[str, Any]], key: str) -> float:
    return float(statistics.median(run[key] for run in runs))


def _ratio(ratios: list[float]) -> str:
    if not ratios:
        return ""
    middle = f"{statistics.median(ratios):.2f}"
    return middle if len(ratios) == 1 else f"{middle} ({min(ratios):.2f}…{max(ratios):.2f})"
