"""A few named points at which the plug is pulled; `make torture` tries them all."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sandbox_fixture import SandboxProcess
from tests.torture.crashes import Point, kill_at
from tests.torture.scenes import SCENES

EARLY = ("http.answer", "manifest.commit", "manifest.committed")
"""Points that every command passes many times."""


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_killed_at_a_point_and_run_again(
    scene: object, tmp_path: Path, sandboxes: Callable[[str], SandboxProcess]
) -> None:
    (found,) = (one for one in SCENES if one is scene)
    draw = random.Random(found.name)
    point = Point(found, draw.choice(EARLY), draw.randrange(2, 6))
    assert kill_at(point, sandboxes("3.0"), tmp_path), f"{point} was never passed"
