"""The stories of uploads; each cold run has a fresh server, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from . import data
from .measure import complaint, measure
from .peers import CLI, FLOOR, IMMICH_GO, LIMIT, OURS, Job, Tool, command, floor, limit, ours
from .server import Server
from .stage import (
    COLD_MEMORY_BAR,
    MEMORY_BAR,
    Setting,
    against,
    figure,
    fresh,
    highest_peak,
    notes,
    photos,
)
from .table import MIB, Bar, Sample, Series, Story, cpu, wall


def sample(tool: Tool, job: Job, bodies: int | None = None) -> Sample:
    """Run once; `bodies` is how many uploads with content an honest run makes."""
    before = job.server.stats()
    run = measure(tool.command(job), tool.environment(job), job.state / "run")
    seen = job.server.stats() - before
    trouble = ""
    if run.code:
        trouble = f"{tool.name}: exit {run.code}: {complaint(job.state / 'run')}"
    elif bodies is not None and seen.bodies != bodies:
        trouble = f"{tool.name}: {seen.bodies} files sent, {bodies} expected"
    return Sample(run, seen.requests, seen.bodies, seen.received, trouble=trouble)


def side_by_side(
    setting: Setting, tools: Sequence[Tool], folder: Path, files: int, rounds: int
) -> tuple[list[Series], list[Series]]:
    """Cold runs, and each followed by the same again with nothing new."""
    cold = [Series(tool.name) for tool in tools]
    again = [Series(tool.name) for tool in tools]
    for _ in range(rounds):
        for at, tool in enumerate(tools):
            with fresh(setting) as scratch, Server(scratch / "server") as server:
                job = Job(server, folder, scratch / "state")
                cold[at].samples.append(sample(tool, job, files))
                if tool.name != LIMIT:  # it asks nothing, so it would send all again
                    again[at].samples.append(sample(tool, job, 0))
    return cold, [series for series in again if series.samples]


def _cli(setting: Setting) -> str:
    return next((tool.name for tool in setting.uploaders if tool.name.startswith(CLI)), CLI)


def many_cold(setting: Setting) -> Iterator[Story]:
    files = setting.pick(2000, 300)
    tools = [ours(), floor(), limit(), *setting.uploaders]
    with photos(setting, lambda f: data.many(f, files, 50 * data.KB)) as folder:
        cold, again = side_by_side(setting, tools, folder, files, setting.pick(5, 2))
    bars = [
        *against(cold, _cli(setting), wall, "wall", 0.45),
        *against(cold, _cli(setting), cpu, "CPU", 0.35),
        *against(cold, FLOOR, cpu, "CPU", 1.15),
        highest_peak(cold[0], COLD_MEMORY_BAR),
    ]
    yield Story("many", f"{files} × 50 KB, cold", cold, bars, notes(cold))
    yield Story("many-again", f"{files} × 50 KB, nothing new", again, [], notes(again))


def nested_cold(setting: Setting) -> Iterator[Story]:
    files = setting.pick(2000, 300)
    tools = [ours(), floor(), *setting.uploaders]
    with photos(setting, lambda f: data.nested(f, files, 50 * data.KB)) as folder:
        cold, _ = side_by_side(setting, tools, folder, files, setting.pick(3, 1))
    bars = [
        *against(cold, _cli(setting), wall, "wall", 0.45),
        highest_peak(cold[0], COLD_MEMORY_BAR),
    ]
    yield Story("nested", f"{files} × 50 KB in a deep tree, cold", cold, bars, notes(cold))


def large_cold(setting: Setting) -> Iterator[Story]:
    size = setting.pick(300, 60)
    tools = [ours(), floor(), limit(), *setting.uploaders]
    with photos(setting, lambda f: data.large(f, 3, size * MIB)) as folder:
        cold, again = side_by_side(setting, tools, folder, 3, setting.pick(3, 2))
    bars = [
        *against(cold, IMMICH_GO, wall, "wall", 0.9),
        *against(cold, IMMICH_GO, cpu, "CPU", 0.65),
        highest_peak(cold[0], COLD_MEMORY_BAR),
    ]
    if all(tool.name != IMMICH_GO for tool in setting.uploaders):
        bars += against(cold, FLOOR, cpu, "CPU", 0.6)
    yield Story("large", f"3 × {size} MiB, cold", cold, bars, notes(cold))
    yield Story("large-again", f"3 × {size} MiB, nothing new", again, [], notes(again))


def mixed_twice(setting: Setting) -> Iterator[Story]:
    files = setting.pick(300, 100)
    tool = ours()
    first, second = Series(tool.name), Series(tool.name)
    most = setting.pick(2_000_000_000, 20_000_000)
    with photos(setting, lambda f: data.mixed(f, files, most)) as folder:
        for _ in range(setting.pick(2, 1)):
            with fresh(setting) as scratch, Server(scratch / "server") as server:
                job = Job(server, folder, scratch / "state")
                first.samples.append(sample(tool, job, data.distinct(files)))
                second.samples.append(sample(tool, job, 0))
    yield Story("mixed", f"{files} mixed files, cold", [first], [], notes([first]))
    yield Story(
        "mixed-again",
        f"{files} mixed files, the second time",
        [second],
        [
            Bar("requests", max(s.requests for s in second.samples), 6),
            Bar("bytes hashed", figure(second.samples[-1].run, "bytes_hashed"), 0),
        ],
        notes([second]),
    )


def few_new(setting: Setting) -> Iterator[Story]:
    assets = setting.pick(100_000, 20_000)
    tool = ours()
    series = Series(tool.name)
    with photos(setting, lambda f: data.many(f, 12, 50 * data.KB)) as folder:
        for _ in range(setting.pick(3, 1)):
            with fresh(setting) as scratch, Server(scratch / "server") as server:
                server.seed(assets)
                series.samples.append(sample(tool, Job(server, folder, scratch / "state"), 12))
    yield Story(
        "new-12",
        f"12 new files, server with {assets} assets",
        [series],
        [Bar("requests", max(s.requests for s in series.samples), 12 + 8)],
        notes([series]),
    )


def paced(setting: Setting) -> Iterator[Story]:
    size = setting.pick(300, 40)
    tool = ours("--bwlimit", "60M")
    series = Series(tool.name)
    with photos(setting, lambda f: data.large(f, 3, size * 1_000_000)) as folder:
        for _ in range(setting.pick(2, 1)):
            with fresh(setting) as scratch, Server(scratch / "server") as server:
                series.samples.append(sample(tool, Job(server, folder, scratch / "state"), 3))
    yield Story(
        "paced",
        f"{3 * size} MB at 60 MB/s",
        [series],
        [highest_peak(series, MEMORY_BAR)],
        notes([series]),
    )


def start_up(setting: Setting) -> Iterator[Story]:
    rounds = setting.pick(11, 3)
    for argument, most in (("--help", 0.120), ("--version", 0.120)):
        series = Series(f"{OURS} {argument}")
        for _ in range(rounds):
            with fresh(setting) as scratch:
                run = measure([*command(), argument], {}, scratch)
                said = f"{argument}: exit {run.code}" if run.code else ""
                series.samples.append(Sample(run, 0, 0, 0, trouble=said))
        yield Story(
            f"start {argument}",
            "start-up",
            [series],
            [Bar("wall s", series.median(wall), most)],
            notes([series]),
        )
    tool = ours()
    series = Series(tool.name)
    with fresh(setting) as scratch, Server(scratch / "server") as server:
        empty = scratch / "empty"
        empty.mkdir()
        for number in range(rounds):
            series.samples.append(sample(tool, Job(server, empty, scratch / f"state-{number}"), 0))
    yield Story(
        "start upload",
        "upload of an empty folder, no manifest yet",
        [series],
        [Bar("wall s", series.median(wall), 0.450)],
        notes([series]),
    )
