"""completion: what a shell needs to complete our commands."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script by which a shell completes commands.

    And options, task ids, agents and documents.

    \b
    bash, in ~/.bashrc:
      eval "$(orchestrator completion bash)"
    zsh, in ~/.zshrc after compinit:
      eval "$(orchestrator completion zsh)"
    fish, once:
      orchestrator completion fish
        > ~/.config/fish/completions/orchestrator.fish
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(context.find_root().command, {}, "orchestrator", "_ORCHESTRATOR_COMPLETE").source())
