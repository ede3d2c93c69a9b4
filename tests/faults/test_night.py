"""Short nights: any sequence of acts, runs, faults and kills. `make torture` makes long ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.sandbox_fixture import SandboxProcess
from tests.torture.machine import NightMachine, Witness
from tests.torture.promises import Violation

SHORT = settings(
    max_examples=4,
    stateful_step_count=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("version", ["2.7", "3.0"])
def test_nothing_is_lost_doubled_or_told_wrongly(
    version: str, sandboxes: Callable[[str], SandboxProcess]
) -> None:
    figures: Counter[str] = Counter()
    sightings: list[str] = []
    parts = {"box": sandboxes(version), "figures": figures, "sightings": sightings}
    machine = type(f"NightOn{version}", (NightMachine,), parts)
    try:
        run_state_machine_as_test(machine, settings=SHORT)
    finally:
        print(*sightings[:1])
    assert figures["runs"] > 10, figures


def test_what_does_not_repeat_is_told_as_it_was_first_seen() -> None:
    """Timing is part of a night: played again, it may end in another way."""

    class Once:
        failed = False

        def run(self, command: str) -> None:
            if not self.failed:
                self.failed = True
                raise Violation(f"{command} lied")

        def add(self, folder: str) -> None: ...

    sightings: list[str] = []
    night = Once()
    first, again = (Witness(night, sightings) for _ in range(2))  # type: ignore[arg-type]
    first.add("a/b")
    with pytest.raises(Violation):
        first.run("mirror")
    again.run("mirror")
    (told,) = sightings
    assert told.startswith("add('a/b',)\nrun('mirror',)\n")
    assert "Violation: mirror lied" in told
