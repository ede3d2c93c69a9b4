"""What the end-to-end tests share: photos that differ, and the installed command as a process.

Every finished run is checked for what must hold whatever the test is about: a summary closes
every run that began, the books balance, and the API key is in no output and in no file.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.sandbox_fixture import SandboxProcess

TIMEOUT = 120
"""Seconds after which a command is taken as hung. Nothing is timed against it."""
KINDS = (".jpg", ".png", ".JPG", ".mp4", ".heic")

Photos = dict[str, bytes]
"""Content by path below the photo folder."""


def photo(seed: object, size: int = 2000) -> bytes:
    """`size` bytes that no other seed gives."""
    return random.Random(repr(seed)).randbytes(size)


def sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def make_files(
    folder: Path,
    count: int,
    *,
    seed: object = 0,
    size: int | tuple[int, int] = 2000,
    kinds: Sequence[str] = KINDS,
    start: int = 0,
) -> Photos:
    """`count` files of distinct random content in `folder`; returns content by name."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(repr(seed))
    made: Photos = {}
    for number in range(start, start + count):
        length = size if isinstance(size, int) else draw.randrange(*size)
        name = f"IMG_{number:04}{kinds[number % len(kinds)]}"
        made[name] = photo((seed, number), length)
        (folder / name).write_bytes(made[name])
    return made


def mixed_tree(folder: Path, count: int, *, seed: object = 0) -> Photos:
    """A nested tree with small, middling and a few larger files, and some twins."""
    made: Photos = {}
    draw = random.Random(repr(seed))
    for number in range(count):
        below = ("", "2023/Sea", "2024/Trip", "2024/[x] it's")[number % 4]
        size = (700_000, 150_000, 9_000, 3_000)[0 if number % 75 == 0 else 1 + number % 3]
        name = f"{below}/P{number:04}{KINDS[number % len(KINDS)]}".lstrip("/")
        twin = number % 20 == 19
        made[name] = made[draw.choice(sorted(made))] if twin else photo((seed, number), size)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made[name])
    return made


@dataclass(frozen=True)
class Result:
    """A command that ended: its exit code and what it said."""

    code: int
    lines: list[dict[str, Any]]
    stdout: str
    stderr: str

    @property
    def summary(self) -> dict[str, Any]:
        assert self.lines and self.lines[-1]["type"] == "summary", self.told()
        return self.lines[-1]

    @property
    def outcomes(self) -> dict[str, int]:
        counts: dict[str, int] = self.summary["outcomes"]
        return counts

    @property
    def error(self) -> dict[str, Any]:
        """The one line of a run that could not begin."""
        found = [line for line in self.lines if line["type"] == "error"]
        assert len(found) == 1, self.told()
        return found[0]

    def items(self, outcome: str | None = None) -> list[dict[str, Any]]:
        return [
            line
            for line in self.lines
            if line["type"] == "item" and outcome in (None, line["outcome"])
        ]

    def item(self, name: str) -> dict[str, Any]:
        """The one item whose path ends in `name`."""
        found = [line for line in self.items() if line["path"].endswith(name)]
        assert len(found) == 1, f"{name}: {found}\n{self.told()}"
        return found[0]

    def told(self) -> str:
        """Everything, for the message of a failed assertion."""
        return f"exit {self.code}\n--- stdout\n{self.stdout[-6000:]}\n--- stderr\n{self.stderr}"


def command() -> list[str]:
    """The installed command; every warning in it is an error."""
    script = Path(sys.executable).with_name("immich-transfer")
    return [str(script)] if script.exists() else [sys.executable, "-m", "immich_transfer"]


