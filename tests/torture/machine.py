"""Any sequence of acts, runs, faults and kills: the promises hold after each of them.

A failing sequence is printed as the program that repeats it, made as short as possible.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.e2e.support import Server
from tests.sandbox_fixture import SandboxProcess

from .night import FAULTS, FOLDERS, POINTS, SIZES, Night

HERE = (
    *("edit", "copy", "rename", "delete"),
    *("put_into_mirror", "edit_in_mirror", "delete_in_mirror"),
)
THERE = (
    *("trash", "restore", "remove", "retitle", "restart"),
    *("put_into_album", "take_out_of_album"),
)

which = st.integers(0, 19)
"""Which file or asset: taken by this number, counted round."""
sizes = st.lists(st.sampled_from(SIZES), min_size=1, max_size=5)
folders = st.sampled_from(FOLDERS)


def flags(*choices: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """None of them, or one."""
    return st.sampled_from([(), (), *choices])


uploads = st.builds(
    lambda *parts: sum(parts, ("upload",)),
    flags(("--checksum",), ("--transfers", "2"), ("--delete-source",)),
    flags(("--trashed", "restore"), ("--trashed", "reupload"), ("--deleted", "reupload")),
    flags(("--tag", "Night/One"), ("--album-from", "folder"), ("--favorite",)),
)
downloads = st.builds(
    lambda *parts: sum(parts, ()),
    st.sampled_from([("download",), ("mirror",), ("mirror", "--delete", "--max-delete", "100%")]),
    flags(("--checksum",), ("--transfers", "2"), ("--sidecars", "xmp")),
)
checks = st.just(("check",))
transfers = uploads | downloads
faults = st.lists(st.sampled_from(FAULTS), min_size=2, max_size=4, unique=True)
passings = st.integers(1, 4)
some_sizes = st.lists(st.sampled_from(SIZES), max_size=2)


class Dawn(KeyboardInterrupt):
    """The time is over. Of a kind that is not taken for a failure of what is tested."""


class Witness:
    """A night whose first failure is written down where it happens, with all that led to it: timing
    is part of a night, and what is played again may end in another way."""

    def __init__(self, night: Night, sightings: list[str]) -> None:
        self.night = night
        self._acts: list[str] = []
        self._sightings = sightings

    def __getattr__(self, act: str) -> Callable[..., object]:
        def seen(*parts: object) -> object:
            self._acts.append(f"{act}{parts}")
            try:
                return getattr(self.night, act)(*parts)
            except Exception:
                self._sightings.append("\n".join([*self._acts, traceback.format_exc()]))
                raise

        return seen


class NightMachine(RuleBasedStateMachine):
    """`box` is the server, `figures` the tally, `sightings` what failed; all are given to a class
    of one's own."""

    box: SandboxProcess
    figures: Counter[str]
    sightings: list[str]
    refused: str = ""
    """What the system refuses to every run, as failpoints."""
    ends: float = math.inf
    """When the night is over, as `time.monotonic()` says it."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="night-"))
        self.server = Server(self.box)
        night = Night(self.home / "home", self.server, self.figures, self.refused)
        self.night = Witness(night, self.sightings)

    @initialize(folder=folders, sizes=sizes)
    def begin(self, folder: str, sizes: list[int]) -> None:
        self.night.add(folder, sizes)

    @invariant()
    def it_is_night(self) -> None:
        if time.monotonic() > self.ends:
            raise Dawn

    @rule(folder=folders, sizes=sizes)
    def add(self, folder: str, sizes: list[int]) -> None:
        self.night.add(folder, sizes)

    @rule()
    def forget(self) -> None:
        self.night.forget()

    @rule(act=st.sampled_from(HERE), which=which)
    def here(self, act: str, which: int) -> None:
        getattr(self.night, act)(which)

    @rule(act=st.sampled_from(THERE), which=which)
    def there(self, act: str, which: int) -> None:
        getattr(self.night, act)(which)

    @rule(command=transfers | checks)
    def run_clean(self, command: tuple[str, ...]) -> None:
        self.night.run_clean(command)

    @rule(command=transfers)
    def rehearse(self, command: tuple[str, ...]) -> None:
        self.night.rehearse(command)

    @rule(command=transfers, requests=st.integers(1, 8))
    def run_while_the_server_dies(self, command: tuple[str, ...], requests: int) -> None:
        self.night.run_while_the_server_dies(command, requests)

    @rule(command=uploads | checks, faults=faults)
    def upload_against_faults(self, command: tuple[str, ...], faults: list[str]) -> None:
        self.night.run_against_faults(command, faults)

    @rule(command=downloads, faults=faults)
    def download_against_faults(self, command: tuple[str, ...], faults: list[str]) -> None:
        self.night.run_against_faults(command, faults)

    @rule(command=uploads, point=which, passing=passings, fresh=some_sizes)
    def kill_upload(
        self, command: tuple[str, ...], point: int, passing: int, fresh: list[int]
    ) -> None:
        self._kill(command, point, passing, fresh, [])

    @rule(command=uploads, point=which, passing=passings, fresh=some_sizes, faults=faults)
    def kill_upload_in_trouble(
        self,
        command: tuple[str, ...],
        point: int,
        passing: int,
        fresh: list[int],
        faults: list[str],
    ) -> None:
        self._kill(command, point, passing, fresh, faults)

    @rule(command=downloads, point=which, passing=passings, lost=which)
    def kill_download(self, command: tuple[str, ...], point: int, passing: int, lost: int) -> None:
        self.night.delete_in_mirror(lost)  # something to fetch
        self._kill(command, point, passing, [], [])

    @rule(command=downloads, point=which, passing=passings, lost=which, faults=faults)
    def kill_download_in_trouble(
        self, command: tuple[str, ...], point: int, passing: int, lost: int, faults: list[str]
    ) -> None:
        self.night.delete_in_mirror(lost)
        self._kill(command, point, passing, [], faults)

    def _kill(
        self,
        command: tuple[str, ...],
        point: int,
        passing: int,
        fresh: list[int],
        faults: list[str],
    ) -> None:
        self.night.add(".", fresh)
        points = POINTS[command[0]]
        self.night.run_killed(command, f"{points[point % len(points)]}#{passing}", faults)

    def teardown(self) -> None:
        try:
            self.server.clear_faults()
            self.night.settle()
            self.server.delete_everything()
            self.figures["nights"] += 1
        finally:
            shutil.rmtree(self.home, ignore_errors=True)
