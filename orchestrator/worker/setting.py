"""Where workers work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.models import Names
from orchestrator.task import Task
from orchestrator.worker.moment import Moment
from orchestrator.worktrees import Worktree


async def _nobody(task: Task, question: str) -> None:
    """There is no person."""


@dataclass(frozen=True)
class Setting:
    """Where workers work, and whom they ask and tell. `permit(task, command)` says whether a command may run.

    `ask(task, question)` is what a person answers; None when nobody can be asked.
    `limits`: what is set for the tasks of an agent, by its name. `silence`: seconds after which a worker is told that
    it waits for neither model, tool, other task nor person; after as many again it is stopped.
    """

    workspace: Path
    environment: Mapping[str, str]
    permit: Callable[[Task, str], Awaitable[bool]]
    report: Callable[[Moment], None]
    worktree: Worktree | None = None
    names: Names = field(default_factory=Names)
    ask: Callable[[Task, str], Awaitable[str | None]] = _nobody
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    silence: float = 900.0

    def at(self, worktree: Worktree) -> Setting:
        """The same, apart from others."""
        return replace(self, workspace=worktree.workspace, worktree=worktree)
