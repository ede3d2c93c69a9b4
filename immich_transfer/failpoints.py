"""Named points where a test may pull the plug, or have the system refuse what comes next.

    IMMICH_TRANSFER_FAILPOINT=disk.name#3       SIGKILL of this very process at the third passing
    IMMICH_TRANSFER_FAILPOINT=disk.name#3!EIO   there, OSError with that errno instead
    IMMICH_TRANSFER_FAILPOINT=disk.name!EIO     the same at every passing
    IMMICH_TRANSFER_FAILPOINT=?points.txt       nothing happens; append each passing to a file

Unset, as it is for everybody but the tests, a point costs the look at one constant:

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

_ASKED = os.environ.get(VARIABLE, "")
ARMED = bool(_ASKED)
_WHERE, _, _ERROR = _ASKED.partition("!")

_passed: defaultdict[str, itertools.count[int]] = defaultdict(lambda: itertools.count(1))


def point(name: str) -> None:
    """Pass a point. Any thread may; the count is exact because `next` on a counter is."""
    if _ERROR:
        refusal(name)
        return
    number = next(_passed[name])
    if _ASKED.startswith("?"):
        descriptor = os.open(_ASKED[1:], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{name}#{number}\n".encode())
        finally:
            os.close(descriptor)
    elif f"{name}#{number}" == _ASKED:
        os.kill(os.getpid(), signal.SIGKILL)


def refusal(name: str) -> None:
    """Raises OSError when this passing is the one that was asked for."""
    if _ERROR and _WHERE in (name, f"{name}#{next(_passed[name])}"):
        number = getattr(errno, _ERROR)
        raise OSError(number, os.strerror(number))
