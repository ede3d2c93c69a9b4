"""The folder that downloads go to: nothing is read or written outside it, nothing is overwritten.

Every folder below the root is opened component by component from its parent's descriptor, links
refused, and all work on files is done relative to that descriptor: neither a hostile name nor a
link that is put there meanwhile leads anywhere else (law 6). Where the system has no such calls
(Windows), paths are checked instead.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from immich_transfer.errors import LocalWriteError, UsageError
from immich_transfer.failpoints import ARMED, point, refusal

from .refusals import BROKEN, NO_LINKS, is_read_only, no_folder, vanished, write_error

KEPT_FOLDERS = 4
"""Folders kept open for the next file; those in use stay open beyond that."""

BY_DESCRIPTOR = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_FOLDER = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_FILE = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO in a photo's place must not hang us
)


class Folder:
    """One folder below the destination, held open. Names are single components."""

    def __init__(self, path: str, descriptor: int | None) -> None:
        self.path = path
        self._descriptor = descriptor
        self._at: dict[str, Any] = {} if descriptor is None else {"dir_fd": descriptor}
        self.leases = 0

    @property
    def status(self) -> os.stat_result:
        return os.stat(self.path if self._descriptor is None else self._descriptor)

    @property
    def removed(self) -> bool:
        """Somebody removed it while we held it open: nothing can be made in it any more."""
        return self._descriptor is not None and self.status.st_nlink == 0

    def _name(self, name: str) -> str:
        return name if self._descriptor is not None else os.path.join(self.path, name)

    def look(self, name: str) -> os.stat_result | None:
        """`lstat`; None when there is nothing of that name."""
        try:
            return os.stat(self._name(name), follow_symlinks=False, **self._at)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self) -> list[str]:
        return os.listdir(self.path if self._descriptor is None else self._descriptor)

    def open_read(self, name: str) -> int:
        """A descriptor of a regular file; a link is not followed. Raises OSError."""
        return os.open(self._name(name), os.O_RDONLY | _FILE, **self._at)

    def open_write(self, name: str) -> int:
        """A descriptor to read and write, made if missing; a link is not followed."""
        return os.open(self._name(name), os.O_RDWR | os.O_CREAT | _FILE, 0o666, **self._at)

    def open_unnamed(self) -> int:
        """A descriptor of a new file without a name (Linux). Raises NotImplementedError where
        this file system has none."""
        try:
            if ARMED:
                refusal("disk.unnamed")
            return os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666, **self._at)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT):
                raise NotImplementedError from None
            raise

    def link_descriptor(self, descriptor: int, name: str) -> None:
        """Give a file without a name one. Raises FileExistsError when it is taken."""
        if ARMED:
            point("disk.appear")
        os.link(
            f"/proc/self/fd/{descriptor}",
            self._name(name),
            dst_dir_fd=self._descriptor,
            follow_symlinks=True,
        )

    def move(self, name: str, target: Folder, new: str, *, replace: bool = False) -> None:
        """Rename. Raises FileExistsError when `new` is there, unless it may be replaced."""
        if ARMED:
            point("disk.move")
        if replace:
            os.replace(self._name(name), target._name(new), **self._both(target))
            return
        try:
            self.link(name, target, new)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            if target.look(new) is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new) from None
            os.rename(self._name(name), target._name(new), **self._both(target))
        else:
            self.remove(name)

    def link(self, name: str, target: Folder, new: str) -> None:
        """Another name for the same file. Raises FileExistsError, or OSError without links."""
        if ARMED:
            point("disk.link")
        try:
            os.link(
                self._name(name), target._name(new), follow_symlinks=False, **self._both(target)
            )
        except NotImplementedError:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP)) from None

    def remove(self, name: str) -> None:
        if ARMED:
            point("disk.unlink")
        os.unlink(self._name(name), **self._at)

    def remove_folder(self, name: str) -> None:
        """Raises OSError unless it is an empty folder."""
        os.rmdir(self._name(name), **self._at)

    def sync(self) -> None:
        """Names made and removed here survive a power cut. Raises as `write_error` says."""
        try:
            if ARMED:
                point("disk.folder-sync")
            if self._descriptor is not None:
                os.fsync(self._descriptor)
        except OSError as error:
            if error.errno in BROKEN:  # the others: some network file systems know no such call
                raise write_error(error, self.path) from None

    def _both(self, target: Folder) -> dict[str, int]:
        if self._descriptor is None or target._descriptor is None:
            return {}
        return {"src_dir_fd": self._descriptor, "dst_dir_fd": target._descriptor}

    def child(self, name: str, *, make: bool) -> Folder:
        """Raises FileNotFoundError, or LocalWriteError for a link or a file in its place."""
        path = os.path.join(self.path, name)
        if make:
            if ARMED:
                point("disk.mkdir")
            try:
                os.mkdir(self._name(name), **self._at)
                self.sync()
            except FileExistsError:
                pass
        if self._descriptor is None:
            if os.path.islink(path) or not os.path.isdir(path):
                if not os.path.lexists(path):
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
                raise no_folder(path)
            return Folder(path, None)
        try:
            return Folder(path, os.open(name, _FOLDER, dir_fd=self._descriptor))
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                raise no_folder(path) from None
            raise

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


class Destination:
    """The root of a download. Folders are lent out to any thread with `folder`."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Folder] = OrderedDict()
        self._kept = KEPT_FOLDERS
        self._made: os.stat_result | None = None
        self._files = 0

    def exists(self) -> bool:
        return os.path.isdir(self.root)

    def make(self) -> None:
        """Make the root. Raises UsageError when that cannot be."""
        try:
            os.makedirs(self.root, exist_ok=True)
            if not os.access(self.root, os.W_OK | os.X_OK):
                number = errno.EROFS if is_read_only(self.root) else errno.EACCES
                raise OSError(number, os.strerror(number))
            self._made = os.stat(self.root)
        except OSError as error:
            raise UsageError(
                f"cannot write to the output folder {self.root}: {error.strerror or error}"
            ) from None

    def free_bytes(self) -> int | None:
        """What is left for us on the disk; None when it cannot be told."""
        if not hasattr(os, "statvfs"):
            return None
        try:
            seen = os.statvfs(self.root)
        except OSError:
            return None
        return seen.f_bavail * seen.f_frsize

    @contextmanager
    def folder(self, relative: str, *, make: bool = False) -> Iterator[Folder]:
        """A folder below the root ('' is the root), '/'-separated, made with its parents if asked.

        Raises FileNotFoundError when it is not there, LocalWriteError when something else is.
        """
        with self._lock:
            found = self._open.get(relative)
            if found is not None and found.removed:
                del self._open[relative]
                if found.leases == 0:
                    found.close()
                found = None
            if found is None:
                found = self._open[relative] = self._walk(relative, make=make)
            self._open.move_to_end(relative)
            found.leases += 1
        try:
            yield found
        finally:
            with self._lock:
                found.leases -= 1
                if found.leases == 0 and self._open.get(relative) is not found:
                    found.close()
                self._trim()

    def leads_to(self, relative: str, folder: Folder) -> bool:
        """Whether the path still is this open folder; CannotContinue when the root is another."""
        if not BY_DESCRIPTOR:
            return True
        try:
            self._recognise(os.stat(self.root))
        except (FileNotFoundError, NotADirectoryError):
            raise vanished(self.root) from None
        try:
            return os.path.samestat(os.stat(os.path.join(self.root, relative)), folder.status)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # a path too long to be asked for as a whole

    def _recognise(self, status: os.stat_result) -> None:
        if self._made is not None and not os.path.samestat(self._made, status):
            raise vanished(self.root)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """A file stays open below the root meanwhile."""
        with self._lock:
            self._files += 1
        try:
            yield
        finally:
            with self._lock:
                self._files -= 1

    @property
    def descriptors(self) -> int:
        """How many files and folders are open below the root now."""
        return len(self._open) + self._files

    def _walk(self, relative: str, *, make: bool) -> Folder:
        here = self._root()
        for name in relative.split("/") if relative else ():
            if name in ("", ".", "..") or "\0" in name:
                here.close()
                raise LocalWriteError(f"{relative!r} is not a path below the output folder")
            try:
                below = here.child(name, make=make)
            finally:
                here.close()
            here = below
        return here

    def _root(self) -> Folder:
        if not BY_DESCRIPTOR:
            return Folder(self.root, None)
        try:
            descriptor = os.open(self.root, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
        except (FileNotFoundError, NotADirectoryError):
            if self._made is not None:
                raise vanished(self.root) from None
            raise
        root = Folder(self.root, descriptor)
        try:
            self._recognise(root.status)
        except BaseException:
            root.close()
            raise
        return root

    def _trim(self) -> None:
        for relative in list(self._open):
            if len(self._open) <= self._kept:
                return
            if self._open[relative].leases == 0:
                self._open.pop(relative).close()

    def forget(self, relative: str) -> None:
        """Close a folder that is about to be removed."""
        with self._lock:
            found = self._open.get(relative)
            if found is not None and found.leases == 0:
                self._open.pop(relative).close()

    def close(self) -> None:
        """Keep no folder open; one that a thread still works in is closed when it comes back."""
        with self._lock:
            self._kept = 0
            self._trim()


def split(path: str) -> tuple[str, str]:
    """Folder and name of a '/'-separated path below the root."""
    folder, _, name = path.rpartition("/")
    return folder, name


def join(folder: str, name: str) -> str:
    """What `split` takes apart; '' is the root."""
    return f"{folder}/{name}" if folder else name


def is_file(status: os.stat_result) -> bool:
    """A regular file: neither a folder nor a link nor a device."""
    return stat.S_ISREG(status.st_mode)
