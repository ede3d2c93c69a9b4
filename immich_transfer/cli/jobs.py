"""`immich-transfer jobs`: the server's queues, for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .bridge import bridge_options, confirm, emit, group, run_bridge, yes_option
from .shared import POSITIVE_DURATION, Command, examples, option
from .table import Column, Table
from .waiting import Waiting
from .words import one_line, say, warn

if TYPE_CHECKING:
    from immich_transfer.bridge.client import Immich
    from immich_transfer.bridge.server_models import Queue

HOW = "What to do"
NAMES = click.argument("names", nargs=-1, required=True, metavar="NAME...")

EPILOG = examples(
    "jobs list",
    "jobs start thumbnailGeneration",
    "jobs start smart-search --force",
    "jobs pause smartSearch faceDetection",
    "jobs resume smartSearch faceDetection",
    "jobs wait --timeout 1h",
)


@group("jobs", EPILOG)
def jobs() -> None:
    """The server's queues of jobs. Needs an admin's key.

    A NAME is that of any server version or of the web page: thumbnailGeneration,
    thumbnail-generation, "Generate Thumbnails".
    """


@jobs.command("list", cls=Command, epilog=examples("jobs list", "jobs list --json"))
@bridge_options
@click.pass_context
def list_(ctx: click.Context, /, **params: Any) -> int:
    """List the queues and what is in them.

    Needs queue.read, before 2.4 job.read.
    """

    async def work(server: Immich) -> None:
        found = await server.jobs.list()
        if params["json"]:
            for queue in found:
                emit("queue", _fields(queue))
            return
        heads = ("ACTIVE", "WAITING", "HELD", "DELAYED", "FAILED")
        with Table(Column("QUEUE"), Column("STATE"), *(Column(h, right=True) for h in heads)) as t:
            for queue in found:
                state = "paused" if queue.paused else "busy" if queue.left else "idle"
                counts = (queue.active, queue.waiting, queue.held, queue.delayed, queue.failed)
                t.row(queue.name, state, *(f"{count:,}" for count in counts))

    return run_bridge(ctx.params, work)


@jobs.command(
    "start",
    cls=Command,
    epilog=examples("jobs start sidecar", "jobs start ocr --force", "jobs start person-cleanup"),
)
@NAMES
@option("--force", is_flag=True, section=HOW,
        help="Do everything again, not only what is missing.")  # fmt: skip
@bridge_options
@click.pass_context
def start(ctx: click.Context, /, names: tuple[str, ...], force: bool, **params: Any) -> int:
    """Have queues work on what is missing.

    Needs job.create, and the permission of list. Also starts housekeeping: person-cleanup,
    tag-cleanup, user-cleanup and what newer servers add.
    """

    async def work(server: Immich) -> None:
        for name in names:
            queue = await server.jobs.start(name, force=force)
            _done("job-start", name, queue, "started", as_json=params["json"])

    return run_bridge(ctx.params, work)


@jobs.command(
    "pause", cls=Command, epilog=examples("jobs pause smartSearch", "jobs pause faces ocr")
)
@NAMES
@bridge_options
@click.pass_context
def pause(ctx: click.Context, /, names: tuple[str, ...], **params: Any) -> int:
    """Begin no new job in these queues; what runs is finished.

    Needs queue.read and queue.update, before 2.4 job.read and job.create.
    """
    return _each(ctx, names, "pause", "paused")


@jobs.command("resume", cls=Command, epilog=examples("jobs resume smartSearch"))
@NAMES
@bridge_options
@click.pass_context
def resume(ctx: click.Context, /, names: tuple[str, ...], **params: Any) -> int:
    """Let these queues go on.

    Needs the permissions of pause.
    """
    return _each(ctx, names, "resume", "resumed")


@jobs.command("empty", cls=Command, epilog=examples("jobs empty videoConversion --yes"))
@NAMES
@yes_option
@bridge_options
@click.pass_context
def empty(ctx: click.Context, /, names: tuple[str, ...], yes: bool, **params: Any) -> int:
    """Drop the jobs that wait in these queues.

    Needs queueJob.delete, before 2.4 job.create, and the permission of list.
    """
    confirm(f"Drop the jobs that wait in {one_line(', '.join(names))}?", yes=yes)
    return _each(ctx, names, "empty", "emptied")


@jobs.command("clear-failed", cls=Command, epilog=examples("jobs clear-failed smartSearch"))
@NAMES
@bridge_options
@click.pass_context
def clear_failed(ctx: click.Context, /, names: tuple[str, ...], **params: Any) -> int:
    """Forget the jobs that failed in these queues.

    Needs job.create, and the permission of list.
    """
    return _each(ctx, names, "clear_failed", "has no failed jobs any more")


@jobs.command(
    "wait",
    cls=Command,
    epilog=examples("jobs wait", "jobs wait thumbnails metadata --timeout 30m"),
)
@click.argument("names", nargs=-1, metavar="[NAME...]")
@option("--timeout", type=POSITIVE_DURATION, metavar="DURATION", section=HOW,
        help="End with exit 8 when it takes longer. [default: none]")  # fmt: skip
@bridge_options
@click.pass_context
def wait(
    ctx: click.Context, /, names: tuple[str, ...], timeout: float | None, **params: Any
) -> int:
    """Return when all queues, or these, are idle.

    Needs the permission of list. A queue that is paused with jobs in it ends the wait for it
    with exit 7; among all it is left out, and said so.
    """

    async def work(server: Immich) -> None:
        with Waiting(quiet=params["quiet"]) as waiting:
            found = await server.jobs.wait(names, timeout=timeout, heard=waiting)
        held = [queue.name for queue in found if queue.paused and queue.held + queue.waiting]
        if params["json"]:
            idle = [queue.name for queue in found if queue.name not in held]
            emit("jobs-wait", {"idle": idle, "held": held})
            return
        what = "are" if not names or len(found) > 1 else "is"
        say(f"{one_line(', '.join(q.name for q in found)) if names else 'All queues'} {what} idle.")
        if held:
            warn(f"not waited for, since they are paused: {', '.join(held)}")

    return run_bridge(ctx.params, work)


def _each(ctx: click.Context, names: tuple[str, ...], method: str, done: str) -> int:
    """Do the same to each queue; all names are known to be good before the first is touched."""

    async def work(server: Immich) -> None:
        for name in names:
            await server.jobs.find(name)
        for name in names:
            queue = await getattr(server.jobs, method)(name)
            kind = f"job-{method.replace('_', '-')}"
            _done(kind, name, queue, done, as_json=ctx.params["json"])

    return run_bridge(ctx.params, work)


def _done(kind: str, name: str, queue: Queue | None, done: str, *, as_json: bool) -> None:
    told = queue.name if queue is not None else name
    if as_json:
        emit(kind, {"name": told} if queue is None else _fields(queue))
    else:
        say(f"{one_line(told)}: {done}")


def _fields(queue: Queue) -> dict[str, Any]:
    import msgspec

    return msgspec.structs.asdict(queue)
