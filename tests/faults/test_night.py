"""Short nights: any sequence of acts, runs, faults and kills. `make torture` makes long ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.sandbox_fixture import SandboxProcess
from tests.torture.machine import NightMachine

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
