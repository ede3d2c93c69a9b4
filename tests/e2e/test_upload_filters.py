"""Which files are meant: by name, kind, size and time; the rest is counted, with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest

from .support import Bench, Result, Server, photo


def names(result: Result, *outcomes: str) -> set[str]:
    return {
        line["path"].removeprefix("photos/")
        for line in result.items()
        if line["outcome"] in outcomes
    }


def fill(bench: Bench, paths: Iterable[str]) -> None:
    for path in paths:
        bench.write(path, photo(path))


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        (["--type", "image"], {"a.jpg", "sub/b.PNG"}),
        (["--type", "video"], {"c.mp4"}),
        (["--include", "*.jpg"], {"a.jpg"}),
        (["--exclude", "*.jpg"], {"sub/b.PNG", "c.mp4"}),
        (["--exclude", "sub/"], {"a.jpg", "c.mp4"}),
        (["--include", "sub/**"], {"sub/b.PNG"}),
        (["--exclude", "*.mp4", "--exclude", "*.PNG"], {"a.jpg"}),
    ],
    ids=lambda value: " ".join(sorted(value) if isinstance(value, set) else value),
)
def test_names_and_kinds(bench: Bench, server: Server, flags: list[str], wanted: set[str]) -> None:
    fill(bench, ("a.jpg", "sub/b.PNG", "c.mp4"))
    result = bench.upload(*flags, "--dry-run")
    assert names(result, "uploaded") == wanted
    assert all(line.get("reason") for line in result.items("skipped"))


def test_filter_from_a_file(bench: Bench, server: Server) -> None:
    fill(bench, ("a.jpg", "drafts/b.jpg", "keep/c.jpg"))
    (bench.home / "rules").write_text("# what stays here\ndrafts/\n\n*.jpg\n!keep/*.jpg\n")
    result = bench.upload("--filter-from", "rules", "--dry-run")
    assert names(result, "uploaded") == {"keep/c.jpg"}


def test_sizes(bench: Bench, server: Server) -> None:
    for name, size in (("small.jpg", 500), ("middle.jpg", 5_000), ("large.jpg", 50_000)):
        bench.write(name, photo(name, size))
    assert names(bench.upload("--min-size", "1K", "-n"), "uploaded") == {"middle.jpg", "large.jpg"}
    assert names(bench.upload("--max-size", "10K", "-n"), "uploaded") == {"small.jpg", "middle.jpg"}
    both = bench.upload("--min-size", "1K", "--max-size", "10K", "-n")
    assert names(both, "uploaded") == {"middle.jpg"}
    assert names(both, "skipped") == {"small.jpg", "large.jpg"}


def test_times(bench: Bench, server: Server) -> None:
    for name, year in (("old.jpg", 2001), ("mid.jpg", 2011), ("new.jpg", 2021)):
        path = bench.write(name, photo(name))
        when = (year - 1970) * 365.25 * 86400
        os.utime(path, (when, when))
    assert names(bench.upload("--newer", "2005-01-01", "-n"), "uploaded") == {"mid.jpg", "new.jpg"}
    assert names(bench.upload("--older", "2015-01-01", "-n"), "uploaded") == {"old.jpg", "mid.jpg"}


def test_filtered_files_are_not_sent(bench: Bench, server: Server) -> None:
    fill(bench, ("a.jpg", "b.mp4"))
    result = bench.upload("--type", "image")
    assert result.outcomes == {"uploaded": 1, "skipped": 1}
    assert server.bodies() == 1
    assert bench.upload("--type", "image", "--strict", code=3).outcomes["skipped"] == 1


@pytest.mark.parametrize(
    "flags",
    [
        ["--type", "sound"],
        ["--min-size", "big"],
        ["--newer", "yesterdayish"],
        ["--album-from", "name"],
        ["--trashed", "burn"],
        ["--filter-from", "missing"],
        ["--transfers", "0"],
        ["--bwlimit", "-3"],
        ["--wait", "long"],
    ],
    ids=lambda value: " ".join(sorted(value) if isinstance(value, set) else value),
)
def test_flags_that_make_no_sense_are_code_2(
    bench: Bench, server: Server, flags: list[str]
) -> None:
    fill(bench, ("a.jpg",))
    result = bench.upload(*flags, code=2)
    assert result.lines == [] or result.error["exit_code"] == 2
    assert server.bodies() == 0
