"""What workers do, shown while they do it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import screen

if TYPE_CHECKING:
    from orchestrator.events import Event
    from orchestrator.task import Task
    from orchestrator.worker import Moment
    from orchestrator.worker.calls import Ended

_MARKS = {"ok": ("✓", "green"), "error": ("✗", "red"), "refused": ("✗", "yellow"), "unknown": ("?", "yellow")}
_ARGUMENTS = ("file_path", "command", "path", "pattern", "summary")
_COUNTED = {
    "WorkstreamAdded": "workstreams",
    "WorkstreamChanged": "workstreams",
    "ItemAdded": "new items",
    "ItemChecked": "checked",
    "ItemUnchecked": "unchecked",
    "ItemDropped": "dropped",
    "DecisionRecorded": "decisions",
    "BlockerRaised": "blockers",
    "BlockerResolved": "resolved",
    "ReferenceAdded": "references",
    "ProseWritten": "texts",
}
_INDENT = 12
_REASON_LINES = 3


class Progress:
    """Shows every Moment it is called with: a line a call. On a terminal a last line says what is waited for."""

    def __init__(self, workspace: Path, *, err: bool) -> None:
        self._workspace = workspace
        self._err = err
        self._live = (sys.stderr if err else sys.stdout).isatty() and not os.environ.get("NO_COLOR")

    def __call__(self, moment: Moment) -> None:
        task = moment.task
        match moment.kind:
            case "started" | "resumed":
                self.say(f"{_name(task.id)}  {click.style(task.agent, bold=True)} {screen.dim(moment.kind)}")
                self._more(task.description)
            case "asking":
                self._wait(f"{task.id} {task.turns + 1:>3}  asking the model …")
            case "said":
                self._said(task, moment.text)
            case "call":
                self._wait(f"{task.id} {task.turns:>3}  {moment.text} …")
            case "ended" if moment.ended is not None:
                self._ended(task, moment.ended)
            case "told":
                self._row(task, click.style("↺", fg="cyan"), "edited", _points(moment.text))
            case "stopped":
                self._row(task, click.style("■", fg="yellow"), "stopped", moment.text)

    def say(self, text: str) -> None:
        """A line of its own, in place of the one that waits."""
        self._clear()
        click.echo(text, err=self._err)

    def _said(self, task: Task, text: str) -> None:
        words = screen.fit(text, screen.columns() - _INDENT)
        self.say(f"{_name(task.id)} {task.turns + 1:>3}  {words}")

    def _ended(self, task: Task, ended: Ended) -> None:
        name, outcome = str(ended.block["name"]), ended.result.outcome
        mark, colour = _MARKS[outcome]
        recorded = outcome == "ok" and name in ("Sync", "Finish")
        argument = _recorded(task, ended) if recorded and name == "Sync" else self._argument(ended)
        done = sum(item.checked for item in task.live_items)
        tail = f"{done}/{len(task.live_items)} done  {screen.thousands(task.usage.total)} tokens" if recorded else ""
        self._row(task, click.style(mark, fg=colour), name, argument, tail)
        if outcome != "ok":
            self._more(ended.result.text, indent=_INDENT + 9, colour=colour)

    def _row(self, task: Task, mark: str, what: str, argument: str, tail: str = "") -> None:
        what = screen.line(what)
        room = screen.columns() - _INDENT - 3 - max(len(what), 6) - (len(tail) + 2 if tail else 0)
        shown = screen.fit(argument, room)
        gap = " " * (room - screen.measure(shown) + 2) if tail else ""
        bold = click.style(f"{what:<6}", bold=True)
        self.say(f"{_name(task.id)} {task.turns:>3}  {mark} {bold} {shown}{gap}{screen.dim(tail)}".rstrip())

    def _more(self, text: str, *, indent: int = 8, colour: str | None = None) -> None:
        """A text below a line, wrapped, and not all of it when it is long."""
        import textwrap

        room = screen.columns() - indent
        rows = textwrap.wrap(screen.line(text), room, max_lines=_REASON_LINES, placeholder=" …")
        for row in rows:
            self.say(" " * indent + click.style(row, fg=colour, dim=colour is None))

    def _argument(self, ended: Ended) -> str:
        given = ended.block["input"]
        value = next((given[key] for key in _ARGUMENTS if isinstance(given.get(key), str)), "")
        return str(value).removeprefix(f"{self._workspace}/")

    def _wait(self, text: str) -> None:
        if self._live:
            self._clear()
            click.echo(screen.dim(screen.fit(text, screen.columns() - 1)), nl=False, err=self._err)

    def _clear(self) -> None:
        if self._live:
            click.echo("\r\x1b[K", nl=False, err=self._err)

    def pause(self) -> None:
        """Nothing is waited for: the last line goes."""
        self._clear()


def _name(task_id: str) -> str:
    return click.style(task_id, fg="cyan")


def _recorded(task: Task, ended: Ended) -> str:
    """What a Sync recorded, in numbers."""
    events: tuple[Event, ...] = ended.result.events
    names = Counter(_COUNTED.get(type(event).__name__, "") for event in events)
    phase = [f"phase {task.phase}"] if any(type(event).__name__ == "PhaseChanged" for event in events) else []
    counts = [f"{names[name]} {_singular(name, names[name])}" for name in dict.fromkeys(_COUNTED.values())]
    return ", ".join(phase + [text for text in counts if not text.startswith("0 ")])


def _singular(name: str, count: int) -> str:
    return name.removesuffix("s") if count == 1 else name


def _points(text: str) -> str:
    """The listed lines of what a worker was told."""
    points = [row.removeprefix("- ") for row in text.splitlines() if row.startswith("- ")]
    return "; ".join(points) or text
