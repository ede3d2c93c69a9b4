"""The stories of distance: long lines against fixed numbers of transfers, and a slow server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from . import data
from .line import LongLine
from .line_check import check
from .measure import Run
from .peers import OURS, Job, Tool, fixed, floor, ours
from .server import Server
from .stage import Setting, fresh, notes, photos
from .table import Bar, Sample, Series, Story, wall
from .upload_stories import sample

RTTS = (0.020, 0.100, 0.300)
MBITS = (20, 100, 1000)
FIXED = (1, 2, 4, 8, 16, 32)
TOLD_SERVER = (1, 2, 4, 8, 16, 32, 64)
LONGEST = 40.0
"""Seconds that a fixed number would take by its round trips alone: beyond, it is left out."""
SLOW = "70"
NOTHING = Run(0, 0.0, 0.0, 0, {})


def bytes_a_second(mbit: float) -> float:
    return mbit * 1e6 / 8


def line_check(setting: Setting) -> Iterator[Story]:
    """Before anything is measured through the relay: is it the line it says it is?"""
    wanted = [(r, m) for r in RTTS for m in MBITS] if not setting.quick else [(0.1, 100)]
    series = Series("relay")
    worst: dict[str, float] = {"RTT": 0.0, "rate": 0.0}
    for rtt, mbit in wanted:
        rate = bytes_a_second(mbit)
        found = check(rtt, rate, 2.0 if setting.quick else 3.0)
        errors = {
            "RTT": abs(found.rtt / rtt - 1),
            "rate": max(abs(found.up / rate - 1), abs(found.down / rate - 1)),
        }
        worst = {name: max(worst[name], error) for name, error in errors.items()}
        figures = {"asked rtt": rtt, "asked mbit": mbit, **vars(found)}
        series.samples.append(Sample(replace(NOTHING, wall=found.rtt), 0, 0, 0, figures=figures))
    yield Story(
        "line-check",
        "the relay, measured through itself",
        [series],
        [Bar(f"error of {name}", error, 0.05) for name, error in worst.items()],
        [
            f"{f['asked rtt'] * 1e3:.0f} ms, {f['asked mbit']:.0f} Mbit/s: found "
            f"{f['rtt'] * 1e3:.1f} ms, {f['up'] * 8e-6:.1f} up, {f['down'] * 8e-6:.1f} Mbit/s down"
            for f in (s.figures for s in series.samples)
        ],
    )


def through(
    setting: Setting,
    tools: Sequence[Tool],
    files: int,
    size: int,
    line: dict[str, Any],
    rounds: int,
) -> list[Series]:
    """Cold runs through a line; of a second round only the first tool, ours, has a part."""
    series = [Series(tool.name) for tool in tools]
    with photos(setting, lambda f: data.many(f, files, size)) as folder:
        for number in range(rounds):
            for at, tool in enumerate(tools[: 1 if number else None]):
                with (
                    fresh(setting) as scratch,
                    Server(scratch / "server") as server,
                    LongLine(server.url, **line) as far,
                ):
                    job = Job(server, folder, scratch / "state", via=far.url)
                    found = sample(tool, job, None if line.get("reset_every") else files)
                    share = files * size / line["rate"] / found.run.wall
                    peak = server.control("stats")["peak_in_flight"]
                    figures = {"share of the line": share, "peak in flight": peak}
                    series[at].samples.append(replace(found, figures=figures))
    return series


def best_of(series: Sequence[Series]) -> Series:
    """The fixed number that was quickest."""
    return min((s for s in series if "--transfers" in s.tool), key=lambda s: s.median(wall))


def against_best(series: Sequence[Series], least: float) -> Bar:
    best = best_of(series)
    share = best.median(wall) / series[0].median(wall)
    name = best.tool.removeprefix(f"{OURS} ")
    return Bar(f"of the best fixed ({name})", share, least, best.failed, least=True)


def share_of(series: Series) -> float:
    return median(sample.figures["share of the line"] for sample in series.samples)


def long_line(setting: Setting) -> Iterator[Story]:
    """The bar: 100 ms, 100 Mbit/s, 500 files of 1 MB."""
    files = setting.pick(500, 30)
    told = [fixed(n) for n in (FIXED if not setting.quick else (8,))]
    tools = [ours(), *told, *(() if setting.quick else setting.uploaders), floor()]
    line = {"rtt": 0.1, "rate": bytes_a_second(100)}
    series = through(setting, tools, files, 1_000_000, line, setting.pick(2, 1))
    yield Story(
        "long-line",
        f"100 ms, 100 Mbit/s: {files} × 1 MB, cold",
        series,
        [
            Bar("share of the line", share_of(series[0]), 0.9, least=True),
            against_best(series, 0.95),
        ],
        [
            *(f"{s.tool}: {share_of(s):.3f} of the line" for s in series),
            *notes(series),
        ],
    )


def lines(setting: Setting) -> Iterator[Story]:
    """Every other line, with less data: how far ours is from the best fixed number."""
    wanted = [(r, m) for r in RTTS for m in MBITS if (r, m) != (0.1, 100)]
    for rtt, mbit in wanted if not setting.quick else [(0.02, 100)]:
        files = {20: 24, 100: 120, 1000: 600}[mbit]
        files = setting.pick(files, 40)
        told = [n for n in FIXED if files * rtt / n < LONGEST] if not setting.quick else [8]
        tools = [ours(), *map(fixed, told)]
        line = {"rtt": rtt, "rate": bytes_a_second(mbit)}
        series = through(setting, tools, files, 500_000, line, 1)
        left = [str(n) for n in FIXED if n not in told and not setting.quick]
        yield Story(
            f"line-{rtt * 1e3:.0f}ms-{mbit}",
            f"{rtt * 1e3:.0f} ms, {mbit} Mbit/s: {files} × 500 KB, cold",
            series,
            [against_best(series, 0.95)],
            [
                *(f"{s.tool}: {share_of(s):.3f} of the line" for s in series),
                *([f"left out, for they would take minutes: {', '.join(left)}"] if left else ()),
                *notes(series),
            ],
        )


def rough_line(setting: Setting) -> Iterator[Story]:
    """Stalls of a second and connections that are cut: everything still arrives, once."""
    files = setting.pick(200, 30)
    rough = {"stall_every": 4.0, "stall_for": 1.0, "reset_every": 3.0}
    line = {"rtt": 0.1, "rate": bytes_a_second(100), **rough}
    series = through(setting, [ours()], files, 1_000_000, line, 1)
    run = series[0].samples[0].run
    arrived = run.summary.get("outcomes", {}).get("uploaded", 0)
    yield Story(
        "rough-line",
        f"100 ms, 100 Mbit/s with a stall of 1 s every 4 s and a cut every 3 s: {files} × 1 MB",
        series,
        [Bar("files that did not arrive", files - arrived, 0)],
        [
            f"{share_of(series[0]):.3f} of the line, which stands still a fifth of the time; "
            f"{run.summary.get('retries', 0)} attempts again",
            *notes(series),
        ],
    )


def slow_server(setting: Setting) -> Iterator[Story]:
    """A server whose jobs run: 70 files a second at most, and fewer when it is pushed."""
    files = setting.pick(1500, 250)
    told = TOLD_SERVER if not setting.quick else (8,)
    tools = [ours(), *map(fixed, told)]
    series = [Series(tool.name) for tool in tools]
    with photos(setting, lambda f: data.many(f, files, 100 * data.KB)) as folder:
        for at, tool in enumerate(tools):
            with (
                fresh(setting) as scratch,
                Server(scratch / "server", extra=("--slow", SLOW)) as server,
            ):
                found = sample(tool, Job(server, folder, scratch / "state"), files)
                seen = server.control("stats")
                figures = {
                    "files a second": seen.get("uploads_per_second", 0.0),
                    "p95 seconds": seen.get("upload_seconds_p95", 0.0),
                    "peak in flight": seen["peak_in_flight"],
                }
                series[at].samples.append(replace(found, figures=figures))
    of = {s.tool: s.samples[0].figures for s in series}
    mine, best = of[OURS], max(list(of.values())[1:], key=lambda f: f["files a second"])
    yield Story(
        "slow-server",
        f"a server that takes {SLOW} files a second and fewer when pushed: {files} × 100 KB, cold",
        series,
        [
            Bar(
                "of the best rate",
                mine["files a second"] / best["files a second"],
                0.95,
                least=True,
            ),
            Bar(
                "p95 latency, × that at the best rate", mine["p95 seconds"] / best["p95 seconds"], 2
            ),
            Bar("in flight at most", mine["peak in flight"], 16),
        ],
        [
            *(
                f"{tool}: {f['files a second']:.1f} files/s, p95 {f['p95 seconds'] * 1e3:.0f} ms, "
                f"at most {f['peak in flight']:.0f} in flight"
                for tool, f in of.items()
            ),
            *notes(series),
        ],
    )
