"""Limits as they bind a worker: those of its task, and of each task above it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator import budget
from orchestrator.budget import Amount
from orchestrator.task import Task
from orchestrator.usage import TURNS, Limits

LEAST = 1_024
"""Tokens that a reply may have at the least: with less left, none is asked for."""

INSTANT = 0.05
"""Seconds: with less left, nothing is begun."""


class Exhausted(Exception):
    """Not enough is left for a request. `task`: the id of the one whose limit it is; `needed` as in TaskStopped."""

    def __init__(self, reason: str, task: str, needed: Limits | None = None) -> None:
        self.task = task
        self.needed = needed
        super().__init__(reason)


def check(chain: Sequence[Task], *, priced: bool = True) -> None:
    """Raises Exhausted when a limit is used up, or one of cost cannot hold because the price is not known.

    `chain`: the task that is worked on, the last one, and those above.
    """
    task = chain[-1]
    for row in chain:
        if row.limits.cost is not None and not priced:
            raise Exhausted(f"what its model costs is not known, and ${row.limits.cost:g} are the most", row.id)
        for words in _used_up(row):
            raise Exhausted(f"{words}{_by(row, task)}", row.id)
    turns = budget.own(task).turns
    if task.limits.turns is None and turns >= TURNS:
        raise Exhausted(f"{turns:.0f} of {TURNS} turns used", task.id)


def _used_up(row: Task) -> Iterator[str]:
    limits, spent = row.limits, budget.spent(row)
    if limits.turns is not None and spent.turns >= limits.turns:
        yield f"{spent.turns:.0f} of {limits.turns} turns used"
    if limits.tokens is not None and spent.tokens >= limits.tokens:
        yield f"{spent.tokens:.0f} of {limits.tokens} tokens used"
    if limits.cost is not None and spent.cost >= limits.cost:
        yield f"${spent.cost:.4f} of ${limits.cost:g} used"


def over(row: Task, task: Task) -> Exhausted:
    """The time of a task is over."""
    limit = row.limits.seconds or 0.0
    return Exhausted(f"{limit:g} of {limit:g} seconds used{_by(row, task)}", row.id, Limits(seconds=INSTANT))


def short(row: Task, task: Task, left: Amount, needed: Amount) -> Exhausted:
    """Of a budget less is left than a request may cost."""
    words, lacking, limits = [], {}, row.limits
    if limits.turns is not None and left.turns < needed.turns:
        words.append(f"{max(left.turns, 0):.0f} of {limits.turns} turns are left")
        lacking["turns"] = needed.turns
    if limits.tokens is not None and left.tokens < needed.tokens:
        few = f"{max(left.tokens, 0):,.0f} of {limits.tokens:,} are left"
        words.append(f"a turn may take {needed.tokens:,.0f} tokens, and {few}")
        lacking["tokens"] = needed.tokens
    if limits.cost is not None and left.cost < needed.cost:
        few = f"${max(left.cost, 0):.4f} of ${limits.cost:g} is left"
        words.append(f"a turn may cost ${needed.cost:.4f}, and {few}")
        lacking["cost"] = needed.cost
    whose = "" if row.id == task.id else f" to {row.id} and those it gave work to"
    return Exhausted(f"{'; '.join(words)}{whose}", row.id, Limits(**lacking))


def _by(row: Task, task: Task) -> str:
    return "" if row.id == task.id else f" by {row.id} and those it gave work to"
