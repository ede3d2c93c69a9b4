"""Check: are both sides the same? Nothing is changed, here or there.

    local.py    walk ─► hash ─► ask the server      is every local file there?
    remote.py   list ─► plan ─► look (─► read)      is every asset here?
    scrub.py    manifest ─► read                    are our files still what we wrote?

The first two ride on the stages of upload and download, and stop before anything would be sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from immich_transfer.config.options import CheckOptions, ServerOptions, TransferOptions
from immich_transfer.errors import UsageError
from immich_transfer.events import Listener
from immich_transfer.model import Summary

from .local import check_files
from .remote import check_assets
from .repair import repair
from .scrub import scrub


async def run_check(
    server: ServerOptions | None,
    transfer: TransferOptions,
    options: CheckOptions,
    *,
    listener: Listener,
    arguments: Sequence[str],
    stop: asyncio.Event | None = None,
) -> Summary:
    """Compare; the summary's `exit_code` is 4 when something differs. Only a scrub without repair
    needs no server.

    Raises a TransferError only for what ends the run before it began.
    """
    if options.scrub is not None and not options.repair:
        return await scrub(
            transfer, options.scrub, listener=listener, arguments=arguments, stop=stop
        )
    if server is None:
        raise UsageError("a server is needed for this check")
    if options.scrub is not None:
        return await repair(
            server, transfer, options.scrub, listener=listener, arguments=arguments, stop=stop
        )
    if options.files is not None:
        return await check_files(
            server, transfer, options, listener=listener, arguments=arguments, stop=stop
        )
    return await check_assets(
        server, transfer, options, listener=listener, arguments=arguments, stop=stop
    )
