"""Every line of the users' notes on every version: the command does what the note was for, and
asks for nothing that the version does not have."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from immich_transfer.sandbox.versions import RELEASES
from tests.contract.schema import Document
from tests.sandbox_fixture import VERSIONS, SandboxProcess

from .note_rows import REFUSED, Call, Row, calls_of, formerly, today, unnamed
from .note_scene import Scene
from .noted import ROWS
from .support import Bench, until

FOLDER = Path(__file__).parents[2]
FIRST_WORDS = {
    ("GET", "/server/version"),
    ("GET", "/server-info/version"),
    ("GET", "/api-keys/me"),
    ("GET", "/users/me"),
}
"""Asked by every command: the version, and whose the key is."""
Asked = dict[str, Any]


@pytest.fixture(scope="module", params=VERSIONS)
def box(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxProcess]:
    started = SandboxProcess(tmp_path_factory.mktemp("server"), version=request.param)
    yield started
    started.stop()


@pytest.fixture
def scene(box: SandboxProcess, tmp_path: Path) -> Scene:
    """An admin with two photos, whose server and key are in the environment."""
    user = box.control("users", {"name": "Notes", "admin": True})
    home = tmp_path / "home"
    home.mkdir()
    return Scene(box, Bench(home, box.url, user["key"]), user["id"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.command.replace("{", "").replace("}", ""))
def test_note(scene: Scene, row: Row) -> None:
    words = [word.format_map(scene) for word in shlex.split(row.command)]
    options: dict[str, Any] = {}
    if "--url" in words:  # then what the environment says is of no account
        options["env"] = {"IMMICH_URL": "http://127.0.0.1:9", "IMMICH_API_KEY": "another"}
    expected = row.expected(RELEASES[scene.box.version].number)
    refused = expected.startswith(REFUSED)
    scene.box.record()
    result = scene.bench.run(*words, code=7 if refused else 0, **options)
    asked = scene.box.recorded()
    _check_calls(scene.box.version, asked, calls_of(expected))
    if refused:
        assert expected.removeprefix(REFUSED) in result.error["message"]
    else:
        until(lambda: bool(row.effect(scene, result)))


def _check_calls(version: str, asked: list[Asked], expected: list[Call]) -> None:
    """What was asked is what the table says, and all of it is there to be asked."""
    release = RELEASES[version].number
    known = [entry for entry in asked if entry["path"] is not None]
    elsewhere = {entry["place"] for entry in asked if entry["path"] is None}
    assert elsewhere == ({"/api/server/version"} if release < (1, 107) else set())
    assert [entry for entry in known if entry["status"] >= 400] == []
    document = Document.of(release)
    if document is not None:
        assert all(document.has(entry["method"], entry["path"]) for entry in known)

    wanted = {(call.method, call.path) for call in expected}
    made = {(entry["method"], unnamed(entry["path"])) for entry in known}
    assert made - (FIRST_WORDS - wanted) == wanted
    for call in expected:
        carried = [_names(entry) for entry in known if _is(entry, call)]
        assert any(call.names <= names for names in carried), (call, carried)


def _is(entry: Asked, call: Call) -> bool:
    return (entry["method"], unnamed(entry["path"])) == (call.method, call.path)


def _names(entry: Asked) -> set[str]:
    """Parameters and fields of a request."""
    body = entry["body"] if isinstance(entry["body"], dict) else {}
    return {*(name for name, _ in entry["query"]), *body}


@pytest.mark.parametrize(("page", "table"), [("README.md", today), ("docs/from-curl.md", formerly)])
def test_the_page_has_the_table(page: str, table: Callable[[Iterable[Row]], str]) -> None:
    wanted = table(ROWS)
    text = (FOLDER / page).read_text("utf-8")
    assert f"\n{wanted}\n" in text, f"{page} is to have:\n\n{wanted}"
