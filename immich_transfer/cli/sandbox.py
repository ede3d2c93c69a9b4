"""`immich-transfer sandbox`: the built-in server, for trying things without a real one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile

import click


@click.command(
    epilog="""\b
Examples:
  immich-transfer sandbox
  immich-transfer sandbox --port 2283 --data ./sandbox-data
  immich-transfer sandbox --version 3.0 --fault 'upload:every5=502|reset'"""
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port; 0 takes a free one.")
@click.option("--data", type=click.Path(file_okay=False), help="Keep data here, between starts.")
@click.option(
    "--version",
    type=click.Choice(["1.106", "1.132", "2.7", "3.0", "3.2"]),
    default="2.7",
    show_default=True,
    help="The server version to be.",
)
@click.option("--key", help="The admin's API key; made up when not given.")
@click.option(
    "--fault",
    "--faults",
    "faults",
    multiple=True,
    metavar="RULE",
    help="A scripted fault, like 'upload:1-3=502' (repeatable).",
)
@click.option("--fsync", is_flag=True, help="Sync every file and row to disk: slower, safe.")
@click.option(
    "--slow",
    type=click.FloatRange(0, min_open=True),
    metavar="RATE",
    help="Take at most so many uploads a second, fewer when pushed, as a server whose jobs run.",
)
@click.option("--json", "as_json", is_flag=True, help="Say where it listens as one JSON line.")
def sandbox(
    host: str,
    port: int,
    data: str | None,
    version: str,
    key: str | None,
    faults: tuple[str, ...],
    fsync: bool,
    slow: float | None,
    as_json: bool,
) -> None:
    """Run an Immich-compatible server in one process.

    Real storage and real checksums, no thumbnails or jobs. Without --data everything is gone when
    it ends.
    """
    from immich_transfer.sandbox.faults import BadFault
    from immich_transfer.sandbox.server import Sandbox, run

    with contextlib.ExitStack() as closing:
        if data is None:
            data = closing.enter_context(tempfile.TemporaryDirectory(prefix="immich-sandbox-"))
        try:
            box = Sandbox(
                os.path.abspath(data),
                version=version,
                host=host,
                port=port,
                key=key,
                faults=faults,
                durable=fsync,
                slow=slow,
            )
        except BadFault as bad:
            raise click.UsageError(str(bad)) from None

        async def main() -> None:
            await run(box, as_json=as_json)

        try:
            asyncio.run(main())
        except OSError as error:
            raise click.ClickException(
                f"cannot listen on {host}:{port}: {error.strerror}"
            ) from None
