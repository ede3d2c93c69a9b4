"""The Python package immichpy, from PyPI, in an environment of its own.

It was generated from Immich's API documents and believes no answer that is not as they say: each
of its major versions is held against the servers of its time. Today's sends no device ids, which a
2.7 server refuses.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.peers import INSTALL_SECONDS, Missing
from tests.sandbox_fixture import SandboxProcess

from .photos import held, in_album, make_photos, sha1_of
from .record import HOME, Record
from .running import installed, run
from .talks import Talk

NAME = "immichpy"
TODAY = ">=8"
"""Made from the documents of 3.2 and later."""
OF_TIMES = {"2.7": ">=4.2,<5", "3.0": ">=6,<8", "3.2": TODAY}
"""Which of its versions was made for which server: 4.2 from the documents of 2.7.5, 6 and 7 from
those of 3.0 and 3.1."""
SPEAKER = Path(__file__).with_name("speaker.py")


def install(folder: Path, version: str) -> str | Missing:
    """The Python that has it."""
    python = folder / "bin" / "python"
    if python.exists():
        return str(python)
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "--python"]
    for command in (
        [sys.executable, "-m", "venv", "--without-pip", str(folder)],
        [*pip, str(python), "install", f"{NAME}{version}"],
    ):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return Missing(NAME, f"it took more than {INSTALL_SECONDS} s")
        if done.returncode:
            words = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            told = [line for line in words if line.startswith("ERROR")] or words
            return Missing(NAME, told[-1])
    return str(python)


def talks(record: Record) -> list[Talk] | Missing:
    """Which of its versions speaks to which server."""
    found: list[Talk] = []
    missing: Missing | None = None
    for version, wanted in OF_TIMES.items():
        folder = (HOME / f"{NAME}-{version}").absolute()
        python = installed(folder, partial(install, version=wanted))
        if isinstance(python, Missing):
            missing = python
            record.say(f"No {NAME} {wanted}, its part is left out: {python.reason}")
            continue
        found.append(_talk(python, version, _conversation, record))
        if wanted == TODAY:
            found.append(_talk(python, "2.7", _refusal, record))
    return found or missing or []


def _talk(
    python: str,
    version: str,
    speak: Callable[[str, SandboxProcess, Path, Record], None],
    record: Record,
) -> Talk:
    asked = "import importlib.metadata as m; print(m.version('immichpy'))"
    done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)

    def work(server: SandboxProcess, home: Path) -> None:
        speak(python, server, home, record)

    return Talk(f"{NAME} {done.stdout.strip()}", version, work)


def _speak(
    python: str, server: SandboxProcess, home: Path, record: Record, part: str
) -> tuple[dict[str, Any], str]:
    """Have the client do its part of the conversation: what each step came to, and all it said."""
    environment = {"IMMICH_URL": server.url, "IMMICH_API_KEY": server.key}
    command = [python, str(SPEAKER), part, str(home / "photos"), str(home / "out")]
    code, said = run(command, home / "client", environment)
    record.note(f"$ {part}\n{said}\nexit {code}")
    steps = {}
    for line in said.splitlines():
        if line.startswith("{"):
            step = json.loads(line)
            steps[step.pop("step")] = step
    return steps, said


def _conversation(python: str, server: SandboxProcess, home: Path, record: Record) -> None:
    """Everything it does that concerns photos and albums, and what the server then holds."""
    check = record.check
    made = make_photos(home / "photos")
    everything = Counter(made.values())
    steps, said = _speak(python, server, home, record, "first")
    check("it came to its end", "end" in steps, said)
    for name, step in steps.items():
        if name != "end":
            check(name, step["ok"], str(step.get("told")))
    state = server.state()
    check("the server holds exactly the files", held(state) == everything)
    names = Counter(asset["originalFileName"] for asset in state["assets"])
    sent = Counter(quote(path.name) for path in made)  # the package percent-encodes what it sends
    check("under the names it sends", names == sent, str(names))
    check("all in the album", in_album(state, "Summer") == everything)
    check("half of them in an album made by hand", len(in_album(state, "By hand")) == 6)
    bodies = server.stats()["upload_bodies"]
    check("each sent once", bodies == len(made), f"{bodies} bodies")
    fetched = Counter(sha1_of(path) for path in (home / "out").glob("*/*"))
    check("every original came back bit for bit", fetched == everything, str(fetched))

    steps, said = _speak(python, server, home, record, "again")
    told = steps.get("duplicates", {}).get("told")
    check("again: sees duplicates", told == [0, len(made), 0], said)
    check("again: sends no body", server.stats()["upload_bodies"] == bodies)
    check("again: the server is the same", server.state() == state)


def _refusal(python: str, server: SandboxProcess, home: Path, record: Record) -> None:
    """Today's package and a 2.7 server: refused for the missing device ids, nothing stored."""
    made = make_photos(home / "photos")
    steps, said = _speak(python, server, home, record, "again")
    refused = "deviceAssetId must be a string" in said
    told = steps.get("duplicates", {}).get("told")
    record.check("today's package is refused as by 2.7.5", refused, said)
    record.check("and says so of every file", told == [0, 0, len(made)], said)
    record.check("nothing is stored", server.state()["assets"] == [])
