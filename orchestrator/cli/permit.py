"""Which commands run: what the rules allow, what a person says, and nothing else."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

import click

from orchestrator.cli import screen

if TYPE_CHECKING:
    from orchestrator.permissions import Permissions
    from orchestrator.task import Task

_MOST = 8
"""Refused commands that are listed."""


class Stage(Protocol):
    """What is on the terminal, and makes way for a question."""

    def question(self, task: Task, command: str) -> AbstractContextManager[None]: ...


class Permit:
    """Asked before each command. `refused`: the commands that did not run because nobody could be asked."""

    def __init__(self, permissions: Permissions, stage: Stage) -> None:
        import asyncio

        self.refused: list[str] = []
        self._permissions = permissions
        self._stage = stage
        self._asking = asyncio.Lock()

    async def __call__(self, task: Task, command: str) -> bool:
        if self._permissions.allows(command):
            return True
        if not screen.interactive():
            self.refused.append(command)
            return False
        async with self._asking:  # one question at a time
            if self._permissions.allows(command):
                return True
            with self._stage.question(task, command):
                answer = await _ask(task, command)
        if answer == "a":
            self._permissions.exact.add(command.strip())
        return answer in ("y", "a")

    async def ask(self, task: Task, question: str) -> str | None:
        """What a person answers to an agent's question; None when nobody can be asked, or nothing is said."""
        import asyncio

        if not screen.interactive():
            return None
        async with self._asking:
            with self._stage.question(task, question):
                asks = click.style(f"{screen.line(task.agent)} asks:", fg="yellow")
                click.echo(f"{click.style(task.id, fg='cyan')}  {asks}", err=True)
                for row in screen.plain(question).splitlines():
                    click.echo(f"    {row}", err=True)
                click.echo("your answer (nothing: later, with `answer`): ", nl=False, err=True)
                try:
                    return (await _line()).strip() or None
                except asyncio.CancelledError:  # somebody answered elsewhere, or the run is over
                    click.echo(err=True)
                    raise

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


async def _ask(task: Task, command: str) -> str:
    asks = click.style(f"{screen.line(task.agent)} wants to run:", fg="yellow")
    click.echo(f"{click.style(task.id, fg='cyan')}  {asks}", err=True)
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
