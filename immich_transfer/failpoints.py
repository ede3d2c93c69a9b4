"""Named points where a test may pull the plug: SIGKILL of this very process.

    IMMICH_TRANSFER_FAILPOINT=disk.name#3     kill at the third passing of `disk.name`
    IMMICH_TRANSFER_FAILPOINT=?points.txt     kill nowhere; append each passing to a file

Unset, as it is for everybody but the tests, a point costs the look at one constant:

    if ARMED:
        point("disk.name")
"""

from __future__ import annotations

import itertools
import os
import signal
from collections import defaultdict

VARIABLE = "IMMICH_TRANSFER_FAILPOINT"

_ASKED = os.environ.get(VARIABLE, "")
ARMED = bool(_ASKED)

_passed: defaultdict[str, itertools.count[int]] = defaultdict(lambda: itertools.count(1))


def point(name: str) -> None:
    """Pass a point. Any thread may; the count is exact because `next` on a counter is."""
    number = next(_passed[name])
    if _ASKED.startswith("?"):
        descriptor = os.open(_ASKED[1:], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{name}#{number}\n".encode())
        finally:
            os.close(descriptor)
    elif f"{name}#{number}" == _ASKED:
        os.kill(os.getpid(), signal.SIGKILL)
