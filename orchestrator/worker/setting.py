"""Where workers work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.models import Names
from orchestrator.task import Task
from orchestrator.worker.moment import Moment
from orchestrator.worktrees import Worktree


@dataclass(frozen=True)
class Setting:
    """Where workers work, and whom they ask and tell. `permit(task, command)` says whether a command may run."""

    workspace: Path
    environment: Mapping[str, str]
    permit: Callable[[Task, str], Awaitable[bool]]
    report: Callable[[Moment], None]
    worktree: Worktree | None = None
    names: Names = field(default_factory=Names)

    def at(self, worktree: Worktree) -> Setting:
        """The same, apart from others."""
        return replace(self, workspace=worktree.workspace, worktree=worktree)
