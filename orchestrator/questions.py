"""What a task asks of others: a blocker that a call waits for, until somebody's answer resolves it."""

from __future__ import annotations

from orchestrator.errors import Refused
from orchestrator.events import Intent
from orchestrator.task import Blocker, Task, replace


def asked(task: Task, intents: tuple[Intent, ...]) -> Task:
    """The task once these calls are to ask something."""
    for intent in intents:
        if intent.asked is not None:
            row = Blocker(task.fresh_id("B"), intent.asked.question, call=intent.call, to=intent.asked.to)
            task = replace(task, blockers=(*task.blockers, row))
    return task


def asking(question: str) -> str:
    """Why a task is blocked that asks this."""
    return f"it asks: {question}"


def unanswered(task: Task) -> list[Blocker]:
    """What it asks and nobody has answered."""
    return [row for row in task.blockers if row.call and row.resolution is None]


def meant(task: Task, name: str | None = None) -> Blocker:
    """The one question that an answer is for. `name`: its id; raises Refused when it is not one."""
    asked = [row for row in task.blockers if row.call and name in (None, row.id)]
    still = [row for row in asked if row.resolution is None]
    if len(still) == 1:
        return still[0]
    if still:
        named = "; ".join(f"{row.id} ({' '.join(row.text.split())})" for row in still)
        raise Refused("answer", f"task {task.id} asks several things, so say which: {named}")
    if other := [row.id for row in unanswered(task)]:
        known = f": {name} was answered already" if asked else f", not {name}"
        raise Refused("answer", f"task {task.id} asks {' and '.join(other)}{known}")
    answered = f"{asked[-1].id} was answered already" if asked else "there is no such question"
    raise Refused("answer", f"task {task.id} asks nothing: {answered}")
