"""Who may read what is written: secrets and memories are their owner's alone, whatever the umask
and whatever was there before."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.support import TIMEOUT, Bench, Server, command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run(bench: Bench, *arguments: str, typed: str = "") -> None:
    """The command under the most generous umask."""
    bench.home.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(bench.home),
        "LANG": "C.UTF-8",
        "IMMICH_URL": bench.url,
        "IMMICH_API_KEY": bench.key,
    }
    subprocess.run(
        [*command(), *arguments],
        env=environment,
        cwd=bench.home,
        input=typed.encode(),
        capture_output=True,
        timeout=TIMEOUT,
        check=True,
        umask=0,
    )


def test_everything_of_one_s_own_is_private(bench: Bench, server: Server) -> None:
    bench.make(1)
    run(bench, "login", "--no-keyring")
    run(bench, "config", "set", "api_key", "-", typed=server.key)
    run(bench, "upload", "photos", "--log-file", "log.jsonl")
    run(bench, "config", "init", "--config", "new/settings.toml")
    photos = bench.photos
    own = [
        path
        for path in bench.home.rglob("*")
        if path not in (photos, *photos.rglob("*")) and not path.is_symlink()
    ]
    names = {path.name for path in own if path.is_file()}
    wanted = {"config.toml", "keys.json", "log.jsonl", "settings.toml", "manifest.sqlite3"}
    assert names >= wanted
    for path in own:
        if path.is_file():
            assert mode(path) & 0o077 == 0, path
        elif path.name == "immich-transfer" or path.name == "new":
            assert mode(path) == 0o700, path


def test_a_key_makes_an_open_file_private(bench: Bench, server: Server) -> None:
    folder = bench.home / ".config" / "immich-transfer"
    folder.mkdir(parents=True)
    config, keys = folder / "config.toml", folder / "keys.json"
    config.write_text('wait = "2m"\n')
    keys.write_text('{"v": 1, "keys": []}\n')
    config.chmod(0o644)
    keys.chmod(0o644)
    run(bench, "config", "set", "wait", "3m")
    assert mode(config) == 0o644  # nothing secret, and somebody's own choice
    run(bench, "login", "--no-keyring")
    assert mode(keys) == 0o600
    run(bench, "config", "set", "api_key", "-", typed=server.key)
    assert mode(config) == 0o600
    assert server.key in config.read_text()
    assert not [path for path in folder.iterdir() if path not in (config, keys)]


def test_a_key_file_that_others_may_read_is_told(bench: Bench, server: Server) -> None:
    place = bench.home / "key.txt"
    bench.home.mkdir(parents=True)
    place.write_text(server.key)
    place.chmod(0o644)
    told = bench.run("ping", "--api-key-file", "key.txt", env={"IMMICH_API_KEY": ""}, json=False)
    assert "chmod 600" in told.stderr
    place.chmod(0o600)
    told = bench.run("ping", "--api-key-file", "key.txt", env={"IMMICH_API_KEY": ""}, json=False)
    assert told.stderr == ""


def test_photos_have_the_modes_of_any_program(bench: Bench, server: Server) -> None:
    """They are the user's files, for whomever the user's umask says."""
    server.seed("a.jpg", size=300)
    run(bench, "download", "-o", "out", "--all")
    (photo,) = (path for path in bench.out.rglob("*") if path.is_file())
    assert mode(photo) == 0o666
