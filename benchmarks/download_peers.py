"""The tools that download side by side: ours, the floor, and curl with sha1sum."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from .peers import FLOOR, OURS, Job, Missing, Tool, command, environment, floor_environment

CURL = "curl + sha1sum"
LISTING = "floor, listing only"
LIMIT = "limit (copy + sha1sum)"
ALBUM = "Benchmark"
AT_ONCE = 8


def ours(*options: str) -> Tool:
    """The installed command with `--json`: every item is told, as a script would ask for."""

    def line(job: Job) -> Sequence[str]:
        what = ["--all"] if job.album is None else ["--album", ALBUM]
        return [*command(), "download", "-o", str(job.folder), "--json", *what, *options]

    return Tool(OURS, line, environment)


def mirror() -> Tool:
    """The same as `mirror`."""

    def line(job: Job) -> Sequence[str]:
        return [*command(), "mirror", "-o", str(job.folder), "--json", "--album", ALBUM]

    return Tool(f"{OURS} mirror", line, environment)


def copying() -> Tool:
    """The limit: no server at all. The server's own files are copied, and each copy is hashed."""

    def line(job: Job) -> Sequence[str]:
        copy = f"cp -r '{job.server.data}/upload' '{job.folder}'"
        return ["sh", "-c", f"{copy} && find '{job.folder}' -type f -print0 | xargs -0 sha1sum"]

    return Tool(LIMIT, line)


def floor() -> Tool:
    return Tool(FLOOR, lambda job: [*_floor(job), str(job.folder)], floor_environment)


def listing_floor() -> Tool:
    return Tool(LISTING, _floor, floor_environment)


def _floor(job: Job) -> list[str]:
    module = ("-m", "benchmarks.download_floor")
    return [sys.executable, *module, job.url, job.album or "all"]


def curl() -> Tool | Missing:
    """`curl --parallel` writes the files, then `sha1sum --check` reads them."""
    for name in ("sh", "curl", "sha1sum"):
        if shutil.which(name) is None:
            return Missing(CURL, f"no {name} on the PATH")
    return Tool(CURL, _curl)


def _curl(job: Job) -> Sequence[str]:
    """Addresses, names and sums are given to it: it lists nothing. The key stays out of `ps`."""
    job.state.mkdir(parents=True, exist_ok=True)
    config, sums = job.state / "curl.conf", job.state / "sums"
    config.touch(mode=0o600)
    with config.open("w") as addresses, sums.open("w") as expected:
        addresses.write(f'header = "x-api-key: {job.server.key}"\n')
        for asset in job.server.state()["assets"]:
            path = job.folder / asset["originalFileName"]
            original = f"{job.server.url}/api/assets/{asset['id']}/original"
            addresses.write(f'url = "{original}"\noutput = "{path}"\n')
            expected.write(f"{asset['checksum']}  {path}\n")
    fetch = f"curl -sS --fail --parallel --parallel-max {AT_ONCE} --config '{config}'"
    return ["sh", "-c", f"{fetch} && sha1sum --check --quiet '{sums}'"]
