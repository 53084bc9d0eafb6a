"""Who is at work, and what waits: a row for each task, to be seen beneath what scrolls by."""

from __future__ import annotations

import time
from os import terminal_size
from typing import TYPE_CHECKING, NamedTuple

import click

from orchestrator.cli import screen

if TYPE_CHECKING:
    from orchestrator.task import Task

_MARGIN = 3
"""Columns left free at the end of a row: for the `^C` a terminal writes there."""
_AGENT = 12
_DOING = 16
"""The least columns for what a worker is doing; cells that leave it less are left out."""
_LONGEST = 1_000
"""Characters of it that are looked at: a command may be a whole script."""
_DROPPED = ("agent", "turns", "cost", "tokens", "items")
"""In this order."""


class _Work(NamedTuple):
    """`doing`: where the task stands, when it is `idle`."""

    task: Task
    doing: str
    since: float
    idle: bool = False
    colour: str | None = None


class Roster:
    """What each worker is doing and since when, its turns, tokens and items."""

    def __init__(self) -> None:
        self._works: dict[str, _Work] = {}
        self._written: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._works)

    @property
    def busy(self) -> int:
        """How many are at work."""
        return sum(not work.idle for work in list(self._works.values()))

    def begins(self, task: Task, doing: str, ago: float = 0.0) -> None:
        """The worker does something else from now on, or since so many seconds."""
        self._written.pop(task.id, None)
        self._works[task.id] = _Work(task, doing, time.monotonic() - ago)

    def rests(self, task: Task, stands: str, colour: str | None, ago: float) -> None:
        """Nobody has worked on the task for so many seconds."""
        self._works[task.id] = _Work(task, stands, time.monotonic() - ago, True, colour)

    def wrote(self, task: Task, characters: int) -> None:
        """The model has said so much more of what it was asked for."""
        written = self._written[task.id] = self._written.get(task.id, 0) + characters
        self._works[task.id] = _Work(task, f"writes: {screen.count(written, 'character')}", self._works[task.id].since)

    def leaves(self, task_id: str) -> None:
        self._works.pop(task_id, None)

    def rows(self, window: terminal_size) -> list[str]:
        """A row each, those at work first, in at most half the lines of the window.

        Those that find no place are counted in the last.
        """
        works, most = sorted(self._works.values(), key=lambda work: work.idle), max(1, window.lines // 2)
        shown = works if len(works) <= most else works[: most - 1]
        columns = window.columns - _MARGIN
        more = [screen.fit(f"… and {len(works) - len(shown)} more", columns).ljust(columns)]
        return _table(shown, columns) + (more if shown != works else [])


def _cells(work: _Work, columns: int) -> dict[str, str]:
    task, done = work.task, sum(item.checked for item in work.task.live_items)
    return {
        "task": task.id,
        "agent": screen.fit(task.agent, _AGENT),
        "doing": screen.line(work.doing[:_LONGEST]),
        "since": screen.lasting(time.monotonic() - work.since),
        "turns": screen.count(task.turns, "turn") if task.turns else "",
        "tokens": screen.thousands(task.usage.total) + (" tokens" if columns > 90 else "") if task.turns else "",
        "cost": "" if task.cost is None else screen.dollars(task.cost),
        "items": f"{done}/{len(task.live_items)}" if task.live_items else "",
    }


def _table(works: list[_Work], columns: int) -> list[str]:
    """The rows with their cells under each other, the flexible one taking what the others leave."""
    if not works:
        return []
    rows = [_cells(work, columns) for work in works]
    widths = {name: max(screen.measure(row[name]) for row in rows) for name in rows[0]}
    widths = {name: width for name, width in widths.items() if width}
    for name in ("", *_DROPPED):
        widths.pop(name, None)
        room = columns - sum(width + 2 for other, width in widths.items() if other != "doing")
        if room >= _DOING:
            break
    widths["doing"] = max(room, 1)
    return [
        "  ".join(_cell(name, row[name], width, work.colour) for name, width in widths.items())
        for work, row in zip(works, rows, strict=True)
    ]


def _cell(name: str, text: str, width: int, colour: str | None) -> str:
    text = screen.fit(text, width)
    gap = " " * (width - screen.measure(text))
    match name:
        case "task":
            return click.style(text, fg="cyan") + gap
        case "doing":
            return click.style(text, fg=colour) + gap if colour else text + gap
        case "agent":
            return text + gap
    return screen.dim(gap + text)
