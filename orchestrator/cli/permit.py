"""Which commands run: what the rules allow, what a person says, and nothing else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from orchestrator.cli import screen

if TYPE_CHECKING:
    from orchestrator.cli.progress import Progress
    from orchestrator.permissions import Permissions

_MOST = 8
"""Refused commands that are listed."""


class Permit:
    """Asked before each command. `refused`: the commands that did not run because nobody could be asked."""

    def __init__(self, permissions: Permissions, progress: Progress) -> None:
        import asyncio

        self.refused: list[str] = []
        self._permissions = permissions
        self._progress = progress
        self._asking = asyncio.Lock()

    async def __call__(self, command: str) -> bool:
        if self._permissions.allows(command):
            return True
        if not screen.interactive():
            self.refused.append(command)
            return False
        async with self._asking:  # one question at a time
            if self._permissions.allows(command):
                return True
            answer = await self._ask(command)
        if answer == "a":
            self._permissions.exact.add(command.strip())
        return answer in ("y", "a")

    def tell(self) -> None:
        """Say which commands were refused, and what would have let them run."""
        refused = list(dict.fromkeys(self.refused))
        if not refused:
            return
        count = f"{len(refused)} commands were" if len(refused) > 1 else "a command was"
        screen.complain(f"{count} refused, there was nobody to ask; allow with --yes, or one by one with")
        for command in refused[:_MOST]:
            # a rule with a star would not be read, or would allow more than this command
            option = f"no rule can name {screen.quoted(command)}" if "*" in command else screen.allowing(command)
            click.echo(f"  {option}", err=True)
        if len(refused) > _MOST:
            click.echo(f"  … and {len(refused) - _MOST} more", err=True)

    async def _ask(self, command: str) -> str:
        self._progress.pause()
        click.echo(click.style("The agent wants to run:", fg="yellow"), err=True)
        for row in screen.plain(command).splitlines():
            click.echo(f"    {row}", err=True)
        while True:
            click.echo("[y] once   [a] always, this command, in this run   [n] no: ", nl=False, err=True)
            answer = (await _line()).strip().lower()
            if answer[:1] in ("y", "a", "n", ""):
                return answer[:1] or "n"


async def _line() -> str:
    """A line from the terminal. Not in a thread: Ctrl-C must end the wait."""
    import asyncio

    loop = asyncio.get_running_loop()
    typed: asyncio.Future[bytes] = loop.create_future()
    descriptor = sys.stdin.fileno()

    def read() -> None:
        if not typed.done():
            typed.set_result(os.read(descriptor, 4096))

    loop.add_reader(descriptor, read)
    try:
        return (await typed).decode("utf-8", "replace")
    finally:
        loop.remove_reader(descriptor)
