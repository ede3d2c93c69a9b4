"""Which files are meant: by kind, size, time and gitignore-style patterns. Pure, no I/O.

The checks run from cheap to dear: extension (a set look-up), size and time, patterns last. A walk
asks `by_name` before it spends a `stat`, then `by_content`; `verdict` is both.

Patterns are relative to the given root and know letter case, as in .gitignore. A file must pass
all of them: not excluded, not named by a filter file, and included if there is any `--include`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from immich_transfer.config.options import UploadOptions
from immich_transfer.errors import UsageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_JUNK_FILES = frozenset(
    {
        ".ds_store",
        ".localized",
        "thumbs.db",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "desktop.ini",
        "icon\r",
        ".directory",
        ".picasa.ini",
        "picasa.ini",
        ".nomedia",
        "zbthumbnail.info",
        "cachedir.tag",
    }
)
_JUNK_PREFIXES = ("._", ".fuse_hidden", ".nfs", ".immich", ".syncthing.", "~syncthing~")
"""AppleDouble halves, files deleted while open, our own state, half-synced files."""

_JUNK_FOLDERS = frozenset(
    {
        "@eadir",
        "@tmp",
        "@recycle",
        "@recently-snapshot",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "recycler",
        "system volume information",
        "lost+found",
        "found.000",
        "lightroom previews.lrdata",
        "__macosx",
        ".thumbnails",
        ".thumbs",
        ".spotlight-v100",
        ".fseventsd",
        ".temporaryitems",
        ".documentrevisions-v100",
        ".stfolder",
        ".stversions",
        ".dropbox.cache",
        ".picasaoriginals",
        ".git",
        ".svn",
        ".hg",
    }
)
_JUNK_FOLDER_PREFIXES = (".trash", ".immich")
_JUNK_FOLDER_SUFFIXES = (".lrdata",)

_LONGEST_EXTENSION = 12
"""A longer one is the rest of a sentence, not a kind of file."""

# What a regular expression would treat specially (`.` stops at newlines) or a matching engine
# could refuse (lone surrogates are not UTF-8) is moved to private code points, in names and
# patterns alike.
_PRIVATE = 0x10_0000
_ODD = {
    0x0A: _PRIVATE,
    0x0D: _PRIVATE + 1,
    **{code: _PRIVATE + code for code in range(0xDC80, 0xDD00)},
}


def junk_file(name: str) -> bool:
    """Files that systems and programs leave behind; nobody's photos."""
    low = name.lower()
    return (
        low in _JUNK_FILES
        or low.startswith(_JUNK_PREFIXES)
        or (low.startswith(".") and low.endswith(".part"))  # our own, of a download
    )


def junk_folder(name: str) -> bool:
    """Thumbnails, trash, snapshots and caches kept in folders of well-known names."""
    low = name.lower()
    return (
        low in _JUNK_FOLDERS
        or low.startswith(_JUNK_FOLDER_PREFIXES)
        or low.endswith(_JUNK_FOLDER_SUFFIXES)
    )


def hidden(name: str) -> bool:
    """Hidden by the convention of POSIX."""
    return name.startswith(".")


