"""Whatever names a tree has, the walk sees each file exactly once, under its right path."""

from __future__ import annotations

import os
import sys
import tempfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from immich_transfer.config.options import UploadOptions
from immich_transfer.disk.walk import walk
from immich_transfer.policy.filters import Filters

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes only on Linux")

FILTERS = Filters.build(
    # A pattern that matches nothing: hostile names pass through the matching, too.
    UploadOptions(paths=(), exclude=("never matches this/",)),
    frozenset({".jpg"}),
    frozenset(),
    (),
)


def usable(name: bytes) -> bool:
    return name not in (b"", b".", b"..") and len(name) <= 251


NAMES = (
    st.one_of(
        st.binary(min_size=1, max_size=30),
        st.text(min_size=1, max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.text("[]{}*?!'\"\\ .-~#$@\n\r\t%é\u0301", min_size=1, max_size=8).map(str.encode),
        st.integers(1, 251).map(lambda length: b"n" * length),
    )
    .map(lambda name: name.replace(b"/", b"|").replace(b"\0", b"0"))
    .filter(usable)
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(tuple)


@given(st.sets(PATHS, max_size=12))
@example({(b"[2024] Trip", b"a"), (b"2 Trip", b"a"), (b"caf\xe9", b"\xff")})
@example({(b"n" * 251,) * 4})
def test_every_file_is_seen_once(paths: set[tuple[bytes, ...]]) -> None:
    with tempfile.TemporaryDirectory() as home:
        made = set()
        for *parents, name in sorted(paths):
            folder = os.fsencode(home)
            for parent in parents:
                # Folders and files get different endings, so that none is in another's way.
                folder = os.path.join(folder, parent + b"_d")
            path = os.path.join(folder, name + b".jpg")
            os.makedirs(folder, exist_ok=True)
            with open(path, "wb") as output:
                output.write(b"x")
            made.add(path)
        files = [
            file
            for batch in walk([home], FILTERS, hidden=True, default_excludes=False)
            for file in batch.files
        ]
        assert not [
            bad
            for batch in walk([home], FILTERS, hidden=True, default_excludes=False)
            for bad in (*batch.skipped, *batch.unreadable)
        ]
        assert sorted(os.fsencode(file.path) for file in files) == sorted(made)
        for file in files:
            assert file.shown == file.path
            assert file.path == os.path.join(home, file.folder, file.name)
            assert os.stat(file.path).st_ino == file.fingerprint.inode
        # Named one by one they are the same files.
        alone = [file for batch in walk([f.path for f in files], FILTERS) for file in batch.files]
        assert sorted(file.path for file in alone) == sorted(file.path for file in files)
