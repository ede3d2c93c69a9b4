"""Move photo libraries between disks and an Immich server: resumable, verified, honest.

async with ImmichTransfer("http://nas:2283", key) as transfer:
    report = await transfer.upload(["photos"], albums=("Summer",))
    report = await transfer.download("albums", Selection(albums=("Summer",)))

async with Immich("http://nas:2283", key) as server:
    async for asset in server.assets.all():
        print(asset.name, asset.sha1_hex)

Names are imported when they are first used: `immich-transfer --help` needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import ImmichTransfer, Report
    from .bridge.client import Immich
    from .config.options import Selection
    from .errors import (
        CannotContinue,
        Exit,
        ItemError,
        KeyRefused,
        LimitReached,
        ManifestBusy,
        RunError,
        ServerUnavailable,
        TransferError,
        UsageError,
    )
    from .events import (
        Back,
        BytesMoved,
        Discovered,
        Event,
        Expected,
        Finished,
        Hashed,
        Listener,
        Notice,
        Retrying,
        RunStarted,
        SendEnded,
        SendStarted,
        Settled,
        Stopping,
        Waiting,
        WalkDone,
    )
    from .model import AssetId, ItemResult, Outcome, Sha1, Summary, Visibility

__version__ = "0.1.0"

__all__ = [
    "AssetId",
    "Back",
    "BytesMoved",
    "CannotContinue",
    "Discovered",
    "Event",
    "Exit",
    "Expected",
    "Finished",
    "Hashed",
    "Immich",
    "ImmichTransfer",
    "ItemError",
    "ItemResult",
    "KeyRefused",
    "LimitReached",
    "Listener",
    "ManifestBusy",
    "Notice",
    "Outcome",
    "Report",
    "Retrying",
    "RunError",
    "RunStarted",
    "Selection",
    "SendEnded",
    "SendStarted",
    "ServerUnavailable",
    "Settled",
    "Sha1",
    "Stopping",
    "Summary",
    "TransferError",
    "UsageError",
    "Visibility",
    "Waiting",
    "WalkDone",
    "__version__",
]

_HOMES = ("model", "errors", "events", "config.options", "bridge.client", "api")
"""Where the names above live; the dear one comes last."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in _HOMES:
            value = getattr(import_module(f".{home}", __name__), name, None)
            if value is not None:
                globals()[name] = value
                return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
