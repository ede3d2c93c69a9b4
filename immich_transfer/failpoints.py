"""Named points where a test may pull the plug, or have the system refuse what comes next.

    IMMICH_TRANSFER_FAILPOINT=disk.name#3       SIGKILL of this very process at the third passing
    IMMICH_TRANSFER_FAILPOINT=disk.name#3!EIO   there, OSError with that errno instead
    IMMICH_TRANSFER_FAILPOINT=disk.name!EIO     the same at every passing
    IMMICH_TRANSFER_FAILPOINT=?points.txt       nothing happens; append each passing to a file

Several are separated by commas. Unset, as it is for everybody but the tests, a point costs the look
at one constant:

    if ARMED:
        point("disk.name")     it matters whether we die here
        refusal("disk.read")   we only look here: a kill would prove nothing, a refusal does
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
from collections import defaultdict

VARIABLE = "IMMICH_TRANSFER_FAILPOINT"

_ASKED = [asked for asked in os.environ.get(VARIABLE, "").split(",") if asked]
ARMED = bool(_ASKED)
_TRACE = next((asked[1:] for asked in _ASKED if asked.startswith("?")), None)
_ERRORS = {where: error for where, _, error in (asked.partition("!") for asked in _ASKED) if error}
_REFUSED = {where.partition("#")[0] for where in _ERRORS}
_KILLS = {asked for asked in _ASKED if "!" not in asked}

_passed: defaultdict[str, itertools.count[int]] = defaultdict(lambda: itertools.count(1))


def point(name: str) -> None:
    """Pass a point. Any thread may; the count is exact because `next` on a counter is."""
    here = _pass(name)
    if _TRACE is not None:
        descriptor = os.open(_TRACE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{here}\n".encode())
        finally:
            os.close(descriptor)
    elif here in _KILLS:
        os.kill(os.getpid(), signal.SIGKILL)


def refusal(name: str) -> None:
    """Raises OSError when this passing is one that was asked for; for a kill it does not count."""
    if name in _REFUSED:
        _pass(name)


def _pass(name: str) -> str:
    """The name and number of this passing."""
    here = f"{name}#{next(_passed[name])}"
    error = _ERRORS.get(here) or _ERRORS.get(name)
    if error is not None:
        number = getattr(errno, error)
        raise OSError(number, os.strerror(number))
    return here
