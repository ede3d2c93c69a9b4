"""The end of a command that did not end well: one line, a hint, an exit code; no traceback.

With `--json` the same stands on stdout as one `{"type":"error"}` line.
"""

from __future__ import annotations

import os
import sys
import traceback

import click

from immich_transfer.errors import Exit, TransferError

from .secrets import learn_arguments, redact
from .words import json_line, one_line

PROGRAM = "immich-transfer"
DEBUG_VARIABLE = "IMMICH_TRANSFER_DEBUG"


def conclude(error: BaseException, arguments: list[str]) -> int:
    """Say what `error` means and return the exit code."""
    learn_arguments(arguments)
    error = root_cause(error)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    message, hint, code = _reading(error)
    if not isinstance(error, click.ClickException | TransferError | KeyboardInterrupt):
        details(error)
    _say(message, hint, code, as_json=wants_json(arguments))
    return code


def root_cause(error: BaseException) -> BaseException:
    """Task groups wrap what went wrong inside them: take the first that explains the end."""
    while isinstance(error, BaseExceptionGroup):
        told = [e for e in error.exceptions if isinstance(e, TransferError)]
        error = (told or error.exceptions)[0]
    return error


def _reading(error: BaseException) -> tuple[str, str | None, int]:
    match error:
        case click.UsageError():
            context = error.ctx
            path = context.command_path if context is not None else PROGRAM
            return _sentence(error.format_message()), f"Try '{path} --help'.", Exit.USAGE
        case click.ClickException():
            return _sentence(error.format_message()), None, error.exit_code
        case TransferError():
            return error.message, error.hint, error.exit_code
        case KeyboardInterrupt() | click.Abort() | EOFError():
            return "interrupted", None, Exit.INTERRUPTED
        case MemoryError():
            return "out of memory", None, Exit.CANNOT_CONTINUE
        case _:
            name = type(error).__name__
            hint = f"please report it; {DEBUG_VARIABLE}=1 or --log-file FILE keeps the details"
            return f"internal error: {name}: {error}", hint, Exit.FAILED


def _sentence(text: str) -> str:
    return one_line(text).rstrip(".")


def wants_json(arguments: list[str]) -> bool:
    """Whether this command line asked for JSON, even when it cannot be parsed."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def details(error: BaseException) -> None:
    """Where a defect is, for those who asked."""
    if os.environ.get(DEBUG_VARIABLE, "") not in ("", "0"):
        text = "".join(traceback.format_exception(error))
        click.echo(redact(text).encode("utf-8", "replace"), err=True, nl=False)


def _say(message: str, hint: str | None, code: int, *, as_json: bool) -> None:
    message, hint = redact(one_line(message)), redact(one_line(hint)) if hint else None
    if as_json:
        line = {"type": "error", "v": 1, "exit_code": int(code), "message": message}
        if hint is not None:
            line["hint"] = hint
        _write(json_line(line), err=False)
    _write(f"{PROGRAM}: {message}", err=True)
    if hint is not None:
        _write(f"  {hint}", err=True)


def _write(line: str, *, err: bool) -> None:
    try:
        click.echo(line.encode("utf-8", "replace"), err=err)
    except OSError:
        # Nobody listens there any more; the exit code still tells.
        if not err:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
