"""The stories of downloads: one server for all runs, and for each cold run an empty folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

from . import data
from .download_peers import ALBUM, CURL, copying, floor, listing_floor, mirror, ours
from .library import Library, library
from .measure import complaint, measure
from .peers import FLOOR, OURS, Job, Tool
from .server import Server
from .stage import (
    MEMORY_BAR,
    MEMORY_BAR_MANY,
    Setting,
    against,
    figure,
    fresh,
    highest_peak,
    notes,
)
from .table import MIB, Bar, Sample, Series, Story, cpu, peak, wall

THROUGHPUT_BAR = 0.8
"""Of curl's: as a ratio of times, 1 / 0.8."""
AGAIN_SECONDS = 3


def fetch(tool: Tool, job: Job, expected: data.Contents | None = None) -> Sample:
    """Run once; afterwards the folder holds what is `expected`, exactly."""
    job.folder.mkdir(parents=True, exist_ok=True)
    arguments = tool.command(job)
    before, there = job.server.stats(), data.size_of(job.folder)
    os.sync()
    run = measure(arguments, tool.environment(job), job.state / "run")
    seen = job.server.stats() - before
    trouble = ""
    if run.code:
        trouble = f"{tool.name}: exit {run.code}: {complaint(job.state / 'run')}"
    elif expected is not None and (found := data.contents(job.folder)) != expected:
        trouble = f"{tool.name}: {found} came, not {expected}"
    return Sample(
        run, seen.requests, seen.originals, data.size_of(job.folder) - there, trouble=trouble
    )


def side_by_side(
    setting: Setting, tools: Sequence[Tool], held: Library, rounds: int
) -> tuple[list[Series], Series]:
    """Cold runs of all; those of the first tool are followed by the same again."""
    cold, again = [Series(tool.name) for tool in tools], Series(tools[0].name)
    for _ in range(rounds):
        for series, tool in zip(cold, tools, strict=True):
            with fresh(setting) as scratch:
                job = Job(held.server, scratch / "out", scratch / "state", held.album)
                series.samples.append(fetch(tool, job, held.contents))
                if tool is tools[0]:
                    again.samples.append(fetch(tool, job, held.contents))
    return cold, again


def nothing_received(series: Series) -> list[Bar]:
    """By what the server was asked for, and by what our summary says."""
    told = [figure(sample.run, "bytes_received") for sample in series.samples]
    return [
        Bar("photos asked for", max(sample.bodies for sample in series.samples), 0),
        Bar("bytes received", max(told), 0),
    ]


def mirrored(setting: Setting) -> Iterator[Story]:
    files = setting.pick(2000, 300)
    with library(setting, lambda f: data.many(f, files, 100 * data.KB), album=ALBUM) as held:
        tools = [mirror(), *setting.downloaders, floor(), copying()]
        cold, again = side_by_side(setting, tools, held, setting.pick(5, 2))
    bars = [
        *against(cold, CURL, wall, "wall", 1 / THROUGHPUT_BAR),
        *against(cold, FLOOR, cpu, "CPU", 1.5),
        highest_peak(cold[0], MEMORY_BAR),
    ]
    yield Story("mirror", f"mirror of {files} × 100 KB, cold", cold, bars, notes(cold))
    yield Story(
        "mirror-again",
        f"mirror of {files} × 100 KB, nothing new",
        [again],
        nothing_received(again),
        notes([again]),
    )


def album_large(setting: Setting) -> Iterator[Story]:
    size = setting.pick(300, 60)
    tools = [ours(), *setting.downloaders, floor(), copying()]
    with library(setting, lambda f: data.large(f, 3, size * MIB), album=ALBUM) as held:
        cold, again = side_by_side(setting, tools, held, setting.pick(3, 2))
    bars = [
        *against(cold, CURL, wall, "wall", 1 / THROUGHPUT_BAR),
        highest_peak(cold[0], MEMORY_BAR),
    ]
    yield Story("album-large", f"album of 3 × {size} MiB, cold", cold, bars, notes(cold))
    yield Story(
        "album-large-again",
        f"album of 3 × {size} MiB, nothing new",
        [again],
        nothing_received(again),
        notes([again]),
    )


def library_again(setting: Setting) -> Iterator[Story]:
    """The first download is a real one, so that manifest and disk agree honestly."""
    files = setting.pick(20_000, 2000)
    tool, lister = ours(), listing_floor()
    mine, listings = Series(tool.name), Series(lister.name)
    with library(setting, lambda f: data.many(f, files, 200)) as held, fresh(setting) as scratch:
        job = Job(held.server, scratch / "out", scratch / "state")
        first = fetch(tool, job, held.contents)
        for _ in range(setting.pick(3, 2)):
            mine.samples.append(fetch(tool, job, held.contents))
            listings.samples.append(fetch(lister, job))
    yield Story(
        "library-again",
        f"library of {files} files, nothing new",
        [mine, listings],
        [
            *nothing_received(mine),
            Bar(
                "wall s beyond the floor's listing",
                median(a.run.wall - b.run.wall for a, b in pairs(mine, listings)),
                AGAIN_SECONDS,
                listings.failed,
            ),
        ],
        [
            f"the first download of them took {first.run.wall:.1f} s, {first.run.cpu:.1f} CPU s, "
            f"{peak(first):.0f} MiB",
            *notes([mine, listings], [Series("first", [first])]),
        ],
    )


def pairs(first: Series, second: Series) -> Iterator[tuple[Sample, Sample]]:
    return zip(first.samples, second.samples, strict=True)


def listing(setting: Setting) -> Iterator[Story]:
    """Nothing is downloaded: the server has rows and no files."""
    assets = setting.pick(100_000, 20_000)
    tool, lister = ours("--dry-run"), listing_floor()
    mine, listings = Series(tool.name), Series(lister.name)
    with fresh(setting) as server_folder, Server(server_folder / "server") as server:
        server.seed(assets)
        for _ in range(setting.pick(3, 1)):
            with fresh(setting) as scratch:
                job = Job(server, scratch / "out", scratch / "state")
                mine.samples.append(complete(fetch(tool, job, data.NOTHING), assets))
                listings.samples.append(fetch(lister, job))
    found = min(figure(sample.run, "assets") for sample in listings.samples)
    yield Story(
        "listing-100k",
        f"dry run of a library of {assets} assets",
        [mine, listings],
        [highest_peak(mine, MEMORY_BAR_MANY)],
        [
            f"the floor's pages show {found:.0f} of them, for many have one date",
            *notes([mine, listings]),
        ],
    )


def complete(sample: Sample, assets: int) -> Sample:
    """A listing that misses some is not a listing."""
    found = figure(sample.run, "discovered")
    if sample.trouble or found == assets:
        return sample
    return replace(sample, trouble=f"{OURS}: {found:.0f} discovered, not {assets}")
