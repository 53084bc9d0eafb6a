"""What happens to tasks, a line each: for people, on a terminal above the tree of the tasks, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from os import terminal_size
from typing import TYPE_CHECKING, NamedTuple

import click

from orchestrator.cli import screen, standing
from orchestrator.cli.footer import Footer
from orchestrator.cli.project import Project
from orchestrator.cli.roster import Roster
from orchestrator.cli.standing import Standing

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
    """For people. On a terminal the tree of tasks is beneath, with how many there are; elsewhere it comes once."""

    def __init__(self, project: Project, roster: Roster) -> None:
        self._project = project
        self._roster = roster
        live = screen.escapes() and sys.stdout.isatty()
        self._footer = Footer(self._rows, err=False) if live else None
        self._listed = False

    def begins(self, task_ids: Sequence[str]) -> None:
        """The first line: what is watched."""
        self._say(
            screen.dim(f"watching {screen.count(len(task_ids), 'task')} in {self._project.workspace}: Ctrl-C ends it")
        )

    def say(self, line: Line) -> None:
        lead = f"{datetime.fromisoformat(line.at).astimezone():%H:%M:%S}  {line.task_id}  {line.actor:<7}  "
        words = screen.fit(line.words, screen.columns() - len(lead))
        self._say(screen.dim(lead) + click.style(words, fg=line.colour))

    def place(self, row: Standing) -> None:
        self._roster.place(row)

    def show(self) -> None:
        """The tree says what is so now."""
        if self._footer is not None:
            self._footer.show()
        elif not self._listed:
            self._listed = True
            for row in self._roster.listed(screen.columns()):
                self._say(row)

    def close(self) -> None:
        if self._footer is not None:
            self._footer.hide()

    def _say(self, text: str) -> None:
        if self._footer is not None:
            self._footer.say(text)
        else:
            click.echo(text)

    def _rows(self, window: terminal_size) -> list[str]:
        heading = screen.fit(self._roster.total(), window.columns - 3)
        return [screen.dim(heading), *self._roster.rows(terminal_size((window.columns, window.lines - 2)))]


class Stream:
    """As JSON lines; docs/cli.md is the contract."""

    def __init__(self, project: Project, roster: Roster) -> None:
        self._project = project
        self._roster = roster
        self._fresh: dict[str, Standing] = {}
        self._told: dict[str, Json] = {}

    def begins(self, task_ids: Sequence[str]) -> None:
        self._print({"type": "watching", "project": str(self._project.workspace), "tasks": task_ids})

    def say(self, line: Line) -> None:
        self._print({"type": line.kind, "task": line.task_id, "at": line.at, **line.more})

    def place(self, row: Standing) -> None:
        self._roster.place(row)
        self._fresh[row.id] = row
        if (parent := self._roster.find(row.parent)) is not None:  # which may wait for one less
            self._fresh[parent.id] = parent

    def show(self) -> None:
        """A line for each task of which something is new, for those too that are not begun."""
        fresh, self._fresh = self._fresh, {}
        for row in fresh.values():
            self._tell(row.id, standing.as_json(row, self._roster.left(row)))
            for child, after in self._roster.not_begun(row):
                self._tell(child.id, standing.not_begun(row, child, after))

    def close(self) -> None:
        """There is nothing to take away."""

    def _tell(self, task_id: str, facts: Json) -> None:
        if self._told.get(task_id) != facts:
            self._told[task_id] = facts
            self._print({"type": "task", "task": task_id, "at": standing.now(), **facts})

    def _print(self, line: Json) -> None:
        """ASCII: what is in it can steer no terminal."""
        click.echo(json.dumps(line, separators=(",", ":")))
