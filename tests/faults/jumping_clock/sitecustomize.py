"""A wall clock that jumps: a day ahead after twenty readings, an hour back after forty.

Python imports this by itself where its folder is on PYTHONPATH. The monotonic clock stays as it is,
as it does when a machine's clock is set.
"""

import itertools
import time

AFTER, DAY, HOUR = 20, 86_400, 3_600

_readings = itertools.count()
_time, _time_ns = time.time, time.time_ns


def _jumped() -> int:
    reading = next(_readings)
    return 0 if reading < AFTER else DAY if reading < 2 * AFTER else -HOUR


time.time = lambda: _time() + _jumped()
time.time_ns = lambda: _time_ns() + _jumped() * 10**9
