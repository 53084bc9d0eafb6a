"""What a task may use up together with all it gave away: what is spent, and what is held for requests under way.

A request is made only when the most it can cost is held: so what is spent never exceeds a limit, whatever happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from orchestrator import events as happened
from orchestrator.errors import Refused
from orchestrator.events import Actor
from orchestrator.task import Draw, Task, replace

_ROUNDING = 1e-9
"""US dollars by which sums may be off."""


@dataclass(frozen=True)
class Amount:
    tokens: float = 0
    cost: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.tokens + other.tokens, self.cost + other.cost)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.tokens - other.tokens, self.cost - other.cost)


def limited(task: Task) -> bool:
    """True when requests of the task, and of all below it, have to fit into a limit of its own."""
    return task.limits.tokens is not None or task.limits.cost is not None


def limit(task: Task) -> Amount:
    tokens, cost = task.limits.tokens, task.limits.cost
    return Amount(inf if tokens is None else tokens, inf if cost is None else cost)


def own(task: Task) -> Amount:
    """What the task itself has used up, with what unanswered requests may have."""
    row = _row(task, task.id)
    return Amount(task.usage.total + row.tokens, (task.cost or 0.0) + row.cost)


def spent(task: Task) -> Amount:
    """What the task and all below it have used up, as far as its limits concern them."""
    return sum((Amount(row.tokens, row.cost) for row in task.draws if row.task != task.id), own(task))


def held(task: Task, *, besides: str | None = None, only: str | None = None) -> Amount:
    """What is held for requests under way: for all, for all but one task's, or for one's."""
    rows = (row for row in task.draws if row.task != besides and only in (None, row.task))
    return sum((Amount(row.held_tokens, row.held_cost) for row in rows), Amount())


def holders(task: Task) -> list[str]:
    """The ids of the tasks for whose requests something is held."""
    return [row.task for row in task.draws if row.held_tokens or row.held_cost]


def left(task: Task, *, besides: str | None = None) -> Amount:
    """What may still be held; `besides`: for that task's next request, which takes the place of what it holds."""
    return limit(task) - spent(task) - held(task, besides=besides)


def drawn(task: Task, event: happened.BudgetDrawn, actor: Actor, at: str) -> Task:
    """To hold more than is left is refused; to give back never is. The task's own row keeps what was lost."""
    row = Draw(event.task, event.tokens, event.cost, event.held_tokens, event.held_cost)
    if event.task == task.id:
        row = replace(row, tokens=_row(task, task.id).tokens, cost=_row(task, task.id).cost)
    after = _with(task, row)
    over = left(after)
    if (event.held_tokens or event.held_cost) and (over.tokens < 0 or over.cost < -_ROUNDING):
        raise Refused("BudgetDrawn", f"task {task.id} has not so much left")
    return after


def answered(task: Task) -> Task:
    """The task once its request has an answer, which says what it cost: nothing is held for it any more."""
    row = _row(task, task.id)
    return _with(task, replace(row, held_tokens=0, held_cost=0.0)) if row.held_tokens or row.held_cost else task


def lost(task: Task, event: happened.AnswerLost, actor: Actor, at: str) -> Task:
    """A request that got no answer may have cost all that was held for it: that counts as spent."""
    row = _row(task, task.id)
    return _with(task, Draw(task.id, row.tokens + row.held_tokens, row.cost + row.held_cost))


def _row(task: Task, name: str) -> Draw:
    return next((row for row in task.draws if row.task == name), Draw(name))


def _with(task: Task, changed: Draw) -> Task:
    return replace(task, draws=(*(row for row in task.draws if row.task != changed.task), changed))
