"""The tools that run side by side: ours, the floor, and other people's where they can be had.

A peer that cannot be had is said to be missing, with the reason; it is never imitated.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .server import Server

OURS = "immich-transfer"
FLOOR = "floor"
LIMIT = "limit"
CLI = "official CLI"
IMMICH_GO = "immich-go"
INSTALL_SECONDS = 300


@dataclass(frozen=True)
class Job:
    """What travels, and the folder that may hold the tool's own state."""

    server: Server
    folder: Path
    """Whose photos are uploaded, or where downloads go."""
    state: Path
    album: str | None = None
    """The id of the album that is downloaded; None for the whole library."""
    via: str | None = None
    """The server's address behind a long line; None for its own."""

    @property
    def url(self) -> str:
        return self.via or self.server.url


@dataclass(frozen=True)
class Tool:
    """A command line, and the environment it needs (keys go there, not into arguments)."""

    name: str
    command: Callable[[Job], Sequence[str]]
    environment: Callable[[Job], Mapping[str, str]] = field(default=lambda _: {})


@dataclass(frozen=True)
class Missing:
    """A peer that is not here, and why."""

    name: str
    reason: str


def ours(*options: str) -> Tool:
    """The installed command with `--json`: every item is told, as a script would ask for."""
    return Tool(
        OURS,
        lambda job: [*command(), "upload", str(job.folder), "--json", *options],
        environment,
    )


def environment(job: Job) -> dict[str, str]:
    """What our own command reads its server, key and state folder from."""
    return {
        "IMMICH_URL": job.url,
        "IMMICH_API_KEY": job.server.key,
        "IMMICH_TRANSFER_STATE_DIR": str(job.state),
    }


def command() -> list[str]:
    script = Path(sys.executable).with_name("immich-transfer")
    return [str(script)] if script.exists() else [sys.executable, "-m", "immich_transfer"]


def fixed(transfers: int) -> Tool:
    """Ours, told how many at once."""
    option = ("--transfers", str(transfers))
    return replace(ours(*option), name=f"{OURS} {' '.join(option)}")


def limit() -> Tool:
    """Hash and `sendfile`, and nothing else: no HTTP client, no library."""
    return Tool(
        LIMIT,
        lambda job: [sys.executable, "-m", "benchmarks.limit", job.url, str(job.folder)],
        floor_environment,
    )


def floor() -> Tool:
    return Tool(
        FLOOR,
        lambda job: [sys.executable, "-m", "benchmarks.floor", job.url, str(job.folder)],
        floor_environment,
    )


def floor_environment(job: Job) -> dict[str, str]:
    root = str(Path(__file__).resolve().parent.parent)
    return {"IMMICH_API_KEY": job.server.key, "PYTHONPATH": root}


def official_cli(folder: Path) -> Tool | Missing:
    """Immich's own command-line client, installed from npm into `folder`."""
    found = install_cli(folder)
    if isinstance(found, Missing):
        return found
    node, script = found
    return Tool(
        f"{CLI} -c 8",
        lambda job: [
            *(node, script, "upload", "--recursive", "--concurrency", "8"),
            *("--no-progress", str(job.folder)),
        ],
        lambda job: {
            "IMMICH_INSTANCE_URL": f"{job.url}/api",
            "IMMICH_API_KEY": job.server.key,
            "IMMICH_CONFIG_DIR": str(job.state / "immich-cli"),
        },
    )


def install_cli(folder: Path, version: str = "latest") -> tuple[str, str] | Missing:
    """Node and the client's script; both from npm, so the machine's own Node may be any."""
    node = folder / "node_modules" / "node" / "bin" / "node"
    package = folder / "node_modules" / "@immich" / "cli"
    if not (node.exists() and package.exists()):
        npm = shutil.which("npm")
        if npm is None:
            return Missing(CLI, "npm is not on the PATH")
        folder.mkdir(parents=True, exist_ok=True)
        # `latest` said aloud: a bare name would give the newest that suits the machine's own Node.
        # The package `node` brings its binary by an install script.
        wanted = (f"@immich/cli@{version}", "node@>=22")
        flags = ("--no-audit", "--no-fund", "--prefix", str(folder))
        try:
            done = subprocess.run(
                [npm, "install", *flags, *wanted],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Missing(CLI, f"npm install took more than {INSTALL_SECONDS} s")
        if done.returncode or not (node.exists() and package.exists()):
            words = (done.stderr or done.stdout).strip().splitlines()
            return Missing(CLI, f"npm install failed: {words[0] if words else 'no reason given'}")
    script = json.loads((package / "package.json").read_text())["bin"]["immich"]
    return str(node), str(package / script)


def cli_version(node: str, script: str) -> str:
    done = subprocess.run([node, script, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def immich_go() -> Tool | Missing:
    """The Go client, when a binary is named by IMMICH_GO or on the PATH."""
    path = os.environ.get("IMMICH_GO") or shutil.which("immich-go")
    if path is None or shutil.which(path) is None:
        return Missing(IMMICH_GO, f"{path or 'no immich-go on the PATH, none in IMMICH_GO'}")
    return Tool(
        IMMICH_GO,
        lambda job: [
            *(path, "upload", "from-folder", "--no-ui", "--concurrent-tasks", "8"),
            *("--server", job.url, "--api-key", job.server.key),
            *("--client-timeout", "60m", str(job.folder)),
        ],
    )