class Filters:
    """The user's choice of files, compiled once."""

    __slots__ = (
        "_exclude",
        "_include",
        "_limits",
        "_listed",
        "_media",
        "_patterns",
        "_prunable",
        "_wanted",
    )

    def __init__(
        self,
        *,
        media: frozenset[str],
        wanted: frozenset[str],
        limits: tuple[int | None, int | None, int | None, int | None] | None,
        include: GitIgnoreSpec | None,
        exclude: GitIgnoreSpec | None,
        listed: GitIgnoreSpec | None,
        prunable: bool,
    ) -> None:
        self._media = media
        self._wanted = wanted
        self._limits = limits
        self._include = include
        self._exclude = exclude
        self._listed = listed
        self._patterns = include is not None or exclude is not None or listed is not None
        self._prunable = prunable

    @classmethod
    def build(
        cls,
        options: UploadOptions,
        image_extensions: frozenset[str],
        video_extensions: frozenset[str],
        filter_lines: Sequence[str],
    ) -> Filters:
        """Compile the options; raises UsageError for a pattern that cannot be one.

        Extensions are as the server names them: lower case, with the dot. `filter_lines` are the
        lines of all `--filter-from` files, in order.
        """
        media = image_extensions | video_extensions
        wanted = {"image": image_extensions, "video": video_extensions}.get(
            options.type or "", media
        )
        limits = (options.min_size, options.max_size, options.newer_ns, options.older_ns)
        negated = any(line.lstrip().startswith("!") for line in (*options.exclude, *filter_lines))
        exclude = _compile(options.exclude, "--exclude")
        listed = _compile(filter_lines, "--filter-from")
        return cls(
            media=media,
            wanted=wanted,
            limits=None if limits == (None, None, None, None) else limits,
            include=_compile(options.include, "--include"),
            exclude=exclude,
            listed=listed,
            # A `!pattern` may bring back a file of an excluded folder, so all must be looked at.
            prunable=(exclude is not None or listed is not None) and not negated,
        )

    def verdict(self, relative: str, name: str, size: int, mtime_ns: int) -> str | None:
        """Why the file is left out; None takes it. `relative` is the path below the root."""
        return self.by_name(name) or self.by_content(relative, size, mtime_ns)

    def supported(self, name: str) -> bool:
        """True for a kind the server takes, whether or not the user wants it."""
        return name[max(name.rfind("."), 0) :].lower() in self._media

    def by_name(self, name: str) -> str | None:
        """The part of the verdict that needs no `stat`: the kind of file."""
        dot = name.rfind(".")
        extension = name[dot:].lower() if dot > 0 else ""
        if extension in self._wanted:
            return None
        if extension in self._media:
            return "filtered: --type"
        if 1 < len(extension) <= _LONGEST_EXTENSION:
            return f"unsupported: {extension}"
        return "unsupported: no known extension"

    def by_content(self, relative: str, size: int, mtime_ns: int) -> str | None:
        """The rest of the verdict, for a file whose kind is wanted."""
        if size == 0:
            return "empty"
        if self._limits is not None:
            least, most, newer, older = self._limits
            if least is not None and size < least:
                return "filtered: --min-size"
            if most is not None and size > most:
                return "filtered: --max-size"
            if newer is not None and mtime_ns < newer:
                return "filtered: --newer"
            if older is not None and mtime_ns >= older:
                return "filtered: --older"
        return self.by_pattern(relative) if self._patterns else None

    def by_pattern(self, relative: str) -> str | None:
        """Why the patterns alone leave out a file."""
        reason = self.excluded(relative)
        if reason is not None or self._include is None:
            return reason
        return None if self._include.match_file(_plain(relative)) else "filtered: --include"

    def excluded(self, relative: str) -> str | None:
        """Why the patterns leave out a path, `--include` apart: for sidecars and folders."""
        if self._exclude is None and self._listed is None:
            return None
        path = _plain(relative)
        if self._exclude is not None and self._exclude.match_file(path):
            return "filtered: --exclude"
        if self._listed is not None and self._listed.match_file(path):
            return "filtered: --filter-from"
        return None

    def prunes(self, folder: str) -> str | None:
        """Why nothing below `folder` can be wanted; None means it must be looked into."""
        return self.excluded(folder + "/") if self._prunable else None


def _compile(lines: Iterable[str], flag: str) -> GitIgnoreSpec | None:
    patterns = [
        _plain(line)
        for line in (line.rstrip("\r\n") for line in lines)
        if line.strip() and not line.startswith("#")
    ]
    if not patterns:
        return None
    from pathspec import GitIgnoreSpec  # 0.01 s that most runs have no use for

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except ValueError as error:
        raise UsageError(f"{flag}: {' '.join(str(error).split())}") from None


def _plain(text: str) -> str:
    # Nearly all names are plain ASCII without control characters: two checks at C speed.
    return text if text.isascii() and text.isprintable() else text.translate(_ODD)
