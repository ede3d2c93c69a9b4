"""The verdict on a file: the cheap reasons first, patterns as in .gitignore."""

from __future__ import annotations

import os
from typing import Any

import pytest

from immich_transfer.config.options import UploadOptions
from immich_transfer.errors import UsageError
from immich_transfer.policy.filters import Filters, hidden, junk_file, junk_folder

IMAGES = frozenset({".jpg", ".png", ".dng"})
VIDEOS = frozenset({".mp4", ".mov"})


def build(*lines: str, **options: Any) -> Filters:
    return Filters.build(UploadOptions(paths=(), **options), IMAGES, VIDEOS, lines)


def judge(filters: Filters, relative: str, size: int = 10, mtime_ns: int = 50) -> str | None:
    return filters.verdict(relative, os.path.basename(relative), size, mtime_ns)


@pytest.mark.parametrize("name", ["a.jpg", "a.JPG", "a.b.Mov", "no [glob].png", "..jpg"])
def test_media_in_any_case_are_taken(name: str) -> None:
    assert judge(build(), name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.txt", "unsupported: .txt"),
        ("a.TXT", "unsupported: .txt"),
        ("jpg", "unsupported: no known extension"),
        (".jpg", "unsupported: no known extension"),
        ("a.", "unsupported: no known extension"),
        ("Dr. Who and his very long title", "unsupported: no known extension"),
    ],
)
def test_other_kinds_are_named(name: str, reason: str) -> None:
    assert judge(build(), name) == reason


def test_empty_files_are_not_sent() -> None:
    assert judge(build(), "a.jpg", size=0) == "empty"


def test_kind_size_and_time() -> None:
    assert judge(build(type="image"), "a.mp4") == "filtered: --type"
    assert judge(build(type="image"), "a.txt") == "unsupported: .txt"
    assert judge(build(type="video"), "a.mp4") is None
    limits = build(min_size=10, max_size=20, newer_ns=50, older_ns=60)
    assert judge(limits, "a.jpg", 10, 50) is None
    assert judge(limits, "a.jpg", 20, 59) is None
    assert judge(limits, "a.jpg", 9, 50) == "filtered: --min-size"
    assert judge(limits, "a.jpg", 21, 50) == "filtered: --max-size"
    assert judge(limits, "a.jpg", 10, 49) == "filtered: --newer"
    assert judge(limits, "a.jpg", 10, 60) == "filtered: --older"


@pytest.mark.parametrize(
    ("pattern", "relative", "matches"),
    [
        ("*.jpg", "x/y/a.jpg", True),
        ("*.jpg", "a.JPG", False),
        ("drafts/", "drafts/a.jpg", True),
        ("drafts/", "x/drafts/y/a.jpg", True),
        ("/drafts/", "x/drafts/a.jpg", False),
        ("sub/**", "sub/b.png", True),
        ("a?.jpg", "ab.jpg", True),
        ("\\[2024\\]/", "[2024]/a.jpg", True),
        ("[24]/", "2/a.jpg", True),
        ("[24]/", "[24]/a.jpg", False),
        ("é/", "é/a.jpg", True),
        ("drafts/", "drafts/new\nline.jpg", True),
        ("*.jpg", "new\nline\r.jpg", True),
        ("caf*.jpg", "caf\udce9.jpg", True),
        ("caf\udce9.jpg", "caf\udce9.jpg", True),
        ("caf\udce8.jpg", "caf\udce9.jpg", False),
        ("  ", "a.jpg", False),
        ("# a.jpg", "a.jpg", False),
    ],
)
def test_patterns(pattern: str, relative: str, matches: bool) -> None:
    for filters, reason in (
        (build(exclude=(pattern,)), "filtered: --exclude"),
        (build(pattern), "filtered: --filter-from"),
    ):
        assert judge(filters, relative) == (reason if matches else None)


def test_include_wants_one_match_and_exclude_beats_it() -> None:
    filters = build(include=("*.jpg", "keep/"), exclude=("drafts/",))
    assert judge(filters, "a.jpg") is None
    assert judge(filters, "keep/a.png") is None
    assert judge(filters, "a.png") == "filtered: --include"
    assert judge(filters, "drafts/a.jpg") == "filtered: --exclude"
    assert filters.excluded("a.xmp") is None


def test_a_negated_pattern_brings_back() -> None:
    filters = build("# rules", "", "drafts/", "*.jpg", "!keep/*.jpg")
    assert judge(filters, "a.jpg") == "filtered: --filter-from"
    assert judge(filters, "keep/a.jpg") is None
    assert judge(filters, "drafts/a.png") == "filtered: --filter-from"


