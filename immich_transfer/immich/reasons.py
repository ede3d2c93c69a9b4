"""Failures in words: one line, no class names, never the key."""

from __future__ import annotations

import errno
import os
import ssl

import aiohttp
from yarl import URL

from immich_transfer.errors import CannotContinue, ConnectionFailed, TransferError, UsageError


def plain_reason(error: Exception) -> str:
    """A connection error in words: no class names, no addresses of objects, never the key."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name {error.host} cannot be resolved"
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "os_error", error)
        told = (getattr(why, "reason", None) or "handshake failed").replace("_", " ").lower()
        return f"no TLS connection ({told}): does it speak https?"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return os.strerror(number).lower() if number else "cannot connect"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection without an answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer was cut short"
    if isinstance(error, aiohttp.ClientResponseError):
        # The parser's own words go on with the bytes it stumbled over.
        return f"not proper HTTP: {error.message.partition(':')[0].splitlines()[0][:60].lower()}"
    return "the connection failed" if not str(error) else str(error).splitlines()[0][:120]


def broken(error: Exception) -> TransferError:
    """No answer came: the line's fault, or the server's, unless this machine could not even try."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE):
        return CannotContinue(
            "this system allows no more open files",
            hint="raise the limit (ulimit -n), or use fewer --transfers; then run again",
        )
    return ConnectionFailed(plain_reason(error))


EXPIRED, NOT_YET, OTHER_NAME, OTHER_ADDRESS = 10, 9, 62, 64
"""OpenSSL's codes of what is wrong with a certificate (X509_V_ERR_…)."""


def certificate_refused(base: URL, error: aiohttp.ClientConnectorCertificateError) -> UsageError:
    """The certificate is not one we trust: waiting will not change that."""
    why = error.certificate_error
    code = getattr(why, "verify_code", None)
    risk = "or accept the risk with --insecure"
    if code in (EXPIRED, NOT_YET):
        state = "has expired" if code == EXPIRED else "is not valid yet"
        return UsageError(
            f"the certificate of {base.host} {state}",
            hint=f"renew it on the server (is the clock here right?), {risk}",
        )
    if code in (OTHER_NAME, OTHER_ADDRESS):
        return UsageError(
            f"the certificate is not made for {base.host}",
            hint=f"use the name it was made for in the server's URL, {risk}",
        )
    told = getattr(why, "verify_message", "")
    return UsageError(
        f"the certificate of {base.host} is not trusted" + (f" ({told})" if told else ""),
        hint=f"name its authority with --ca-file FILE, {risk}",
    )


def target_of(base: URL, location: str) -> str:
    """Where a redirect leads, without its query: that may hold what is nobody's business."""
    try:
        url = base.join(URL(location))
        return f"{url.origin()}{url.path[:200]}"
    except ValueError:
        return "somewhere else"


REASONS = {
    400: "bad request",
    404: "not found",
    408: "request timeout",
    413: "the body is too large",
    415: "unsupported media type",
    429: "too many requests",
    431: "request headers too large",
    500: "internal server error",
    502: "bad gateway",
    503: "service unavailable",
    504: "gateway timeout",
}
