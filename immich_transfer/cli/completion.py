"""`immich-transfer completion`: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click

from .shared import Command

VARIABLE = "_IMMICH_TRANSFER_COMPLETE"
"""The script sets it to call back; `run_group` heeds it."""

EPILOG = """\b
bash: add to ~/.bashrc
  eval "$(immich-transfer completion bash)"

\b
zsh: add to ~/.zshrc, after compinit
  eval "$(immich-transfer completion zsh)"

\b
fish: write it once
  immich-transfer completion fish > ~/.config/fish/completions/immich-transfer.fish

\b
A file made once spares the shell a start of this command:
  immich-transfer completion bash \\
    > ~/.local/share/bash-completion/completions/immich-transfer

\b
Examples:
  immich-transfer completion bash"""


@click.command("completion", cls=Command, epilog=EPILOG)
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print a script for your shell: it then completes commands, options and files."""
    from click.shell_completion import ShellComplete, get_completion_class

    from .failure import PROGRAM
    from .root import cli

    kind = get_completion_class(shell)
    assert kind is not None
    # Not kind.source(): for bash it starts one to see how old it is, and there may be none here.
    click.echo(ShellComplete.source(kind(cli, {}, PROGRAM, VARIABLE)))
    return 0
