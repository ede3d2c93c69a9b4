"""`python -m tests.conformance`: Immich's own client and a Python one against the sandbox.

They come from npm and PyPI into `.conformance/`. Whatever they ask the sandbox must answer as a
server would, and afterwards the sandbox must hold exactly what was on disk. All that was said is
kept in `.conformance/runs/`.

Exit codes: 0 all passed, 1 something failed, 3 no client can be had here.
"""

from __future__ import annotations

import sys

from benchmarks.peers import Missing

from . import official, python_package
from .record import Record
from .talks import hold


def main() -> int:
    record = Record()
    talks = []
    for client, found in (
        ("The official client", official.talks(record)),
        ("The Python package immichpy", python_package.talks(record)),
    ):
        if isinstance(found, Missing):
            record.say(f"{client} cannot be installed, its part is left out: {found.reason}")
        else:
            talks += found
    for talk in talks:
        hold(talk, record)
    record.say(f"{record.passed} passed, {record.failed} failed; all of it is in {record.folder}")
    record.close()
    if not talks:
        return 3
    return 1 if record.failed else 0


if __name__ == "__main__":
    sys.exit(main())
