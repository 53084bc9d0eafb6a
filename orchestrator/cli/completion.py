"""completion: what a shell needs to complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

_SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script by which a shell completes commands, options, task ids, agents and documents.

    \b
    bash: eval "$(orchestrator completion bash)"         in ~/.bashrc
    zsh:  eval "$(orchestrator completion zsh)"          in ~/.zshrc, after compinit
    fish: orchestrator completion fish > ~/.config/fish/completions/orchestrator.fish
    """
    root = context.find_root().command
    click.echo(_SHELLS[shell](root, {}, "orchestrator", "_ORCHESTRATOR_COMPLETE").source())
