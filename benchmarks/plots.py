"""A picture for every story, from the results: PNG and SVG (needs matplotlib: the extra `bench`).

    python -m benchmarks.plots [RESULTS] [FOLDER]

A process of its own, after the measuring: Linux counts the memory of the one that starts a tool to
the tool (see measure.py), so the harness may not load a plotting library.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

RESULTS = Path(".bench/results.json")
PLOTS = Path("docs/plots")
PANELS = (("wall_seconds", "wall, s"), ("cpu_seconds", "CPU, s"), ("peak_bytes", "peak, MiB"))
OURS, OTHERS = "#1f6f5c", "#b8bec7"
MIB = 1 << 20
DPI = 110


def main() -> int:
    results = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else PLOTS
    folder.mkdir(parents=True, exist_ok=True)
    # Words stay words in an SVG, and the same results give the same bytes.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "immich-transfer"})
    told = json.loads(results.read_text())
    drawn = [story["name"] for story in told["stories"] if draw(story, folder)]
    print(f"{len(drawn)} plots in {folder}: {', '.join(drawn)}")
    return 0


def draw(story: dict[str, Any], folder: Path) -> bool:
    """Bars of the medians, and a whisker from the least to the most; False with nothing to show."""
    tools = [tool for tool in story["tools"] if tool["runs"]]
    if not tools or story["name"] == "line-check":
        return False
    figure, axes = plt.subplots(
        1, len(PANELS), figsize=(10, 0.9 + 0.34 * len(tools)), sharey=True, layout="constrained"
    )
    places = range(len(tools), 0, -1)
    for axis, (key, title) in zip(axes, PANELS, strict=True):
        scale = MIB if key == "peak_bytes" else 1
        values = [[run[key] / scale for run in tool["runs"]] for tool in tools]
        middles = [statistics.median(one) for one in values]
        spread = [
            [middle - min(one) for middle, one in zip(middles, values, strict=True)],
            [max(one) - middle for middle, one in zip(middles, values, strict=True)],
        ]
        colours = [OURS if _is_ours(tool["tool"]) else OTHERS for tool in tools]
        axis.barh(places, middles, xerr=spread, color=colours, ecolor="#444", capsize=2)
        for place, middle, one in zip(places, middles, values, strict=True):
            axis.annotate(f"  {middle:.3g}", (max(one), place), va="center", fontsize=8)
        axis.set_xlim(0, max(map(max, values)) * 1.2 or 1)
        axis.set_title(title, fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(list(places), [tool["tool"] for tool in tools])
    figure.suptitle(f"{story['name']}: {story['title']}", fontsize=10)
    for kind in ("png", "svg"):
        made: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(folder / f"{story['name'].replace(' ', '')}.{kind}", dpi=DPI, metadata=made)
    plt.close(figure)
    return True


def _is_ours(tool: str) -> bool:
    return tool.startswith("immich-transfer") and "--transfers" not in tool


if __name__ == "__main__":
    sys.exit(main())
