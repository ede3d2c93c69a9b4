"""Telling systemd how we are (sd_notify(3)): a datagram to the socket it named, or nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

BEATS = 2
"""Signs of life within the time after which systemd takes us for hung."""


class Supervisor:
    """Who started us, if it wants to be told."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.beat_seconds = _beat(environ)
        """How often to say that we are alive; None when nobody minds."""

    def tell(self, *lines: str) -> None:
        """Send states like 'READY=1'. A supervisor that went away is no trouble of ours."""
        if not self._address.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
            return
        # An @ stands for the NUL of an abstract address.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto("\n".join(lines).encode("utf-8", "replace"), address)
        except OSError:
            return


def _beat(environ: Mapping[str, str]) -> float | None:
    micros, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not environ.get("NOTIFY_SOCKET") or not micros.isdigit() or int(micros) == 0:
        return None
    if pid and pid != str(os.getpid()):
        return None  # it is our parent's dog
    return int(micros) / 1e6 / BEATS
