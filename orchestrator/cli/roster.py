"""The tree of tasks: what each does or where it stands, a row each, to be seen beneath what scrolls by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from os import terminal_size
from typing import TYPE_CHECKING, NamedTuple

import click

from orchestrator import tree
from orchestrator.cli import outcome, screen, standing, status
from orchestrator.cli.standing import AT_WORK, Standing
from orchestrator.tree import Branch

if TYPE_CHECKING:
    from orchestrator.task import Child, Task

_MARGIN = 3
"""Columns left free at the end of a row: for the `^C` a terminal writes there."""
_AGENT, _WIDER, _PHASE = 12, 20, 20
"""The most columns for the name of an agent, where a row has less than a hundred and where it has more, and a phase."""
_LEAST = {"doing": 24, "decision": 30}
"""The least columns for what tells most; cells that leave it less find no place in the row."""
_DROPPED = ("decision", "phase", "turns", "tokens", "cost", "agent", "items")
"""In this order."""
_COLOURS = status.COLOURS | {"archived": "green", "asks": "yellow", "unreadable": "red"}
_QUIET = ("cancelled", status.NOT_BEGUN)


class _Row(NamedTuple):
    branch: Branch[Standing]
    state: str
    cells: dict[str, str]


class Roster:
    """What each worker is doing and since when, whom it waits for, its turns, tokens and items.

    `details`: phase and last decision too, and beneath the row of a worker what finds no place in it. `text`: also
    what agents have written of their decisions, and of what blocks them.
    """

    def __init__(self, *, details: bool = False, text: bool = False) -> None:
        self._details = details
        self._text = text
        self._tasks: dict[str, Standing] = {}
        self._met: set[str] = set()
        self._lost: set[str] = set()
        self._written: dict[str, int] = {}

    def __len__(self) -> int:
        """How many tasks are open."""
        return sum(not row.closed for row in list(self._tasks.values()))

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._tasks or task_id in self._lost

    def total(self) -> str:
        """How many there are, and what they have used."""
        rows = list(self._tasks.values())
        busy, done = sum(row.state == AT_WORK for row in rows), sum(row.closed for row in rows)
        counted = f"{busy} at work, {len(rows) - busy - done} idle{f', {done} done' if done else ''}"
        tokens, costs = sum(row.tokens for row in rows), [row.cost for row in rows if row.cost is not None]
        used = [f"{screen.thousands(tokens)} tokens"] * bool(tokens) + [screen.dollars(sum(costs))] * bool(costs)
        return " · ".join([counted, *used]) if rows else "no open tasks"

    def begins(self, task: Task, doing: str) -> None:
        """The worker does something else from now on."""
        self._written.pop(task.id, None)
        self.place(standing.of(task, AT_WORK, standing.now(), doing))

    def wrote(self, task: Task, characters: int) -> None:
        """The model has said so much more of what it was asked for."""
        written = self._written[task.id] = self._written.get(task.id, 0) + characters
        since = self._tasks[task.id].since
        self.place(standing.of(task, AT_WORK, since, f"writes: {screen.count(written, 'character')}"))

    def place(self, row: Standing) -> None:
        """Where a task stands now. Trees leave once all their tasks are closed."""
        self._tasks[row.id] = row
        self._met.add(row.id)
        self._lost.discard(row.id)
        if row.closed:
            for _, group in groupby(self._grown(), lambda branch: branch.top):
                tasks = [branch.task for branch in group]
                if all(task is not None and task.closed for task in tasks):
                    for task in tasks:
                        self._tasks.pop(task.id if task else "")

    def fails(self, task_id: str) -> None:
        """The task cannot be read."""
        self._lost.add(task_id)

    def leaves(self, task_id: str) -> None:
        self._tasks.pop(task_id, None)
        self._lost.discard(task_id)

    def find(self, task_id: str | None) -> Standing | None:
        return self._tasks.get(task_id or "")

    def left(self, row: Standing) -> list[str]:
        """The tasks that its worker waits for."""
        return [name for name in row.awaits if not self._is_done(row, name)]

    def not_begun(self, row: Standing) -> Iterator[tuple[Child, list[str]]]:
        """Those that it gave away and that are not there yet, and what each comes after."""
        for child in row.children:
            if child.open and child.id not in self._met:
                yield child, [name for name in child.after if not self._is_done(row, name)]

    def _is_done(self, parent: Standing, task_id: str) -> bool:
        if task_id in self._tasks:
            return self._tasks[task_id].closed
        return task_id in self._met or not any(child.id == task_id and child.open for child in parent.children)

    def _grown(self) -> list[Branch[Standing]]:
        tasks = sorted(self._tasks.values(), key=lambda row: (row.started, row.id))
        closed = {child.id for row in tasks for child in row.children if not child.open}
        branches = list(tree.grow(tasks, self._met | closed))
        placed = {branch.id for branch in branches}
        return branches + [Branch(name, "", None, None, name) for name in sorted(self._lost - placed)]

    # -- what is on the screen ---------------------------------------------------------------

    def rows(self, window: terminal_size) -> list[str]:
        """In at most half the lines of the window: those at work with what they are below come first.

        Those that find no place are counted in the last.
        """
        branches, most = self._grown(), max(1, window.lines // 2)
        columns = window.columns - _MARGIN
        shown = branches if len(branches) <= most else list(tree.only(branches, self._chosen(branches, most - 1)))
        more = [screen.fit(f"… and {len(branches) - len(shown)} more", columns).ljust(columns)]
        return self._table(shown, columns, most - len(shown)) + (more if len(shown) < len(branches) else [])

    def listed(self, columns: int) -> list[str]:
        """All of them, a plain row each."""
        return [click.unstyle(row).rstrip() for row in self._table(self._grown(), columns, None)]

    def _chosen(self, branches: Sequence[Branch[Standing]], most: int) -> set[str]:
        """Which to show: those at work, then those that are open, with what they are below."""
        ranks: dict[str, int] = {}
        for branch in reversed(branches):
            task = branch.task
            rank = 2 if task and task.closed else 0 if task and task.state == AT_WORK else 1
            ranks[branch.id] = min(rank, ranks.get(branch.id, rank))
            if branch.parent is not None:
                ranks[branch.parent] = min(ranks[branch.id], ranks.get(branch.parent, 2))
        return {branch.id for branch in sorted(branches, key=lambda branch: ranks[branch.id])[:most]}

    def _table(self, branches: Sequence[Branch[Standing]], columns: int, spare: int | None) -> list[str]:
        """The rows with their cells under each other, the flexible ones taking what the others leave.

        `spare`: so many lines there are for what finds no place in them; None: rows need not be filled, either.
        """
        rows = [self._row(branch, columns) for branch in branches]
        widths = _widths(rows, columns, fill=spare is not None)
        beneath = [self._beneath(row, widths) for row in rows]
        if sum(map(bool, beneath)) > (spare or 0):
            beneath = [""] * len(rows)
        lines = []
        for place, (row, words) in enumerate(zip(rows, beneath, strict=True)):
            lines.append("  ".join(_cell(name, row, width) for name, width in widths.items()))
            if words:
                goes_on = branches[place + 1 : place + 2]
                stem = row.branch.stem(goes_on[0].parent == row.branch.id if goes_on else False)
                head = stem.ljust(widths["task"]) + "  "
                room = columns - len(head)
                words = screen.fit(words, room)
                lines.append(screen.dim(head + words + " " * (room - screen.measure(words))))
        return lines

    def _row(self, branch: Branch[Standing], columns: int) -> _Row:
        task, state = branch.task, self._state(branch)
        cells = {
            "task": branch.lines + branch.id,
            "agent": screen.fit(branch.agent, _AGENT if columns < 90 else _WIDER),
            "doing": self._doing(branch, state),
        }
        if task is not None:
            cells |= {
                "since": screen.lasting(standing.seconds(task.since)),
                "phase": screen.fit(task.phase, _PHASE) if self._details and not task.closed else "",
                "items": f"{task.items[0]}/{task.items[1]}" if task.items[1] else "",
                "turns": screen.count(task.turns, "turn") if task.turns else "",
                "tokens": screen.thousands(task.tokens) + (" tokens" if columns > 90 else "") if task.tokens else "",
                "cost": "" if task.cost is None else screen.dollars(task.cost),
                "decision": self._decision(task),
            }
        return _Row(branch, state, cells)

    def _state(self, branch: Branch[Standing]) -> str:
        task = branch.task
        if branch.id in self._lost or task is None:
            return "unreadable" if branch.id in self._lost else status.NOT_BEGUN
        if self._paused(task):
            return "paused"
        return "asks" if task.questions and task.state == AT_WORK else task.state

    def _doing(self, branch: Branch[Standing], state: str) -> str:
        task, parent = branch.task, self.find(branch.parent)
        if task is None or state == "unreadable":
            given = self.not_begun(parent) if parent is not None else ()
            after = [name for child, names in given if child.id == branch.id for name in names]
            return f"{state}, after {' and '.join(after)}" if after and state == status.NOT_BEGUN else state
        asks = screen.line(standing.asking(task, text=self._text))
        if state == AT_WORK:
            left = self.left(task)
            return standing.waiting(task, left) if left else screen.line(task.doing)
        if state == "asks" or (asks and not task.closed):
            return asks if state == "asks" else f"{state}, {asks}"
        if state == "paused":
            return f"paused with {above}" if (above := self._paused(task)) != task.id else state
        if state == "blocked" and not self._text:  # its reason is in an agent's words
            return f"blocked: {', '.join(task.blockers)}" if task.blockers else state
        return screen.line(outcome.because(state, task.reason)) if task.reason and not task.closed else state

    def _paused(self, task: Standing) -> str | None:
        """The task, this one or one above it, that a person has paused."""
        above: Standing | None = None if task.closed else task
        met: set[str] = set()
        while above is not None and above.state != "paused" and above.id not in met:
            met.add(above.id)
            above = self.find(above.parent)
        return above.id if above is not None and above.state == "paused" else None

    def _decision(self, task: Standing) -> str:
        if task.decision is None or not self._details:
            return ""
        said = task.decision.decision if self._text else screen.age(task.decision.at)
        return screen.line(f"{task.decision.id} {said}")

    def _beneath(self, row: _Row, widths: dict[str, int]) -> str:
        """What the row of a worker has no place for."""
        if not self._details or row.branch.task is None or row.branch.task.state != AT_WORK:
            return ""
        names = ("phase", "turns", "tokens", "cost", "decision")
        return " · ".join(row.cells[name] for name in names if row.cells[name] and name not in widths)


def _widths(rows: Sequence[_Row], columns: int, *, fill: bool) -> dict[str, int]:
    """Which cells find a place, and how wide they are."""
    if not rows:
        return {}
    names = dict.fromkeys(name for row in rows for name in row.cells)
    whole = {name: max(screen.measure(row.cells.get(name, "")) for row in rows) for name in names}
    widths = {name: width for name, width in whole.items() if width}

    def room(*flexible: str) -> int:
        taken = sum(width for name, width in widths.items() if name not in flexible)
        return columns - taken - 2 * (len(widths) - 1)

    for name in ("", *_DROPPED):
        widths.pop(name, None)
        flexible = [key for key in _LEAST if key in widths]
        if room(*flexible) >= sum(min(_LEAST[key], whole[key]) for key in flexible):
            break
    if "decision" in widths:
        widths["decision"] = min(whole["decision"], max(room("doing", "decision") // 2, _LEAST["decision"]))
    widths["doing"] = max(room("doing") if fill else min(room("doing"), whole["doing"]), 1)
    return widths


def _cell(name: str, row: _Row, width: int) -> str:
    text = row.cells.get(name, "")
    text = text if name == "task" else screen.fit(text, width)
    gap = " " * (width - screen.measure(text))
    match name:
        case "task":
            lines = row.branch.lines
            return (screen.dim(lines) if lines else "") + click.style(row.branch.id, fg="cyan") + gap
        case "doing":
            colour = None if row.state == AT_WORK else _COLOURS.get(row.state)
            quiet = row.state in _QUIET
            return (click.style(text, fg=colour, dim=quiet or None) if colour or quiet else text) + gap
        case "agent":
            return text + gap
        case "phase" | "decision":
            return screen.dim(text + gap)
    return screen.dim(gap + text)
