"""The budgets of several tasks at once: what those above one hear of what it uses up, and what dead workers left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from orchestrator import budget
from orchestrator.budget import NOTHING, Amount
from orchestrator.engine import Engine
from orchestrator.errors import OrchestratorError, UnknownTask
from orchestrator.events import BudgetDrawn, Limits, LimitsChanged
from orchestrator.task import Task


def drawn(task_id: str, epoch: int, used: Amount, held: Amount = NOTHING, *, seconds: float = 0.0) -> BudgetDrawn:
    """What a task has used up and what is held for it, as an event."""
    return BudgetDrawn(
        task=task_id,
        epoch=epoch,
        turns=int(used.turns),
        tokens=int(used.tokens),
        seconds=seconds,
        cost=used.cost,
        held_turns=int(held.turns),
        held_tokens=int(held.tokens),
        held_cost=held.cost,
    )


def above(engine: Engine, task: Task) -> list[Task]:
    """The open tasks above one, the topmost first."""
    found: list[Task] = []
    while task.parent is not None:
        try:
            task = engine.refresh(task.parent).task
        except UnknownTask:
            break
        if task.open:
            found.insert(0, task)
    return found


def allow(engine: Engine, task_id: str, limits: Limits) -> Task:
    """Set what a task, with all below it, may use up.

    What those below have used up that never said so is counted in the same commit.
    """
    task = engine.refresh(task_id).task
    known = {row.task for row in task.draws}
    counted = [drawn(row.id, 0, budget.most(row)) for row in below(engine, task) if row.id not in known]
    return engine.commit(task_id, [*counted, LimitsChanged(limits=limits)], actor="user")


def settle(engine: Engine, task: Task) -> bool:
    """Count what workers that died, or were cancelled, may have used up, and free the rest. True when there was any.

    `task`: whose budget it is. One that begins anew meanwhile is in the right: see `budget.drawn`.
    """
    gone = [name for name in budget.holders(task) if name != task.id and not _at_work(engine, name)]
    for name in gone:
        row = budget.share(task, name)
        used = Amount(row.turns, row.tokens, 0.0, row.cost) + budget.held(task, only=name)
        with suppress(UnknownTask):
            used = budget.most(engine.refresh(name).task)
        engine.commit(task.id, [drawn(name, row.epoch, used, seconds=row.seconds)], actor="engine")
    return bool(gone)


def release(engine: Engine, task: Task) -> None:
    """Nothing is held above for a task that is closed and nobody works on: what it may have used up is counted."""
    with suppress(OrchestratorError):
        for row in above(engine, task):
            if task.id in budget.holders(row):
                settle(engine, row)


def waited_for(engine: Engine, task: Task, besides: str) -> bool:
    """True when others, who are alive, hold a part of a budget: some of it will come back."""
    return any(_at_work(engine, name) for name in budget.holders(task) if name != besides)


def _at_work(engine: Engine, task_id: str) -> bool:
    try:
        engine.refresh(task_id)  # its worker may be another one by now
        return engine.at_work(task_id) is not None
    except UnknownTask:
        return False


def below(engine: Engine, task: Task) -> Iterator[Task]:
    """What a task gave away, and what these did, each before what is below it; without what nobody has begun."""
    for child in task.children:
        with suppress(UnknownTask):
            found = engine.refresh(child.id).task
            yield found
            yield from below(engine, found)
