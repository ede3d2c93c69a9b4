"""Every command is run with a key that is looked for afterwards in every byte it said or wrote."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support import Bench, Result, Server, until
from tests.sandbox_fixture import SandboxProcess

from .every_command import WORKS, commands, has

KEYS = Path("settings/immich-transfer/keys.json")
"""Where `login` keeps the key when there is no keyring: the one file that may hold it."""
STAYS = ("watch",)
"""Runs until it is told to end."""
CALLS = [words for words, command in commands() if has(command, "--api-key")]


def forms(key: str) -> list[bytes]:
    """The key as it is, in hex, and in base64 wherever it begins in a longer text."""
    raw = key.encode()
    found = [raw, raw.hex().encode(), raw.hex().upper().encode()]
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw)
        found.append(coded[4 if before else 0 : -4])  # the ends depend on the neighbours
    return found


def assert_untold(bench: Bench, result: Result, what: str, *keys: str) -> None:
    """No form of a key in anything that was said, or in any file below the user's home."""
    wanted = [form for key in keys for form in forms(key)]
    for text in (result.stdout, result.stderr):
        assert not any(form in text.encode() for form in wanted), f"{what} says the key"
    for path in bench.home.rglob("*"):
        if path.is_file() and not path.is_symlink() and path != bench.home / KEYS:
            content = path.read_bytes()
            assert not any(form in content for form in wanted), f"{what} left it in {path}"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[SandboxProcess]:
    found = SandboxProcess(tmp_path / "server", version="3.0")
    yield found
    found.stop()


def home(path: Path, box: SandboxProcess) -> Bench:
    """Everything a command may write lies below it, temporary files included."""
    bench = Bench(path, box.url, box.key)
    bench.write("a.jpg", os.urandom(500))
    (path / "tmp").mkdir()
    bench.environment |= {"TMPDIR": str(path / "tmp"), "XDG_CONFIG_HOME": str(path / "settings")}
    return bench


def run(bench: Bench, words: str, *arguments: str, json: bool = False) -> Result:
    running = bench.start(*words.split(), *arguments, json=json)
    if words in STAYS:
        running.until_said("1 uploaded", where="err")
        running.signal(signal.SIGTERM)
    return running.finish(checked=False)


def test_every_command_is_known_here() -> None:
    assert dict(commands()).keys() == WORKS.keys()


def test_no_command_that_works_tells_the_key(box: SandboxProcess, tmp_path: Path) -> None:
    box.seed(1)
    server = Server(box, owner=box.assets()[0]["owner"], key=box.key)
    server.delete_everything()
    named, other = server.seed("b.jpg", "c.jpg", size=300)
    server.album("Sea", named)
    bench = home(tmp_path / "home", box)
    codes = {}
    for words, arguments in WORKS.items():
        if words in STAYS:
            bench.write("w.jpg", os.urandom(500))
        said = {"ID": named, "OTHER": other}
        result = run(bench, words, *(said.get(word, word) for word in arguments))
        codes[words] = result.code
        assert "Traceback" not in result.stderr, result.told()
        assert_untold(bench, result, words, box.key)
    # It was the working of them that was looked at: groups alone show their help.
    groups = {words.partition(" ")[0] for words in WORKS if " " in words}
    odd = {words: code for words, code in codes.items() if code and words not in groups}
    assert odd == {"watch": 143, "libraries validate": 3}, odd
    assert (bench.home / "log.jsonl").stat().st_size > 1000
    assert box.key not in (bench.home / KEYS).read_text()  # logout


@pytest.mark.parametrize("part", range(2))
def test_no_command_that_fails_tells_the_key(
    box: SandboxProcess, tmp_path: Path, part: int
) -> None:
    """A wrong key, as JSON; and a crash in the middle of a request, with everything said that there
    is to say about it."""
    bench = home(tmp_path / "home", box)
    bench.key = "wrong-" + box.key[::-1]
    for words in CALLS[::2] if part == 0 else CALLS[1::4]:
        arguments = [word for word in WORKS[words] if word not in ("ID", "OTHER")]
        ids = ["0f8fad5b-d9cb-469f-a165-70867728950e"] * (len(WORKS[words]) - len(arguments))
        crash = {"IMMICH_TRANSFER_FAILPOINT": "http.request!EIO", "IMMICH_TRANSFER_DEBUG": "1"}
        bench.environment |= crash if part else {}
        running = bench.start(*words.split(), *arguments, *ids)
        result = running.finish(checked=False)
        assert result.code or words in ("config show", "resume"), result.told()
        assert_untold(bench, result, words, bench.key, box.key)


def test_a_defect_with_everything_said_about_it(box: SandboxProcess, tmp_path: Path) -> None:
    """The traceback goes to stderr and into the log file, without the key."""
    bench = home(tmp_path / "home", box)
    bench.environment |= {
        "IMMICH_TRANSFER_FAILPOINT": "http.answer!EIO",
        "IMMICH_TRANSFER_DEBUG": "1",
    }
    result = bench.start("upload", "photos", "-vv", "--log-file", "log.jsonl").finish(checked=False)
    assert result.code, result.told()
    assert_untold(bench, result, "upload", box.key)
    until(lambda: (bench.home / "log.jsonl").exists())
