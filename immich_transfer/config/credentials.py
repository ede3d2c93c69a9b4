"""Keys that `login` stored: in the keyring where one works, else in a private file.

    login ─► keep ─► keys.json (0600): which server and profile, and where its key is
                └──► the keyring, or keys.json itself
    run   ─► find ─► reads keys.json; asks the keyring only for what is noted to be there

A key is kept under the origin of its server and given out for no other (law 7). `keys.json` is
replaced as a whole, so a crash leaves the old one or the new one. The keyring is asked first and
noted second: a crash between the two leaves an unused secret, never a note without one.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from immich_transfer.errors import KeyRefused, UsageError

SERVICE = "immich-transfer"
FILE = "keys.json"
NOTE_LIMIT = 1 << 20
"""Bytes at most: a key and its origin take about 150."""

Place = Literal["keyring", "file"]


class Stored(NamedTuple):
    """A key that `login` stored: for whom, and where it is."""

    origin: str
    profile: str | None
    place: Place
    key: str | None = None
    """Only for a key in the file."""

    @property
    def account(self) -> str:
        """Its name in the keyring."""
        return self.origin if self.profile is None else f"{self.profile} at {self.origin}"


def origin_of(url: str) -> str:
    """Scheme, host and port of a server's URL: what a key belongs to."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    port = parts.port or {"http": 80, "https": 443}.get(scheme)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


class Credentials:
    """The keys of one user; `folder` is the user's configuration folder."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, FILE)

    def find(self, url: str, profile: str | None) -> Stored | None:
        """What is stored for this server and profile; the keyring is not asked yet."""
        origin = origin_of(url)
        for stored in self._read():
            if (stored.origin, stored.profile) == (origin, profile):
                return stored
        return None

    def reveal(self, stored: Stored) -> str:
        """The key. Raises KeyRefused when the keyring does not give it."""
        if stored.key is not None:
            return stored.key
        why = "it is not there any more"
        try:
            key = _keyring().get_password(SERVICE, stored.account)
        except Exception as error:  # noqa: BLE001  backends raise whatever their system raises
            key, why = None, " ".join(str(error).split()) or type(error).__name__
        if not key:
            raise KeyRefused(
                f"the keyring does not give the key of {stored.origin}: {why}",
                hint="unlock it, or store the key anew: `immich-transfer login`"
                " (--no-keyring for services, which have none)",
            )
        return str(key)

    def keep(self, url: str, profile: str | None, key: str, *, keyring: bool = True) -> Place:
        """Store a key in place of an older one, and say where it went."""
        before = self.find(url, profile)
        stored = Stored(origin_of(url), profile, "keyring")
        if not (keyring and _took(stored, key)):
            stored = stored._replace(place="file", key=key)
        self._write([*(other for other in self._read() if other[:2] != stored[:2]), stored])
        if before is not None and before.place != stored.place:
            with contextlib.suppress(KeyRefused):  # an older key that nobody asks for any more
                self._drop(before)
        return stored.place

    def forget(self, url: str, profile: str | None) -> Stored | None:
        """Remove the key of this server and profile; None when there was none."""
        stored = self.find(url, profile)
        if stored is not None:
            self._write([other for other in self._read() if other[:2] != stored[:2]])
            self._drop(stored)
        return stored

    def _drop(self, stored: Stored) -> None:
        if stored.place != "keyring":
            return
        try:
            _keyring().delete_password(SERVICE, stored.account)
        except Exception as error:  # noqa: BLE001  as above
            why = " ".join(str(error).split()) or type(error).__name__
            raise KeyRefused(
                f"the key of {stored.origin} is not used any more, but the keyring keeps it: {why}",
                hint=f"delete the entry {SERVICE}, {stored.account} there",
            ) from None

    def _read(self) -> list[Stored]:
        try:
            with open(self.path, encoding="utf-8") as file:
                document = json.loads(file.read(NOTE_LIMIT))
            return list(_entries(document))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UsageError(f"cannot read {self.path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise UsageError(
                f"{self.path} does not hold what `login` writes",
                hint="move it away, then run `immich-transfer login` again",
            ) from None

    def _write(self, entries: list[Stored]) -> None:
        """Private from the first byte, and whole at any time."""
        keys = [
            {name: value for name, value in entry._asdict().items() if value is not None}
            for entry in sorted(entries, key=lambda e: (e.origin, e.profile or ""))
        ]
        write_private(self.path, json.dumps({"v": 1, "keys": keys}, indent=1) + "\n")


def write_private(path: str, text: str, mode: int = 0o600) -> None:
    """Replace the file `path` by one that its owner alone can read, unless `mode` says otherwise.
    Raises UsageError."""
    real = os.path.realpath(path)  # a link stays a link
    fresh = f"{real}.new-{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(real), mode=0o700, exist_ok=True)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with open(os.open(fresh, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                if mode != 0o600 and os.name == "posix":
                    os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.replace(fresh, real)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(fresh)
            raise
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


def _entries(document: Any) -> Iterator[Stored]:
    for entry in document["keys"]:
        place, key, profile = entry["place"], entry.get("key"), entry.get("profile")
        texts = (entry["origin"], profile or "", key or "")
        if place not in ("keyring", "file") or not all(isinstance(text, str) for text in texts):
            raise ValueError
        if (place == "file") != bool(key):
            raise ValueError
        yield Stored(entry["origin"], profile, place, key)


def _keyring() -> Any:
    # An extra, and dear to import: it looks for every backend that is installed.
    import keyring

    return keyring


def _took(stored: Stored, key: str) -> bool:
    """True when there is a keyring that gives back what it was given. A machine without a desktop
    has one that refuses, or one that forgets at once."""
    try:
        ring = _keyring()
        ring.set_password(SERVICE, stored.account, key)
        return bool(ring.get_password(SERVICE, stored.account) == key)
    except Exception:  # noqa: BLE001  ImportError, or whatever the backend raises
        return False
