"""`immich-transfer demo`: the main job for real, on a built-in server, in about half a minute.

Photos are made up (small PNG pictures), everything else is real: a server process with storage,
the installed command, a SIGKILL in the middle. All of it lives in one folder; running the demo
again finds the first photos on the server and reads none of them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import click

BATCHES = (("2023 Sea", 12), ("2024 Mountains", 16), ("[2024] Trip", 8))


@click.command(
    epilog="""\b
Examples:
  immich-transfer demo
  immich-transfer demo --folder /tmp/try-immich-transfer
  immich-transfer demo --fresh"""
)
@click.option(
    "--folder",
    default=".demo",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Where photos, server and manifest of the demo live.",
)
@click.option("--fresh", is_flag=True, help="Delete that folder first.")
def demo(folder: str, fresh: bool) -> None:
    """See it work: upload, run again, kill in the middle, resume, mirror, check."""
    home = Path(folder).absolute()
    marker = home / "made-by-immich-transfer-demo"
    if home.exists() and any(home.iterdir()) and not marker.exists():
        raise click.UsageError(f"{folder} holds something else: name another --folder")
    if fresh and marker.exists():
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    marker.touch()
    photos = home / "photos"
    if not photos.exists():
        for place, (name, count) in enumerate(BATCHES):
            make_photos(photos / name, count, seed=place, side=160)
    server = start_server(home / "server")
    try:
        walk_through(home, photos, server)
    except KeyboardInterrupt:
        click.echo("\nStopped. `make demo` again takes it up from here.", err=True)
        raise SystemExit(130) from None
    finally:
        server.stop()


class Server:
    """The built-in server as a process of its own."""

    def __init__(self, process: subprocess.Popen[str], url: str, key: str) -> None:
        self.process = process
        self.url = url
        self.key = key

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_server(data: Path) -> Server:
    """Start `immich-transfer sandbox` on a free port and read where it is."""
    process = subprocess.Popen(
        [sys.executable, "-m", "immich_transfer", "sandbox", "--json", "--data", str(data)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait()
        raise click.ClickException("the built-in server did not start")
    ready = json.loads(line)
    return Server(process, ready["url"], ready["api_key"])


def walk_through(home: Path, photos: Path, server: Server) -> None:
    """The six scenes."""
    environment = os.environ | {
        "IMMICH_URL": server.url,
        "IMMICH_API_KEY": server.key,
        "IMMICH_TRANSFER_STATE_DIR": str(home / "state"),
    }

    def run(*arguments: str, kill_after: float | None = None) -> int:
        shown = " ".join(f'"{a}"' if set(a) & set(" *") else a for a in arguments)
        click.secho(f"\n$ immich-transfer {shown}", bold=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "immich_transfer", *arguments],
            env=environment,
            cwd=home,
        )
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        return process.wait()

    title(1, f"A folder goes up to a built-in Immich server ({server.url})")
    must(run("upload", "photos", "--album-from", "folder"))

    title(2, "The same again: nothing is read, hashed or sent twice")
    must(run("upload", "photos", "--album-from", "folder"))

    title(3, "A larger folder, and the plug is pulled (SIGKILL) in the middle")
    more = home / "more" / time.strftime("%Y-%m-%d %H.%M.%S")
    make_photos(more, 150, seed=time.time_ns(), side=120)
    target = str(more.relative_to(home))
    run("upload", target, "--album", "Pulled plug", "--bwlimit", "600k", kill_after=2.5)
    click.secho("  … killed.", fg="red")
    run("status")

    title(4, "Taking it up again: what went up before is not sent again")
    must(run("resume"))
    title(5, "All albums come down to a folder, each file checked against the server's SHA-1")
    must(run("mirror", "-o", "albums", "--album", "*"))

    title(6, "Is everything the same on both sides, and on disk what was written?")
    must(run("check", "photos"))
    must(run("check", "--album", "*", "-o", "albums"))
    must(run("check", "--scrub", "albums"))
    click.echo(f"\nThe albums are under {home / 'albums'}; run the demo again and scenes 1 and 5")
    click.echo("find everything there. Next: immich-transfer upload --help")


def title(number: int, text: str) -> None:
    click.secho(f"\n── {number}. {text}", fg="cyan", bold=True)


def must(code: int) -> None:
    if code != 0:
        raise SystemExit(code)


def make_photos(folder: Path, count: int, *, seed: int, side: int) -> None:
    """`count` different small pictures: valid PNG files of noise over a gradient."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(seed)
    for number in range(1, count + 1):
        tint = [draw.randrange(64, 256) for _ in range(3)]
        rows = bytearray()
        for y in range(side):
            rows.append(0)  # no PNG filter
            noise = draw.randbytes(side)
            for x in range(side):
                light = (x + y + (noise[x] & 31)) / (2 * side + 31)
                rows += bytes(int(channel * light) for channel in tint)
        (folder / f"IMG_{number:04}.png").write_bytes(png(side, side, bytes(rows)))


def png(width: int, height: int, rows: bytes) -> bytes:
    """A truecolour PNG from filtered rows (PNG specification, section 5)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 1))
        + chunk(b"IEND", b"")
    )
