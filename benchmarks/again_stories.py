"""The stories of what was there before: nothing new, a few new, moved, or cut off half-way."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from . import data
from .measure import environment_of, files_opened, measure
from .peers import OURS, Job, Tool, floor, ours
from .server import Server
from .stage import Setting, figure, fresh, highest_peak, notes, photos
from .table import Bar, Sample, Series, Story, peak, ratios, wall
from .upload_stories import sample

MILLION_BAR = 12
"""Times the wall of a tenth of it."""
SHA1SUM = "sha1sum"


def unchanged(setting: Setting) -> Iterator[Story]:
    """The first upload is a real one, so that manifest and server agree honestly."""
    yield from _few_thousand(setting, "unchanged-2k", setting.pick(2000, 500), None)
    yield from _few_thousand(setting, "unchanged-10k", setting.pick(10_000, 2000), 1.2)
    yield from _many_thousand(setting)


def _few_thousand(setting: Setting, name: str, files: int, limit: float | None) -> Iterator[Story]:
    """Flat, with the other tools beside ours."""
    tools = [ours(), floor(), *setting.uploaders]
    series = [Series(tool.name) for tool in tools]
    with (
        photos(setting, lambda f: data.many(f, files, 200, per_folder=files)) as folder,
        fresh(setting) as scratch,
        Server(scratch / "server") as server,
    ):
        first = sample(tools[0], Job(server, folder, scratch / OURS), files)
        for _ in range(setting.pick(5, 2)):
            for at, tool in enumerate(tools):
                state = scratch / (OURS if at == 0 else f"state-{at}")
                series[at].samples.append(sample(tool, Job(server, folder, state), 0))
    bars = [Bar("bytes hashed", figure(series[0].samples[-1].run, "bytes_hashed"), 0)]
    if limit is not None:
        bars.append(Bar("wall s", series[0].median(wall), limit))
    first_run = Series("first", [first])
    yield Story(name, f"{files} flat files, nothing new", series, bars, notes(series, [first_run]))


def _many_thousand(setting: Setting) -> Iterator[Story]:
    files = setting.pick(100_000, 4000)
    tool = ours()
    series, few = Series(tool.name), Series(tool.name)
    with (
        photos(setting, lambda f: data.many(f, files, 200)) as folder,
        fresh(setting) as scratch,
        Server(scratch / "server") as server,
    ):
        job = Job(server, folder, scratch / "state")
        first = sample(tool, job, files)
        for _ in range(setting.pick(5, 2)):
            series.samples.append(sample(tool, job, 0))
        opened = files_opened(tool.command(job), tool.environment(job), scratch / "traced", folder)
        for number in range(setting.pick(3, 1)):
            data.many(folder / f"new-{number}", 12, 50 * data.KB, seed=f"new {number}")
            few.samples.append(sample(tool, job, 12))
    hashed = figure(series.samples[-1].run, "bytes_hashed")
    yield Story(
        "unchanged",
        f"{files} files, nothing new",
        [series],
        [
            Bar("wall s", series.median(wall), 2.5),
            highest_peak(series, 120),
            Bar("bytes hashed", hashed, 0),
            *([] if opened is None else [Bar("files opened (strace)", opened, 0)]),
        ],
        [_of_first(first), *notes([series], [Series("first", [first])])],
    )
    yield Story(
        "new-among",
        f"12 new among {files} files",
        [few],
        [Bar("requests", max(s.requests for s in few.samples), 12 + 8 + files // 5000 + 1)],
        notes([few]),
    )


def _of_first(first: Sample) -> str:
    return (
        f"the first upload of them took {first.run.wall:.1f} s, {first.run.cpu:.1f} CPU s, "
        f"{peak(first):.0f} MiB"
    )


def million(setting: Setting) -> Iterator[Story]:
    """Ten times the files: hard links to a hundredth of them, so that a first upload is bearable.

    What is looked at, looked up and asked is the same as for files of their own.
    """
    files, links = setting.pick(1_000_000, 20_000), 100
    tool = ours()
    tenth, whole = Series(f"{tool.name}, a tenth"), Series(tool.name)
    firsts: list[Sample] = []
    for series, count in ((tenth, files // 10), (whole, files)):
        with (
            photos(setting, partial(data.linked, count=count, links=links), warm=False) as folder,
            fresh(setting) as scratch,
            Server(scratch / "server") as server,
        ):
            job = Job(server, folder, scratch / "state")
            firsts.append(sample(tool, job, count // links))
            for _ in range(setting.pick(2, 1)):
                series.samples.append(sample(tool, job, 0))
    times = whole.median(wall) / tenth.median(wall)
    yield Story(
        "million",
        f"{files} files, nothing new",
        [whole, tenth],
        [
            Bar("wall, × a tenth of the files", times, MILLION_BAR),
            highest_peak(whole, 200),
        ],
        [
            f"hard links, {links} to each content",
            _of_first(firsts[-1]),
            *notes([whole, tenth], [Series("first", firsts)]),
        ],
    )


def moved(setting: Setting) -> Iterator[Story]:
    """All paths change, no file does: against reading and hashing everything."""
    files = setting.pick(10_000, 1000)
    tool = ours()
    mine, hashing = Series(tool.name), Series(SHA1SUM)
    with (
        photos(setting, lambda f: data.many(f / "place-0", files, 200 * data.KB).parent) as folder,
        fresh(setting) as scratch,
        Server(scratch / "server") as server,
    ):
        job = Job(server, folder, scratch / "state")
        first = sample(tool, job, files)
        for number in range(setting.pick(5, 2)):
            # A new name each time: where a photo was before, the manifest still knows it.
            (folder / f"place-{number}").rename(folder / f"place-{number + 1}")
            mine.samples.append(sample(tool, job, 0))
            run = measure(_sha1sum(folder), {}, scratch / "sha1sum")
            hashing.samples.append(Sample(run, 0, 0, 0))
    yield Story(
        "moved",
        f"{files} × 200 KB in a folder that was renamed",
        [mine, hashing],
        [
            Bar("wall, × hashing it all", median(ratios(mine, hashing, wall)), 0.2),
            Bar("bytes hashed", figure(mine.samples[-1].run, "bytes_hashed"), 0),
        ],
        notes([mine], [Series("first", [first])]),
    )


def _sha1sum(folder: Path) -> list[str]:
    return ["sh", "-c", f"find '{folder}' -type f -print0 | xargs -0 sha1sum"]


def resumed(setting: Setting) -> Iterator[Story]:
    """Killed (SIGKILL) when half of the files were at the server, then run again."""
    files = setting.pick(2000, 300)
    tool = ours()
    whole, rest = Series(f"{tool.name}, uncut"), Series(tool.name)
    twice = 0
    with photos(setting, lambda f: data.many(f, files, 50 * data.KB)) as folder:
        for _ in range(setting.pick(3, 1)):
            with fresh(setting) as scratch, Server(scratch / "server") as server:
                whole.samples.append(sample(tool, Job(server, folder, scratch / "state"), files))
            with fresh(setting) as scratch, Server(scratch / "server") as server:
                job = Job(server, folder, scratch / "state")
                _kill_at(tool, job, files // 2)
                before = server.stats().bodies
                rest.samples.append(sample(tool, job))
                held = len(server.state()["assets"])
                if held != files:
                    raise RuntimeError(f"{held} assets after a kill and a second run, not {files}")
                twice = max(twice, before + rest.samples[-1].bodies - files)
    yield Story(
        "resume",
        f"{files} × 50 KB, killed at the half, run again",
        [rest, whole],
        [Bar("photos sent twice", twice, 16)],
        notes([rest, whole]),
    )


def _kill_at(tool: Tool, job: Job, bodies: int) -> None:
    job.state.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        tool.command(job),
        env=environment_of(tool.environment(job), job.state),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while job.server.stats().bodies < bodies and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
