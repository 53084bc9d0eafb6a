"""Where each task of a tree works: where all do, or apart from others in a worktree, made when it is first needed."""

from __future__ import annotations

from pathlib import Path

from orchestrator import worktrees
from orchestrator.engine import Engine
from orchestrator.errors import UnknownTask
from orchestrator.events import WorktreeMade
from orchestrator.task import Task
from orchestrator.worktrees import Worktree


class Isolation:
    """Of the tasks of one `.temp`. Work goes back to the worktree of the nearest task above that has one and has not
    landed, in the end to the person's own workspace."""

    def __init__(self, engine: Engine, workspace: Path) -> None:
        self._engine = engine
        self._temp = engine.folder.temp
        self._workspace = workspace

    def worktree(self, task: Task) -> Worktree | None:
        """Where the task works, checked out; None where all work. Raises WorktreeError."""
        if not task.isolate:
            return None
        if task.apart is None:  # its name is known before there is anything of it
            worktree = self._named(task, worktrees.fresh_name(self._temp, task.id))
            base = worktree.base()
            self._engine.commit(task.id, [WorktreeMade(name=worktree.name, base=base)], actor="engine")
        else:
            worktree, base = self._named(task, task.apart.name), task.apart.base
        worktree.make(base)
        return worktree

    def leave(self, task: Task, *, ignored: bool = False) -> bool:
        """Take away a worktree whose work has landed, unless it holds what is nowhere else; true when it is gone.

        `ignored`: but for what git ignores.
        """
        if task.apart is None or task.apart.landed is None:
            return False
        return self._named(task, task.apart.name).leave(ignored=ignored)

    def _named(self, task: Task, name: str) -> Worktree:
        return Worktree(self._temp, name, self._target(task), task.agent)

    def _target(self, task: Task) -> Path:
        while task.parent is not None:
            try:
                task = self._engine.refresh(task.parent).task
            except UnknownTask:
                break
            if task.apart is not None and task.apart.landed is None:
                return Worktree(self._temp, task.apart.name, self._workspace, task.agent).workspace
        return self._workspace
