"""What workers do, shown while they do it."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator import worktrees
from orchestrator.cli import screen
from orchestrator.cli.footer import Footer
from orchestrator.cli.project import Project
from orchestrator.cli.roster import Roster
from orchestrator.errors import ModelError, Stopped

if TYPE_CHECKING:
    from orchestrator.cli.outcome import Outcome
    from orchestrator.events import Json
    from orchestrator.task import Task
    from orchestrator.worker import Moment
    from orchestrator.worker.calls import Ended

_MARKS = {"ok": ("✓", "green"), "error": ("✗", "red"), "refused": ("✗", "yellow"), "unknown": ("?", "yellow")}
_ARGUMENTS = ("file_path", "command", "path", "pattern", "summary", "message", "question")
_GIVES = (("agent", "task"), ("subagent_type", "description"), ("task", "answer"), ("task", "reason"))
"""Arguments of a call that is for somebody: for whom, and what."""
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
    """Shows every Moment it is called with: a line a call. On a terminal a row beneath says what each worker does."""

    def __init__(self, project: Project, *, err: bool) -> None:
        self._project = project
        self._roots: dict[str, Path] = {}
        self._err = err
        self._roster = Roster()
        live = screen.escapes() and (sys.stderr if err else sys.stdout).isatty()
        self._footer = Footer(self._roster.rows, err=err) if live else None
        self._held: list[str] | None = None

    def __call__(self, moment: Moment) -> None:
        task = moment.task
        match moment.kind:
            case "started" | "resumed":
                self.say(f"{_name(task.id)}  {click.style(task.agent, bold=True)} {screen.dim(moment.kind)}")
                for row in self._wrapped(task.description, 8):
                    self.say(" " * 8 + screen.dim(row))
            case "said":
                self._said(task, moment.text)
            case "ended" if moment.ended is not None:
                self._ended(task, moment.ended)
            case "told":
                self._row(task, click.style("↺", fg="cyan"), "news", _points(moment.text))
            case "renewed":
                self._row(task, click.style("↺", fg="cyan"), "anew", f"the conversation starts over, {moment.text}")
            case "paused":
                self._row(task, click.style("■", fg="yellow"), "paused", moment.text)
            case "stopped":
                self._row(task, click.style("■", fg="yellow"), "stopped", moment.text)
        self._follow(moment)

    def _follow(self, moment: Moment) -> None:
        """Keep the worker's row."""
        task = moment.task
        match moment.kind:
            case "started" | "resumed":
                self._roster.begins(task, "begins")
            case "asking":
                self._roster.begins(task, "asks the model")
            case "writing":
                self._roster.wrote(task, len(moment.text))
            case "recording":
                self._roster.begins(task, "records")
            case "renewing":
                self._roster.begins(task, "sums up the conversation")
            case "call" if moment.call is not None:
                self._roster.begins(task, f"{moment.call['name']} {self._argument(task, moment.call)}")
            case "paused":
                self._roster.begins(task, f"paused {moment.text}")
            case "done" | "stopped":
                self._roster.leaves(task.id)
        if self._footer is not None and self._held is None and moment.kind not in ("writing", "recording"):
            self._footer.show()

    def ended(self, outcome: Outcome) -> None:
        """A worker is gone. Where others go on, it is said why; the end of all is told at the end of all."""
        self._roster.leaves(outcome.task_id)
        if len(self._roster) and outcome.error is not None and not isinstance(outcome.error, Stopped | ModelError):
            self.say(f"{_name(outcome.task_id)}      {click.style('✗', fg='red')} {screen.line(str(outcome.error))}")

    def say(self, text: str) -> None:
        """A line of its own, above the rows; after the question, when there is one."""
        if self._held is not None:
            self._held.append(text)
        elif self._footer is not None:
            self._footer.say(text)
        else:
            click.echo(text, err=self._err)

    @contextmanager
    def question(self, task: Task, command: str) -> Iterator[None]:
        """The terminal is the asker's: no row is there, and lines wait until it is over."""
        self.close()
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            for text in held:
                self.say(text)
            self._roster.begins(task, f"Bash {screen.line(command)}")
            if self._footer is not None:
                self._footer.show()

    def close(self) -> None:
        """Nothing is done any more: the rows go."""
        if self._footer is not None:
            self._footer.hide()

    def _said(self, task: Task, text: str) -> None:
        first, *more = self._wrapped(text, _INDENT) or [""]
        self.say(f"{_name(task.id)} {task.turns:>3}  {first}")
        for row in more:
            self.say(" " * _INDENT + row)

    def _ended(self, task: Task, ended: Ended) -> None:
        name, outcome = str(ended.block["name"]), ended.result.outcome
        mark, colour = _MARKS[outcome]
        recorded = outcome == "ok" and name in _RECORDING
        # a call that only records, and did not, is about nothing
        argument = "" if name in _RECORDING and not recorded else self._argument(task, ended.block)
        if name == "Sync" and recorded:
            argument = _recorded(task, ended)
        done = sum(item.checked for item in task.live_items)
        tail = f"{done}/{len(task.live_items)}  {screen.thousands(task.usage.total)} tokens" if recorded else ""
        reason = [] if outcome == "ok" else self._reason(ended.result.text, _INDENT + 9)
        if not argument and reason:
            argument, *reason = reason
        self._row(task, click.style(mark, fg=colour), name, argument, tail)
        for row in reason:
            self.say(" " * (_INDENT + 9) + click.style(row, fg=colour))

    def _row(self, task: Task, mark: str, what: str, argument: str, tail: str = "") -> None:
        what = screen.line(what)
        columns = screen.columns(err=self._err)
        room = columns - _INDENT - 3 - max(len(what), 6) - (len(tail) + 2 if tail else 0)
        shown = screen.fit(argument, room)
        gap = " " * (2 if columns == screen.UNLIMITED else room - screen.measure(shown) + 2) if tail else ""
        bold = click.style(f"{what:<6}", bold=True)
        self.say(f"{_name(task.id)} {task.turns:>3}  {mark} {bold} {shown}{gap}{screen.dim(tail)}".rstrip())

    def _argument(self, task: Task, call: Json) -> str:
        """What a call is about."""
        given = call["input"]
        if len(rows := str(given.get("command", "")).splitlines()) > 1 and given.get("description"):
            return f"{given['description']} ({len(rows)} lines)"
        for whom, what in _GIVES:
            if isinstance(given.get(whom), str):
                return f"{given[whom]}: {given.get(what, '')}"
        value = next((given[key] for key in _ARGUMENTS if isinstance(given.get(key), str)), "")
        return str(value).removeprefix(f"{self._root(task)}/").removeprefix(f"{self._project.workspace}/")

    def _root(self, task: Task) -> Path:
        """Where the task works: in its worktree, or where all do."""
        if task.apart is None:
            return self._project.workspace
        if (name := task.apart.name) not in self._roots:
            self._roots[name], _ = worktrees.workspace(self._project.workspace, self._project.temp, [task])
        return self._roots[name]

    def _wrapped(self, text: str, indent: int) -> list[str]:
        """A text in rows that fit beside an indent, and not all of it when it is long."""
        room = screen.columns(err=self._err) - indent
        rows = screen.wrap(screen.line(_TAGS.sub("", text)), room)
        return (
            rows if len(rows) <= _MOST_ROWS else [*rows[: _MOST_ROWS - 1], screen.fit(rows[_MOST_ROWS - 1] + "…", room)]
        )

    def _reason(self, text: str, indent: int) -> list[str]:
        """Why a call failed, its lines as they are: of a long one the first, what went wrong, and the last."""
        lines = [row for row in screen.plain(_TAGS.sub("", text)).splitlines() if row.strip()]
        room = screen.columns(err=self._err) - indent
        rows = [row for line in lines for row in screen.wrap(line, room)]
        if len(rows) > _MOST_REASONS >= len(lines):
            rows = [line if screen.measure(line) <= room else screen.fit(line, room) for line in lines]
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
