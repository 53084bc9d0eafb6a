"""What happens to tasks, a line each: for people, on a terminal above the table of the tasks, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from os import terminal_size
from typing import TYPE_CHECKING, NamedTuple

import click

from orchestrator.cli import screen
from orchestrator.cli.footer import Footer
from orchestrator.cli.project import Project
from orchestrator.cli.roster import Roster

if TYPE_CHECKING:
    from orchestrator.events import Json


class Line(NamedTuple):
    """`kind` and `more`: what it is as JSON, `words` for people."""

    kind: str
    task_id: str
    at: str
    actor: str
    words: str
    colour: str | None
    more: Json


class Page:
    """For people. On a terminal the roster is beneath, with how many tasks there are."""

    def __init__(self, project: Project, roster: Roster) -> None:
        self._project = project
        self._roster = roster
        live = screen.escapes() and sys.stdout.isatty()
        self._footer = Footer(self._rows, err=False) if live else None

    def begins(self, task_ids: Sequence[str]) -> None:
        """The first line: what is watched."""
        self._say(
            screen.dim(f"watching {screen.count(len(task_ids), 'task')} in {self._project.workspace}: Ctrl-C ends it")
        )

    def say(self, line: Line) -> None:
        lead = f"{datetime.fromisoformat(line.at).astimezone():%H:%M:%S}  {line.task_id}  {line.actor:<7}  "
        words = screen.fit(line.words, screen.columns() - len(lead))
        self._say(screen.dim(lead) + click.style(words, fg=line.colour))

    def show(self) -> None:
        """The table says what is so now."""
        if self._footer is not None:
            self._footer.show()

    def close(self) -> None:
        if self._footer is not None:
            self._footer.hide()

    def _say(self, text: str) -> None:
        if self._footer is not None:
            self._footer.say(text)
        else:
            click.echo(text)

    def _rows(self, window: terminal_size) -> list[str]:
        busy, tasks = self._roster.busy, len(self._roster)
        heading = f"{busy} at work, {tasks - busy} idle" if tasks else "no open tasks"
        return [screen.dim(heading), *self._roster.rows(window)]


class Stream:
    """As JSON lines; docs/cli.md is the contract."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def begins(self, task_ids: Sequence[str]) -> None:
        self._print({"type": "watching", "project": str(self._project.workspace), "tasks": task_ids})

    def say(self, line: Line) -> None:
        self._print({"type": line.kind, "task": line.task_id, "at": line.at, **line.more})

    def show(self) -> None:
        """There is no table."""

    def close(self) -> None:
        """There is nothing to take away."""

    def _print(self, line: Json) -> None:
        """ASCII: what is in it can steer no terminal."""
        click.echo(json.dumps(line, separators=(",", ":")))
