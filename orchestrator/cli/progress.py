"""What workers do, shown while they do it."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import screen

if TYPE_CHECKING:
    from orchestrator.task import Task
    from orchestrator.worker import Moment
    from orchestrator.worker.calls import Ended

_MARKS = {"ok": ("✓", "green"), "error": ("✗", "red"), "refused": ("✗", "yellow"), "unknown": ("?", "yellow")}
_ARGUMENTS = ("file_path", "command", "path", "pattern", "summary")
_RECORDING = ("Sync", "Finish")
_RECORDED = {
    "PhaseChanged": "phase {phase}",
    "WorkstreamAdded": "{n} workstream{s}",
    "WorkstreamChanged": "{n} workstream{s}",
    "ItemAdded": "{n} new item{s}",
    "ItemChecked": "{n} checked",
    "ItemUnchecked": "{n} unchecked",
    "ItemDropped": "{n} dropped",
    "DecisionRecorded": "{n} decision{s}",
    "BlockerRaised": "{n} blocker{s}",
    "BlockerResolved": "{n} resolved",
    "NextStepsSet": "next steps",
    "ReferenceAdded": "{n} reference{s}",
    "ProseWritten": "{n} text{s}",
}
_TAGS = re.compile(r"</?tool_use_error>")
_INDENT = 12
_MOST_ROWS = 4
_MOST_REASONS = 7


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
                for row in _wrapped(task.description, 8):
                    self.say(" " * 8 + screen.dim(row))
            case "asking":
                self._wait(f"{task.id} {task.turns + 1:>3}  asking the model …")
            case "said":
                self._said(task, moment.text)
            case "call":
                self._wait(f"{task.id} {task.turns:>3}  {moment.text} …")
            case "ended" if moment.ended is not None:
                self._ended(task, moment.ended)
            case "told":
                self._row(task, click.style("↺", fg="cyan"), "news", _points(moment.text))
            case "renewing":
                self._wait(f"{task.id} {task.turns:>3}  the conversation is being summed up …")
            case "renewed":
                self._row(task, click.style("↺", fg="cyan"), "anew", f"the conversation starts over, {moment.text}")
            case "stopped":
                self._row(task, click.style("■", fg="yellow"), "stopped", moment.text)

    def say(self, text: str) -> None:
        """A line of its own, in place of the one that waits."""
        self._clear()
        click.echo(text, err=self._err)

    def _said(self, task: Task, text: str) -> None:
        first, *more = _wrapped(text, _INDENT) or [""]
        self.say(f"{_name(task.id)} {task.turns + 1:>3}  {first}")
        for row in more:
            self.say(" " * _INDENT + row)

    def _ended(self, task: Task, ended: Ended) -> None:
        name, outcome = str(ended.block["name"]), ended.result.outcome
        mark, colour = _MARKS[outcome]
        recorded = outcome == "ok" and name in _RECORDING
        argument = self._argument(task, ended)
        done = sum(item.checked for item in task.live_items)
        tail = f"{done}/{len(task.live_items)}  {screen.thousands(task.usage.total)} tokens" if recorded else ""
        reason = [] if outcome == "ok" else _reason(ended.result.text, _INDENT + 9)
        if not argument and reason:
            argument, *reason = reason
        self._row(task, click.style(mark, fg=colour), name, argument, tail)
        for row in reason:
            self.say(" " * (_INDENT + 9) + click.style(row, fg=colour))

    def _row(self, task: Task, mark: str, what: str, argument: str, tail: str = "") -> None:
        what = screen.line(what)
        room = screen.columns() - _INDENT - 3 - max(len(what), 6) - (len(tail) + 2 if tail else 0)
        shown = screen.fit(argument, room)
        gap = " " * (room - screen.measure(shown) + 2) if tail else ""
        bold = click.style(f"{what:<6}", bold=True)
        self.say(f"{_name(task.id)} {task.turns:>3}  {mark} {bold} {shown}{gap}{screen.dim(tail)}".rstrip())

    def _argument(self, task: Task, ended: Ended) -> str:
        """What the call is about; nothing for one that only records and did not."""
        name, given = ended.block["name"], ended.block["input"]
        if name in _RECORDING and ended.result.outcome != "ok":
            return ""
        if name == "Sync":
            return _recorded(task, ended)
        if len(rows := str(given.get("command", "")).splitlines()) > 1 and given.get("description"):
            return f"{given['description']} ({len(rows)} lines)"
        value = next((given[key] for key in _ARGUMENTS if isinstance(given.get(key), str)), "")
        return str(value).removeprefix(f"{self._workspace}/")

    def _wait(self, text: str) -> None:
        """Leaves room for the `^C` a terminal writes behind it."""
        if self._live:
            self._clear()
            click.echo(screen.dim(screen.fit(text, screen.columns() - 3)), nl=False, err=self._err)

    def _clear(self) -> None:
        if self._live:
            click.echo("\r\x1b[K", nl=False, err=self._err)

    def pause(self) -> None:
        """Nothing is waited for: the last line goes."""
        self._clear()


def _wrapped(text: str, indent: int) -> list[str]:
    """A text in rows that fit beside an indent, and not all of it when it is long."""
    import textwrap

    room = screen.columns() - indent
    text = _TAGS.sub("", text)
    return textwrap.wrap(screen.line(text), room, max_lines=_MOST_ROWS, placeholder=" …")


def _reason(text: str, indent: int) -> list[str]:
    """Why a call failed, its lines as they are: of a long one the first, what went wrong, and the last."""
    import textwrap

    room = screen.columns() - indent
    lines = [row for row in screen.plain(_TAGS.sub("", text)).splitlines() if row.strip()]
    rows = [row for line in lines for row in textwrap.wrap(line, room)]
    return rows if len(rows) <= _MOST_REASONS else [*rows[:2], "…", *rows[3 - _MOST_REASONS :]]


def _name(task_id: str) -> str:
    return click.style(task_id, fg="cyan")


def _recorded(task: Task, ended: Ended) -> str:
    """What a Sync recorded, in numbers."""
    names = (type(event).__name__ for event in ended.result.events)
    counts = Counter(_RECORDED[name] for name in names if name in _RECORDED)
    return ", ".join(
        words.format(n=count, s="" if count == 1 else "s", phase=task.phase) for words, count in counts.items()
    )


def _points(text: str) -> str:
    """The listed lines of what a worker was told."""
    points = [row.removeprefix("- ") for row in text.splitlines() if row.startswith("- ")]
    return " ".join(dict.fromkeys(points)) or text
