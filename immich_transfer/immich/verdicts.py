"""What an answer outside 2xx means: whose failure it is, and whether another try may help. Pure.

The server's own trouble is waited out, an item's is the item's, and what concerns the key or the
whole run ends it (design: whose failure).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from yarl import URL

from immich_transfer.errors import (
    CannotContinue,
    KeyRefused,
    ServerRefused,
    Stumbled,
    Throttled,
    Transient,
    Unavailable,
    UsageError,
)
from immich_transfer.policy.retry import retry_after, told_clock

from .reasons import REASONS, target_of
from .wire import error_text

_GONE = "Not found or no "
"""How a 400 begins that means gone, locked or somebody else's (recorded on 2.7.5 and 3.0.3)."""


class RouteMissing(Unavailable):
    """404 on a route that must exist: maintenance, or not Immich at all."""


def judge(
    base: URL, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
) -> Exception:
    """What an answer outside 2xx means: see the decided cases of `whose failure`."""
    text = error_text(body)
    shown = path if "://" in path else f"/{path}"  # whole where a redirect led
    told = f"{status} {text or REASONS.get(status, 'without a reason')}"
    patience = asked_pause(headers)
    match status:
        case 401:
            return KeyRefused(
                f"the server refuses the API key ({text or 'unauthorized'})",
                hint="make a new key under Account Settings > API Keys, set IMMICH_API_KEY",
            )
        case 403 if not text:
            return ServerRefused(
                "403 from something in front of the server, not from Immich",
                status=status,
                hint="a proxy or firewall refuses this request: look at its log",
            )
        case 403:
            return KeyRefused(
                f"the API key may not do this: {text or 'forbidden'}",
                hint="give the key this permission under Account Settings > API Keys",
            )
        case 404 if text.startswith("Cannot ") or not text:
            return RouteMissing(f"{method} {shown} is not there: maintenance, or not Immich")
        case 429 | 503:
            return Throttled(told, retry_after=patience)
        case 408 | 502 | 504:
            return busy(told, patience)
        case 413:
            return ServerRefused(
                told,
                status=status,
                hint="a proxy in front of the server refuses bodies of this size: raise its "
                "limit (nginx client_max_body_size; Cloudflare stops at 100 MB) or use the "
                "server's local address",
            )
        case 400 if "quota has been exceeded" in text.lower():
            return CannotContinue(
                "the storage quota on the server is used up",
                hint="raise the user's quota or free space, then run the same command again",
            )
        case 507:
            return CannotContinue(f"the server's disk is full ({told})")
        case _ if 300 <= status < 400:
            return UsageError(
                f"{base} redirects to {target_of(base, headers.get('Location', ''))}",
                hint="if that is your server, too, use its final address as the server's URL",
            )
        case _ if status >= 500:
            return Stumbled(told)
        case _:
            return ServerRefused(told, status=status)


def busy(told: str, patience: float | None) -> Transient:
    """The server or its proxy is in trouble; `patience` is what it asked for, in seconds."""
    return Unavailable(told) if patience is None else Throttled(told, retry_after=patience)


def asked_pause(headers: Mapping[str, str]) -> float | None:
    """Seconds that the answer asks us to wait (RFC 9110, Retry-After), by the server's clock."""
    clock = told_clock(headers.get("Date"), datetime.now(UTC))
    return retry_after(headers.get("Retry-After"), clock)


def is_gone(refusal: ServerRefused) -> bool:
    """True when the server says that there is no such thing, or none for this key."""
    return refusal.status == 404 or (refusal.status == 400 and _GONE in refusal.message)