def test_whole_folders_are_passed_over_unless_something_is_brought_back() -> None:
    assert build(exclude=("drafts/",)).prunes("x/drafts") == "filtered: --exclude"
    assert build("drafts/").prunes("drafts") == "filtered: --filter-from"
    assert build(exclude=("*.jpg",)).prunes("x") is None
    assert build(include=("y/",)).prunes("x") is None
    assert build(exclude=("drafts/", "!drafts/a.jpg")).prunes("drafts") is None


@pytest.mark.parametrize("option", ["include", "exclude"])
def test_a_pattern_that_is_none_is_a_usage_error(option: str) -> None:
    with pytest.raises(UsageError, match=f"^--{option}: .*'!'"):
        build(**{option: ("!",)})


@pytest.mark.parametrize(
    "name",
    [".DS_Store", "._IMG.jpg", "Thumbs.db", "THUMBS.DB", "desktop.ini", ".IMG.jpg.ab12.part"],
)
def test_junk_files(name: str) -> None:
    assert junk_file(name)


@pytest.mark.parametrize("name", ["a.jpg", "part", "a.part", "thumbs.jpg", ".hidden.jpg", "_a.jpg"])
def test_no_junk_files(name: str) -> None:
    assert not junk_file(name)


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir",
        "#recycle",
        ".Trash-1000",
        ".Trashes",
        "$RECYCLE.BIN",
        "lost+found",
        ".thumbnails",
        ".immich-transfer",
        "System Volume Information",
        "My Catalog Previews.lrdata",
    ],
)
def test_junk_folders(name: str) -> None:
    assert junk_folder(name)


@pytest.mark.parametrize("name", ["Trash", "eaDir", "Recycle", "2024", ".private", "thumbnails"])
def test_no_junk_folders(name: str) -> None:
    assert not junk_folder(name)


@pytest.mark.parametrize(
    ("name", "taken"),
    [("a.JPG", True), ("b.mp4", True), (".jpg", True), ("a.txt", False), ("jpg", False)],
)
def test_supported_is_what_the_server_takes_whatever_is_wanted(name: str, taken: bool) -> None:
    for kind in (None, "image", "video"):
        assert build(type=kind).supported(name) is taken


def test_only_videos() -> None:
    only = build(type="video")
    assert judge(only, "a.mp4") is None
    assert judge(only, "a.jpg") == "filtered: --type"


def test_hidden_begins_with_a_dot() -> None:
    assert hidden(".a.jpg")
    assert not hidden("a.jpg")
    assert not hidden("a.")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.x", "unsupported: .x"),
        ("a.", "unsupported: no known extension"),
        ("a.ABCDEFGHIJK", "unsupported: .abcdefghijk"),
        ("a.abcdefghijkl", "unsupported: no known extension"),
    ],
)
def test_an_extension_is_named_when_it_is_one(name: str, reason: str) -> None:
    assert judge(build(), name) == reason


def test_lines_of_a_filter_file() -> None:
    """Comments, empty lines and the line ends of Windows are no patterns."""
    filters = build("# *.jpg", "", "   ", "b.jpg\r\n", "X", "\\#c.jpg")
    assert judge(filters, "a.jpg") is None
    assert judge(filters, "b.jpg") == "filtered: --filter-from"
    assert judge(filters, "#c.jpg") == "filtered: --filter-from"
    assert build("# nothing").prunes("a") is None


def test_a_blank_at_the_end_may_be_meant() -> None:
    filters = build("a\\ ")
    assert filters.prunes("a ") == "filtered: --filter-from"
    assert filters.prunes("a") is None


def test_each_flag_is_named_with_what_is_wrong() -> None:
    for option in ("include", "exclude"):
        with pytest.raises(UsageError, match=rf"^--{option}: \S+( \S+)*$"):
            build(**{option: ("!",)})
    with pytest.raises(UsageError, match=r"^--filter-from: \S+( \S+)*$"):
        build("!")


def test_odd_names_are_matched_by_patterns_like_any_other() -> None:
    lines = ("a?b.jpg", "*\udcff*")
    filters = build(exclude=lines)
    assert judge(filters, "a\nb.jpg") == "filtered: --exclude"
    assert judge(filters, "x\udcffy.jpg") == "filtered: --exclude"
    assert judge(filters, "x\udcfey.jpg") is None
    assert judge(build(include=("a\x7fb.jpg",)), "a\x7fb.jpg") is None
