"""The fault matrix, run: a spread of its cells, or all of them (`make faults`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox_fixture import SandboxProcess

from .matrix import (
    CALLS,
    END_MARK,
    EXCEPT,
    FAULTS,
    START_MARK,
    Cell,
    cells,
    every_cell,
    render,
    spread,
)
from .matrix_runs import Ground

EVERY = bool(os.environ.get("IMMICH_TRANSFER_EVERY_FAULT"))
PAGE = Path(__file__).parent.parent / "README.md"


@pytest.fixture(scope="module")
def ground(sandboxes: Callable[[str], SandboxProcess]) -> Iterator[Ground]:
    found = Ground(sandboxes)
    with found.elsewhere:
        yield found


@pytest.mark.parametrize("cell", [*every_cell()] if EVERY else spread(), ids=lambda cell: cell.name)
def test_cell(ground: Ground, tmp_path: Path, cell: Cell) -> None:
    ground.run(cell, tmp_path / "home")


def test_the_spread_meets_every_call_and_every_fault() -> None:
    chosen = spread()
    assert {cell.call for cell in chosen} == set(CALLS)
    assert {cell.fault for cell in chosen} == set(FAULTS)
    assert {cell.end for cell in chosen} == {cell.end for cell in cells()}


def test_every_exception_is_a_cell() -> None:
    assert EXCEPT.keys() <= {(cell.call.name, cell.fault.name) for cell in cells()}


def test_the_page_shows_the_matrix_as_it_is() -> None:
    """Printed by `python -m tests.faults.matrix`."""
    text = PAGE.read_text(encoding="utf-8")
    _, _, rest = text.partition(START_MARK)
    shown, end, _ = rest.partition(END_MARK)
    assert end
    assert shown.strip() == render().strip()
