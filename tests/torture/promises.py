"""What must hold after a run, whatever was done to it.

`safe` is asked after every run, killed ones too: nothing is doubled, torn or lost. `true` is asked
when the run closed with a summary: every line of it is looked up, and 0 must mean all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.support import Bench, Result, Server, sha1


class Violation(AssertionError):
    """A promise that was not kept."""


@dataclass(frozen=True)
class Scenery:
    """What lies on this side: the content of each file."""

    source: dict[Path, str]
    mirror: dict[Path, str]
    trash: frozenset[str]
    """Contents that `mirror --delete` put aside."""

    @classmethod
    def of(cls, bench: Bench) -> Scenery:
        return cls(
            _sums(bench.photos), _sums(bench.out), frozenset(_sums(bench.state / "trash").values())
        )


def _sums(folder: Path) -> dict[Path, str]:
    return {
        path: sha1(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith((".part", ".xmp"))
    }


def safe(
    command: tuple[str, ...], before: Scenery, after: Scenery, held: dict[str, int], world: World
) -> None:
    """Nothing twice, nothing torn, nothing gone that has no counterpart.

    `held` is how often the server has each content outside its trash, after the run.
    """
    for checksum, count in held.items():
        if count > 1:
            raise Violation(f"{checksum} is on the server {count} times")
    for path, checksum in after.mirror.items():
        if checksum not in world.known:
            raise Violation(f"{path} has a final name and holds what nobody made")
    for path, checksum in before.source.items():
        if after.source.get(path) == checksum:
            continue
        if "--delete-source" not in command:
            raise Violation(f"{command} touched {path}")
        if path in after.source or held.get(checksum) != 1:
            raise Violation(f"{path} was removed and is not on the server")
    kept = set(after.mirror.values()) | after.trash
    lost = {s for s in before.mirror.values() if s in world.strangers} - kept
    if lost:
        raise Violation(f"{command} lost what the user had put into the mirror: {lost}")


@dataclass(frozen=True)
class World:
    """What only the world's maker can know."""

    known: set[str]
    """SHA-1 of all content there ever was, here or there."""
    strangers: set[str]
    """Of files the user put into the mirror, or edited there, and of the sidecars of those."""


def true(
    command: tuple[str, ...],
    result: Result,
    bench: Bench,
    server: Server,
    world: World,
    album: str,
) -> None:
    """Every line is true, and 0 means all of it. A run that never began says nothing."""
    if not result.lines or result.lines[-1]["type"] != "summary":
        return
    state = server.box.state()
    mine = [asset for asset in state["assets"] if asset["owner"] == server.owner]
    held = {a["checksum"] for a in mine if not a["trashed"]}
    trashed = {a["checksum"] for a in mine if a["trashed"]}
    told = f"{command} {result.told()}"
    for item in result.items():
        _line_is_true(item, held, trashed, bench, told)
    if result.code != 0:
        return
    match command[0]:
        case "upload":
            for path, checksum in _sums(bench.photos).items():
                item = result.item(path.relative_to(bench.home).as_posix())
                if (checksum in held) is not (item["outcome"] in ("uploaded", "duplicate")):
                    raise Violation(f"exit 0, and {path} is told as {item}\n{told}")
        case "mirror" | "download":
            wanted = _in_album(state, album)
            here = {s for path, s in _sums(bench.out).items() if path.suffix == ".jpg"}
            if wanted - here:
                raise Violation(f"exit 0, but {wanted - here} of the album are not here\n{told}")
            if "--delete" in command and here - wanted - world.strangers:
                raise Violation(f"exit 0, but {here - wanted} did not leave\n{told}")
            alone = {sha1(path.read_bytes()) for path in _alone(bench.out)} - world.strangers
            if "--delete" in command and alone:
                raise Violation(f"exit 0, but sidecars {alone} outlived their photos\n{told}")
        case "check":
            missing = [path for path, s in _sums(bench.photos).items() if s not in held]
            if missing:
                raise Violation(f"check says 0, but {missing} are not there\n{told}")


def _alone(folder: Path) -> list[Path]:
    """Sidecars without a photo."""
    return [path for path in folder.rglob("*.xmp") if not path.with_suffix("").exists()]


def _line_is_true(
    item: dict[str, Any], held: set[str], trashed: set[str], bench: Bench, told: str
) -> None:
    checksum, outcome = item.get("sha1", ""), item["outcome"]
    if outcome in ("uploaded", "duplicate", "equal") and checksum not in held:
        raise Violation(f"{outcome}, but not there: {item}\n{told}")
    if outcome == "trashed" and checksum not in trashed:
        raise Violation(f"trashed, but not in the trash: {item}\n{told}")
    if outcome in ("downloaded", "unchanged", "moved"):
        path = bench.out / item["path"]
        if not path.is_file() or sha1(path.read_bytes()) != checksum:
            raise Violation(f"{outcome}, but not on disk: {item}\n{told}")


def _in_album(state: dict[str, Any], album: str) -> set[str]:
    ids = next(set(a["assets"]) for a in state["albums"] if a["id"] == album)
    return {a["checksum"] for a in state["assets"] if a["id"] in ids and not a["trashed"]}
