"""The stories: what is built, what is run, and the bars that were set beforehand.

Tools take turns (A B A B), each cold run with fresh state. A bar is printed as met or not; nothing
here fails because of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .again_stories import million, moved, resumed, unchanged
from .download_stories import album_large, library_again, listing, mirrored
from .line_stories import line_check, lines, long_line, rough_line, slow_server
from .stage import Setting
from .table import Story
from .upload_stories import (
    few_new,
    large_cold,
    many_cold,
    mixed_twice,
    nested_cold,
    paced,
    start_up,
)

STORIES: dict[str, Callable[[Setting], Iterator[Story]]] = {
    "start": start_up,
    "many": many_cold,
    "nested": nested_cold,
    "large": large_cold,
    "mixed": mixed_twice,
    "unchanged": unchanged,
    "million": million,
    "new-12": few_new,
    "moved": moved,
    "resume": resumed,
    "paced": paced,
    "mirror": mirrored,
    "album-large": album_large,
    "library-again": library_again,
    "listing-100k": listing,
    "line-check": line_check,
    "long-line": long_line,
    "lines": lines,
    "rough-line": rough_line,
    "slow-server": slow_server,
}
WITH_UPLOADERS = frozenset({"many", "nested", "large", "unchanged", "long-line"})
"""Where other people's tools upload, too: they are installed for no other story."""