@dataclass
class Bench:
    """One user's side of a test: photos, state folder, home, and where the server is."""

    home: Path
    url: str
    key: str
    environment: dict[str, str] = field(default_factory=dict)
    started: list[Running] = field(default_factory=list, repr=False)

    @property
    def photos(self) -> Path:
        return self.home / "photos"

    @property
    def state(self) -> Path:
        return self.home / "state"

    def make(self, count: int, *, below: str = "", **options: Any) -> Photos:
        return make_files(self.photos / below, count, **options)

    def write(self, name: str | bytes, content: bytes) -> Path:
        path = Path(os.fsdecode(os.path.join(os.fsencode(self.photos), os.fsencode(name))))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def upload(self, *arguments: str, code: int | None = 0, **options: Any) -> Result:
        """`upload photos …` from the home folder; `code` None accepts any exit code."""
        return self.run("upload", "photos", *arguments, code=code, **options)

    @property
    def out(self) -> Path:
        return self.home / "out"

    def download(self, *arguments: str, code: int | None = 0, **options: Any) -> Result:
        """`download -o out …` from the home folder; `code` None accepts any exit code."""
        return self.run("download", "-o", "out", *arguments, code=code, **options)

    def fetched(self, folder: Path | None = None) -> dict[str, str]:
        """SHA-1 of every file below the output folder, by its path there."""
        root = folder or self.out
        return {
            path.relative_to(root).as_posix(): sha1(path.read_bytes())
            for path in root.rglob("*")
            if path.is_file() and not path.is_symlink()
        }

    def run(self, *arguments: str, code: int | None = 0, **options: Any) -> Result:
        result = self.start(*arguments, **options).finish()
        assert code is None or result.code == code, result.told()
        return result

    def start(
        self,
        *arguments: str,
        json: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        prefix: Sequence[str] = (),
    ) -> Running:
        """`prefix` is a command that runs ours, as `prlimit` does."""
        self.home.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "IMMICH_URL": self.url,
            "IMMICH_API_KEY": self.key,
            "IMMICH_TRANSFER_STATE_DIR": str(self.state),
        }
        if coverage := os.environ.get("COVERAGE_PROCESS_CONFIG"):
            environment["COVERAGE_PROCESS_CONFIG"] = coverage
        environment |= self.environment | dict(env or {})
        argv = [*prefix, *command(), *arguments, *(["--json"] if json else [])]
        running = Running(self, argv, environment, cwd or self.home)
        self.started = [one for one in self.started if one.process.poll() is None] + [running]
        return running

    def end(self) -> None:
        """Kill what a failed test left behind: the next one has the same server."""
        for running in self.started:
            if running.process.poll() is None:
                running.kill()


