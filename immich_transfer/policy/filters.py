"""Which files are taken: pure verdicts on names, sizes and times, each with its reason.

Patterns are gitignore's, matched against the path below the given root. Cheap checks come first:
a hundred thousand verdicts without patterns cost a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Sequence

import pathspec

from immich_transfer.config.options import UploadOptions
from immich_transfer.errors import UsageError

JUNK_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store", "cachedir.tag"})
JUNK_FOLDERS = frozenset(
    {
        "@eadir",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "system volume information",
        "lost+found",
        ".trash",
        ".trashes",
        ".thumbnails",
        ".fseventsd",
        ".spotlight-v100",
        ".immich-transfer",
    }
)
"""Made by NAS systems, desktops and ourselves; compared in lower case."""


def junk_file(name: str) -> bool:
    """True for files no person put there: `._x`, `Thumbs.db`, our own part files."""
    lower = name.lower()
    return (
        lower in JUNK_FILES
        or lower.startswith("._")
        or (lower.startswith(".") and lower.endswith(".part"))
    )


def junk_folder(name: str) -> bool:
    """True for folders of the system: thumbnails, snapshots, bins."""
    lower = name.lower()
    return lower in JUNK_FOLDERS or lower.startswith(".trash-")


def hidden(name: str) -> bool:
    return name.startswith(".")


class Filters:
    """The user's filters and the server's media types, compiled once."""

    __slots__ = (
        "_exclude",
        "_include",
        "_kinds",
        "_max",
        "_min",
        "_newer",
        "_older",
        "_type",
        "media",
    )

    def __init__(
        self,
        *,
        image: frozenset[str],
        video: frozenset[str],
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        type: str | None = None,  # noqa: A002 - named as the flag is
        min_size: int | None = None,
        max_size: int | None = None,
        newer_ns: int | None = None,
        older_ns: int | None = None,
    ) -> None:
        self._kinds = dict.fromkeys(image, "image") | dict.fromkeys(video, "video")
        self.media = frozenset(self._kinds)
        """Extensions that are taken at all: lower case, with the dot."""
        self._include = _compile(include)
        self._exclude = _compile(exclude)
        self._type = type
        self._min = min_size
        self._max = max_size
        self._newer = newer_ns
        self._older = older_ns

    @classmethod
    def build(
        cls,
        options: UploadOptions,
        image_extensions: frozenset[str],
        video_extensions: frozenset[str],
        filter_lines: Sequence[str],
    ) -> Filters:
        """From the flags; `filter_lines` are the patterns of the `--filter-from` files."""
        return cls(
            image=image_extensions,
            video=video_extensions,
            include=options.include,
            exclude=(*options.exclude, *filter_lines),
            type=options.type,
            min_size=options.min_size,
            max_size=options.max_size,
            newer_ns=options.newer_ns,
            older_ns=options.older_ns,
        )

    def verdict(self, relative: str, name: str, size: int, mtime_ns: int) -> str | None:
        """Why the file is left out, or None when it is taken."""
        dot = name.rfind(".")
        extension = name[dot:].lower() if dot > 0 else ""
        kind = self._kinds.get(extension)
        if kind is None:
            return f"unsupported: {extension}" if extension else "unsupported: no extension"
        if size == 0:
            return "empty"
        if self._type is not None and kind != self._type:
            return "filtered: --type"
        if self._min is not None and size < self._min:
            return "filtered: --min-size"
        if self._max is not None and size > self._max:
            return "filtered: --max-size"
        if self._newer is not None and mtime_ns < self._newer:
            return "filtered: --newer"
        if self._older is not None and mtime_ns >= self._older:
            return "filtered: --older"
        if self._include is not None and not self._include.match_file(_text(relative)):
            return "filtered: --include"
        if self._exclude is not None and self._exclude.match_file(_text(relative)):
            return "filtered: --exclude"
        return None

    def is_media(self, name: str) -> bool:
        """True for a name whose extension the server takes."""
        dot = name.rfind(".")
        return dot > 0 and name[dot:].lower() in self._kinds


def _compile(patterns: Sequence[str]) -> pathspec.PathSpec | None:  # type: ignore[type-arg, unused-ignore]
    wanted = [line for line in patterns if line.strip() and not line.startswith("#")]
    if not wanted:
        return None
    try:
        return pathspec.GitIgnoreSpec.from_lines(wanted)
    except ValueError as error:
        raise UsageError(f"not a pattern: {error}") from None


def _text(relative: str) -> str:
    """Undecodable bytes as replacement characters: patterns are text."""
    return relative.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
