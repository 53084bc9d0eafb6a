"""What a task may use up: its limits as they bind a worker."""

from __future__ import annotations

from orchestrator import budget
from orchestrator.task import Task


def reached(task: Task, seconds: float) -> str | None:
    """The limit that is used up after so many seconds of work, None while there is none."""
    limits = task.limits
    if limits.turns is not None and task.turns >= limits.turns:
        return f"{task.turns} of {limits.turns} turns used"
    spent = budget.spent(task)
    if limits.tokens is not None and spent.tokens >= limits.tokens:
        return f"{spent.tokens:.0f} of {limits.tokens} tokens used"
    if limits.seconds is not None and seconds >= limits.seconds:
        return f"{seconds:.0f} of {limits.seconds:.0f} seconds used"
    if limits.cost is not None and spent.cost >= limits.cost:
        return f"${spent.cost:.4f} of ${limits.cost:g} used"
    return None
