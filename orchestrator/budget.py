"""What a task may use up together with all it gave away: what is spent, and what is held for requests under way.

A request is made only when the most it can cost is held: so what is spent never exceeds a limit, whatever happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import inf

from orchestrator import events as happened
from orchestrator.errors import Refused
from orchestrator.events import Actor
from orchestrator.task import Draw, Task, replace

_ROUNDING = 1e-9
"""US dollars by which sums may be off."""


@dataclass(frozen=True)
class Amount:
    """Replies of a model, tokens, seconds of work, US dollars."""

    turns: float = 0
    tokens: float = 0
    seconds: float = 0.0
    cost: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.turns + other.turns,
            self.tokens + other.tokens,
            self.seconds + other.seconds,
            self.cost + other.cost,
        )

    def __sub__(self, other: Amount) -> Amount:
        return Amount(
            self.turns - other.turns,
            self.tokens - other.tokens,
            self.seconds - other.seconds,
            self.cost - other.cost,
        )


NOTHING = Amount()


def alone(task: Task) -> bool:
    """True when nobody needs to know what the task's next request may cost: no limit of that, and no other task."""
    return task.parent is None and not task.children and task.limits.tokens is None and task.limits.cost is None


def limit(task: Task) -> Amount:
    """What the task and all below it may use up."""
    limits = task.limits
    return Amount(
        inf if limits.turns is None else limits.turns,
        inf if limits.tokens is None else limits.tokens,
        inf if limits.seconds is None else limits.seconds,
        inf if limits.cost is None else limits.cost,
    )


def own(task: Task) -> Amount:
    """What the task itself has used up, with what lost answers may have cost."""
    row = share(task, task.id)
    turns, tokens = task.turns + row.turns, task.usage.total + row.tokens
    return Amount(turns, tokens, task.seconds, (task.cost or 0.0) + row.cost)


def most(task: Task) -> Amount:
    """The same, with what a request may have cost whose answer nobody waits for any more."""
    return own(task) + held(task, only=task.id)


def spent(task: Task) -> Amount:
    """What the task and all below it have used up."""
    rows = (row for row in task.draws if row.task != task.id)
    return sum((Amount(row.turns, row.tokens, row.seconds, row.cost) for row in rows), own(task))


def held(task: Task, *, besides: str | None = None, only: str | None = None) -> Amount:
    """What is held for requests under way: for all, for all but one task's, or for one's."""
    rows = (row for row in task.draws if row.task != besides and only in (None, row.task))
    return sum((Amount(row.held_turns, row.held_tokens, 0.0, row.held_cost) for row in rows), NOTHING)


def holders(task: Task) -> list[str]:
    """The ids of the tasks for whose requests something is held."""
    return [row.task for row in task.draws if _holds(row)]


def left(task: Task, *, besides: str | None = None) -> Amount:
    """What may still be held; `besides`: for that task's next request, which takes the place of what it holds."""
    return limit(task) - spent(task) - held(task, besides=besides)


def share(task: Task, name: str) -> Draw:
    """What is known of a task at or below this one."""
    return next((row for row in task.draws if row.task == name), Draw(name))


def drawn(task: Task, event: happened.BudgetDrawn, actor: Actor, at: str) -> Task:
    """To hold more than is left is refused; to give back never is. The task's own row keeps what was lost.

    What an earlier worker of a task says after a later one spoke changes nothing.
    """
    row, known = Draw(**event.model_dump()), share(task, event.task)
    if event.task == task.id:
        row = replace(known, held_turns=row.held_turns, held_tokens=row.held_tokens, held_cost=row.held_cost)
    elif event.epoch < known.epoch:
        if _holds(row):
            raise Refused("BudgetDrawn", f"task {event.task} was taken over")
        return task
    after = _with(task, row)
    over = left(after)
    if _holds(row) and (over.turns < 0 or over.tokens < 0 or over.cost < -_ROUNDING):
        raise Refused("BudgetDrawn", f"task {task.id} has not so much left")
    return after


def answered(task: Task) -> Task:
    """The task once its request has an answer, which says what it cost: nothing is held for it any more."""
    row = share(task, task.id)
    return _with(task, replace(row, held_turns=0, held_tokens=0, held_cost=0.0)) if _holds(row) else task


def lost(task: Task, event: happened.AnswerLost, actor: Actor, at: str) -> Task:
    """A request that got no answer may have cost all that was held for it: that counts as spent."""
    row = share(task, task.id)
    turns, tokens, cost = row.turns + row.held_turns, row.tokens + row.held_tokens, row.cost + row.held_cost
    return _with(task, Draw(task.id, turns=turns, tokens=tokens, cost=cost))


def timed(task: Task, at: str) -> Task:
    """The task once its worker is known to have been at it until then."""
    return replace(task, seconds=task.seconds + since(task.worked_until, at), worked_until=at)


def since(earlier: str, later: str) -> float:
    """The seconds between two times, 0 where they are in no order."""
    return max(0.0, (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds())


def _holds(row: Draw) -> bool:
    return bool(row.held_turns or row.held_tokens or row.held_cost)


def _with(task: Task, changed: Draw) -> Task:
    return replace(task, draws=(*(row for row in task.draws if row.task != changed.task), changed))
