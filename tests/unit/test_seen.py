"""What a dry run has come across."""

from __future__ import annotations

import hashlib
from contextlib import closing

from immich_transfer.manifest.seen import Seen
from immich_transfer.model import Sha1


def sha1(number: int) -> Sha1:
    return Sha1(hashlib.sha1(str(number).encode()).digest())


def test_each_content_is_new_once_within_a_batch_and_across_batches() -> None:
    with closing(Seen()) as seen:
        assert seen.add([sha1(1), sha1(2), sha1(1)]) == [True, True, False]
        assert seen.add([]) == []
        assert seen.add([sha1(2), sha1(3)]) == [False, True]
