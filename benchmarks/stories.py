"""The stories: what is built, what is run, and the bars that were set beforehand.

Tools take turns (A B A B), each cold run with fresh state. A bar is printed as met or not; nothing
here fails because of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .download_stories import album, album_large, library_again, listing
from .stage import Setting
from .table import Story
from .upload_stories import few_new, large_cold, many_cold, mixed_twice, paced, start_up, unchanged

STORIES: dict[str, Callable[[Setting], Iterator[Story]]] = {
    "start": start_up,
    "many": many_cold,
    "large": large_cold,
    "mixed": mixed_twice,
    "new-12": few_new,
    "unchanged": unchanged,
    "paced": paced,
    "album": album,
    "album-large": album_large,
    "library-again": library_again,
    "listing-100k": listing,
}
WITH_UPLOADERS = frozenset({"many", "large"})
"""Where other people's tools upload, too: they are installed for no other story."""