class Running:
    """A command under way. Its output is drained all the time, so that it never blocks on us."""

    def __init__(
        self, bench: Bench, argv: list[str], environment: dict[str, str], cwd: Path
    ) -> None:
        self.bench = bench
        self._json = "--json" in argv
        self._said: dict[str, bytearray] = {"out": bytearray(), "err": bytearray()}
        self._grown = threading.Condition()
        self.process = subprocess.Popen(
            argv,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._readers = [
            threading.Thread(target=self._drain, args=(name, pipe), daemon=True)
            for name, pipe in (("out", self.process.stdout), ("err", self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _drain(self, name: str, pipe: Any) -> None:
        with pipe:
            while piece := pipe.read1(65536):
                with self._grown:
                    self._said[name] += piece
                    self._grown.notify_all()

    def until_said(self, text: str, *, where: str = "out") -> None:
        """Wait for `text` in the output."""
        wanted = text.encode()
        with self._grown:
            found = self._grown.wait_for(lambda: wanted in self._said[where], TIMEOUT)
        assert found, f"{text!r} was never said: {bytes(self._said[where])!r}"

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """Pull the plug; nothing is checked but that the key was not told."""
        self.process.kill()
        self.finish(checked=False)

    def finish(self, *, checked: bool = True) -> Result:
        try:
            code = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(
                f"hung: {self.process.args!r}\n{self._said['out'].decode(errors='replace')[-3000:]}"
                f"\n{self._said['err'].decode(errors='replace')}"
            ) from None
        for reader in self._readers:
            reader.join()
        stdout = self._said["out"].decode("utf-8", "replace")
        stderr = self._said["err"].decode("utf-8", "replace")
        lines = []
        if checked and self._json:
            lines = [json.loads(line) for line in stdout.splitlines()]
        result = Result(code, lines, stdout, stderr)
        check_secret(self.bench, result)
        if checked:
            check_books(result)
        return result


def check_books(result: Result) -> None:
    """What holds for every run: one summary, last; every file once; one number for the exit."""
    assert "Traceback" not in result.stderr, result.told()
    runs = [line for line in result.lines if line["type"] == "run"]
    summaries = [line for line in result.lines if line["type"] == "summary"]
    assert len(runs) <= len(summaries) <= 1, result.told()
    if summaries:
        summary = result.lines[-1]
        assert summary["type"] == "summary", result.told()
        assert summary["discovered"] == sum(summary["outcomes"].values()), result.told()
        assert summary["exit_code"] == result.code, result.told()
        told = Counter(line["outcome"] for line in result.items())
        assert told == {k: n for k, n in summary["outcomes"].items() if n}, result.told()


def check_secret(bench: Bench, result: Result) -> None:
    """The key is in the header and nowhere else."""
    key = bench.key
    assert key not in result.stdout, "the key is on stdout"
    assert key not in result.stderr, "the key is on stderr"
    for place in (bench.state, bench.out, bench.home / ".local", bench.home / ".config"):
        for path in place.rglob("*") if place.exists() else ():
            if path.is_file() and not path.is_symlink():
                assert key.encode() not in path.read_bytes(), f"the key is in {path}"


def run_command(args: Sequence[str], bench: Bench, **options: Any) -> Result:
    """Run the installed command with `--json`, whatever it exits with."""
    return bench.run(*args, code=None, **options)


def until(ready: Callable[[], bool], running: Running | None = None) -> None:
    """Poll the server until `ready`; each look is a request, so this does not spin idly."""
    stop = threading.Event()
    for _ in range(TIMEOUT * 100):
        if ready():
            return
        assert running is None or running.process.poll() is None, running.finish().told()
        stop.wait(0.01)
    raise AssertionError("what was waited for never happened")


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Held:
    """One asset as the server has it."""

    id: str
    name: str
    trashed: bool
    favorite: bool
    visibility: str
    sidecar: bytes | None


class Server:
    """The sandbox as one fresh user sees it: its true state, and what is to go wrong."""

    CHANGING = ("upload", "albums", "album-add", "tags", "tag-add", "other")

    def __init__(self, box: SandboxProcess, *, owner: str | None = None, key: str = "") -> None:
        self.box = box
        self.version = box.version
        self.owner, self.key = (owner, key) if owner else self._add_user(None)
        self._away = False
        box.reset_stats()

    @property
    def url(self) -> str:
        return self.box.url

    def _add_user(self, quota: int | None) -> tuple[str, str]:
        user = self.box.control("users", {"name": "test", "quota": quota})
        return user["id"], user["key"]

    def new_user(self, *, quota: int) -> str:
        """Become another user, with a quota in bytes; returns its key."""
        self.owner, self.key = self._add_user(quota)
        return self.key

    def new_key(self, permissions: list[str]) -> str:
        body = {"permissions": permissions, "user": self.owner}
        return str(self.box.control("keys", body)["key"])

    # what it holds

    def _assets(self) -> list[dict[str, Any]]:
        return [asset for asset in self.box.assets() if asset["owner"] == self.owner]

    def held(self) -> dict[str, int]:
        """How often it holds each content outside the trash, by SHA-1."""
        return dict(Counter(a["checksum"] for a in self._assets() if not a["trashed"]))

    def asset(self, checksum: str) -> Held:
        (found,) = [asset for asset in self._assets() if asset["checksum"] == checksum]
        sidecar = None
        if found["sidecar"]:
            place = self.box.data / "upload" / found["id"][:2] / f"{found['id']}.xmp"
            sidecar = place.read_bytes()
        return Held(
            found["id"],
            found["originalFileName"],
            found["trashed"],
            found["favorite"],
            found["visibility"],
            sidecar,
        )

    def albums(self) -> dict[str, list[set[str]]]:
        """Contents of every album by its name, which need not be unique."""
        state = self.box.state()
        checksums = {asset["id"]: asset["checksum"] for asset in state["assets"]}
        found: dict[str, list[set[str]]] = {}
        for album in state["albums"]:
            if album["owner"] == self.owner:
                contents = {checksums[asset] for asset in album["assets"]}
                found.setdefault(album["name"], []).append(contents)
        return found

    def tags(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for asset in self._assets():
            for tag in asset["tags"]:
                found.setdefault(tag, set()).add(asset["checksum"])
        return found

    def known(self) -> dict[str, dict[str, Any]]:
        """All it knows of every asset of the user, by id."""
        return {asset["id"]: asset for asset in self._assets()}

    def sums(self, ids: Iterable[str]) -> list[str]:
        """The SHA-1 of these assets, in their order."""
        known = {asset["id"]: asset["checksum"] for asset in self.box.assets()}
        return [known[asset_id] for asset_id in ids]

    # what it saw

    def originals(self) -> int:
        """Bodies of photos that were asked for."""
        return self.requests("original")

    def listings(self) -> int:
        """All other requests of a download."""
        return self.requests() - self.originals()

    def bodies(self) -> int:
        """Whole upload bodies that arrived."""
        return int(self.box.stats()["upload_bodies"])

    def in_flight(self) -> int:
        return int(self.box.stats()["in_flight"])

    def requests(self, *routes: str) -> int:
        """Requests seen, in all or on some routes."""
        stats = self.box.stats()
        return sum(stats["routes"].get(r, 0) for r in routes) if routes else stats["requests"]

    def changes(self) -> int:
        return self.requests(*self.CHANGING)

    def album_waits(self) -> bool:
        return self.requests("album-add", "tag-add") > 0

    # what the user does there

    def seed(self, *names: str, size: int = 200, **more: Any) -> list[str]:
        """Photos with real, distinct bytes, by their names or by `assets`; returns their ids."""
        body = {"user": self.owner, "bytes": size, **more}
        ids: list[str] = self.box.control("seed", body | ({"names": names} if names else {}))["ids"]
        return ids

    def edit(self, *ids: str, **changes: Any) -> None:
        """Change these photos, as the control route `edit` takes it."""
        self.box.control("edit", {"ids": ids, **changes})

    def album(self, name: str, *ids: str, **more: Any) -> str:
        """Put photos into the user's album of this name, made if missing; returns its id."""
        body = {"name": name, "user": self.owner, "ids": ids, **more}
        return str(self.box.control("albums", body)["id"])

    def new_album(self, name: str, *ids: str) -> str:
        """One more album, whatever others are called; returns its id."""
        request = urllib.request.Request(
            f"{self.url}/api/albums",
            data=json.dumps({"albumName": name, "assetIds": ids}).encode(),
            headers={"Content-Type": "application/json", "x-api-key": self.key},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return str(json.load(response)["id"])

    def trash(self, checksum: str) -> None:
        self.box.trash(self.asset(checksum).id)

    def delete(self, checksum: str) -> None:
        self.box.delete(self.asset(checksum).id)

    def until_forgotten(self, checksum: str) -> None:
        """A delete for good is done by a job: wait for it."""
        until(lambda: all(asset["checksum"] != checksum for asset in self._assets()))

    def delete_everything(self) -> None:
        self.box.delete(*(asset["id"] for asset in self._assets()))

    # what goes wrong

    def break_check(self, *, times: int = 10**9, after: int = 0) -> None:
        self.box.faults(f"check:{after + 1}-{after + times}=502")

    def break_every_fifth_upload(self) -> None:
        self.box.faults("upload:every5=502|503,retry-after=1|reset|lost")

    def lose_answers(self, *, times: int) -> None:
        self.box.faults(f"upload:1-{times}=lost")

    def cut_bodies(self, *, at: int, times: int) -> None:
        self.box.faults(f"upload:1-{times}=reset,at={at}")

    def stall_uploads(self, *, times: int) -> None:
        self.box.faults(f"upload:1-{times}=stall,seconds=60")

    def slow_reads(self, rate: int) -> None:
        """Uploads that begin from now on are read at `rate` bytes a second."""
        self.box.faults(f"upload:*=slow,rate={rate}")

    def poison(self, *names: str) -> None:
        """These file names always end in a 500; without names every upload does."""
        rules = [f"upload:name={name}=500" for name in names] or ["upload:*=500"]
        self.box.faults(*rules)

    def refuse_bodies_over(self, size: int) -> None:
        self.box.faults(f"upload:size>{size}=413")

    def refuse_key(self) -> None:
        self.box.faults("upload:*=401", "check:*=401")

    def break_albums(self) -> None:
        self.box.faults("album-add:*=502", "tag-add:*=502")

    def stall_albums(self) -> None:
        self.box.faults("album-add:*=stall,seconds=60", "tag-add:*=stall,seconds=60")

    def maintenance(self, on: bool) -> None:
        self.box.maintenance(on)

    def away(self, seconds: float) -> None:
        """Refuse connections; beyond a minute only `clear_faults` brings it back."""
        self._away = seconds > 60
        self.box.away(seconds)

    def restart(self) -> None:
        """The process dies by SIGKILL and is started again on the same port."""
        self.box.kill()
        self.box.start()

    def clear_faults(self) -> None:
        if self._away:
            self._away = False
            self.box.restart()
        self.box.faults()


Answer = tuple[int, dict[str, str], bytes]


class Stub:
    """A web server that is not Immich; remembers every request, headers included."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.requests: list[tuple[str, str, str]] = []
        seen = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append((self.command, self.path, str(self.headers)))
                status, headers, body = answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.do_GET()

            def do_PUT(self) -> None:
                self.do_GET()

            def log_request(self, code: object = "", size: object = "") -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def saw(self, secret: str) -> bool:
        return any(secret in part for request in self.requests for part in request)

    def __enter__(self) -> Stub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
