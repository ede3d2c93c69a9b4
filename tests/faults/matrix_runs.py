"""Runs a cell of the fault matrix: the installed command, the fault, and what must be true then."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import trustme

from tests.e2e.relay import Relay
from tests.e2e.support import Result, Stub, free_port
from tests.sandbox_fixture import SandboxProcess

from .matrix import Cell
from .matrix_rules import End, Kind
from .matrix_scenes import LARGE, ONE, SCENES, Scene

PATIENT = ("--wait", "20s", "--timeout-idle", "1s")
HASTY = ("--wait", "0s", "--timeout-idle", "1s")
TRIES = ("--retries", "2")
KEPT_SECONDS = 0.9
"""At least so long a run lasts that kept a pause of a second."""
WHOLE_SECONDS = 1.0
"""And its process, whose start alone takes more than the difference."""


class Ground:
    """What all cells share: a server of each version, a stranger's host, a strange certificate."""

    def __init__(self, sandboxes: Callable[[str], SandboxProcess]) -> None:
        self._sandboxes = sandboxes
        self.elsewhere = Stub(lambda path: (200, {"Content-Type": "application/json"}, b"{}"))
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        trustme.CA().issue_cert("localhost").configure_cert(self._context)

    def box(self, version: str) -> SandboxProcess:
        return self._sandboxes(version)

    def run(self, cell: Cell, home: Path) -> None:
        """Run the cell and check all that must hold; AssertionError when something does not."""
        box = self.box(cell.call.version)
        scene = SCENES[cell.call.scene](box, home)
        try:
            self._run(cell, scene, box)
        finally:
            box.faults()
            scene.leave()

    def _run(self, cell: Cell, scene: Scene, box: SandboxProcess) -> None:
        address: Relay | None = None
        url = None
        if cell.fault.action == "clock":
            scene.jump()
        elif cell.fault.action == "url=stranger":
            address = Relay(box.url, context=self._context)
            url = address.url
        elif cell.fault.action.startswith("url="):
            url = {
                "url=closed": f"http://127.0.0.1:{free_port()}",
                "url=invalid": "http://no-such-host.invalid:2283",
                "url=plain": box.url.replace("http:", "https:"),
            }[cell.fault.action]
        else:
            box.faults(*cell.call.besides, rule(cell, self.elsewhere.url))
        began = time.monotonic()
        try:
            result = scene.run(*options(cell, scene), url=url)
        finally:
            took = time.monotonic() - began
            if address is not None:
                address.close()
        if "away" in cell.fault.action and cell.stays:
            box.restart()
        elif url is None and cell.fault.action != "clock":
            assert box.stats()["by_rule"][-1], "the fault was never met"
        assert self.elsewhere.requests == [], "something was asked of a stranger"
        judge(cell, scene, result)
        if cell.end is End.WAITED:
            assert took >= WHOLE_SECONDS
        if cell.stays:
            box.faults()
            again = scene.run(code=0)
            scene.told_true(again)
            scene.whole()


def rule(cell: Cell, elsewhere: str) -> str:
    """The fault in the sandbox's words."""
    call = cell.call
    action = cell.fault.action.format(elsewhere=elsewhere)
    if not cell.stays:
        return f"{call.route}:{call.first or 1}={action}"
    action = action.replace("away,unheard,seconds=1", "away,unheard,seconds=600")
    if call.first:
        return f"{call.route}:{call.first}-={action}"
    if call.route == "upload":
        return f"{call.route}:size>{LARGE - 1}={action}"
    return f"{call.route}:name={ONE}={action}"


def options(cell: Cell, scene: Scene) -> tuple[str, ...]:
    waiting = HASTY if cell.stays and cell.end is not End.UNHARMED else PATIENT
    if scene.arguments[0] == "server":
        return waiting[:2]
    return waiting + (TRIES if cell.stays else ())


def judge(cell: Cell, scene: Scene, result: Result) -> None:
    """The exit code, the outcomes, one line that says why, and the true state of both sides."""
    end = cell.end
    assert result.code == end.code, result.told()
    scene.told_true(result)
    if scene.arguments[0] == "server":
        return
    match end:
        case End.UNHARMED | End.RETRIED | End.WAITED | End.FOLLOWED:
            scene.whole()
            # Before the first word the run has not begun that the summary times.
            if end is End.WAITED and cell.call.kind is not Kind.FIRST:
                assert result.summary["seconds"] >= KEPT_SECONDS
            if end is End.UNHARMED and cell.call.kind is not Kind.PING:
                assert result.summary["retries"] == 0
        case End.FAILED:
            scene.whole_but_one()
            failed = result.items("failed")
            assert {item["path"].rpartition("/")[2] for item in failed} and all(
                item["error"] for item in failed
            )
        case End.OWED | End.OWED_KEY:
            assert set(result.outcomes) == {"uploaded"}
            assert result.summary["owed"] == 3
            assert result.summary["notes"]
        case End.NOTED | End.UNLISTED:
            assert result.summary["notes"]
        case _:
            told = result.lines[-1]
            said = told.get("message") or " ".join(told.get("notes", ()))
            assert said and "\n" not in said
            assert "failed" not in told.get("outcomes", {}), result.told()
