"""Walk files and folders and say of each thing found what it is.

    roots ─► Tree: one folder's listing at a time, sorted ─► walk: sidecars, filters, stat ─► batch

Synchronous and lazy: the caller pulls batches in a worker thread, the first ones small so that the
rest of the pipeline starts at once. Memory holds one folder's listing, the folders still to visit
and the batch. Nothing is opened but folders, and the tag file of caches.

Every file is found once: a root inside another root is left to the outer one, unless that one
would not reach it. With `follow_links` each real folder is visited once, real places before links.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from immich_transfer.model import Fingerprint, LocalFile, Skipped, Unreadable
from immich_transfer.policy.filters import Filters

from .roots import Entry, Place, Plan, fault, plan_roots
from .sidecar import Sidecars, sidecar_stamp
from .tree import Tree

FIRST_BATCHES = (64, 256)
"""The first batches are small: nothing can be hashed or sent before they arrive."""
DEFAULT_SIDECARS = frozenset({".xmp"})
_WINDOWS = os.name == "nt"


class WalkBatch(msgspec.Struct):
    """What was found since the last batch, in the order of the walk."""

    files: list[LocalFile] = []
    skipped: list[Skipped] = []
    unreadable: list[Unreadable] = []
    orphan_sidecars: list[str] = []
    """Sidecars without their photo, as a person would type them."""
    notes: list[str] = []
