"""The files that a task changed, and those of them that a person names at a command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.cli.project import Project
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.engine import Engine
    from orchestrator.events import FileChange
    from orchestrator.evidence import NetChange
    from orchestrator.task import Task


def place(project: Project, engine: Engine, task: Task) -> tuple[Path, Task | None]:
    """Where the task's files are, and whose worktree that is; None in the project."""
    from orchestrator import accounts, worktrees

    return worktrees.workspace(project.workspace, project.temp, [task, *reversed(accounts.above(engine, task))])


def unrecorded(project: Project, engine: Engine, task: Task) -> tuple[FileChange, ...]:
    """What the task did to files with calls whose worker died, and that are in no receipt yet."""
    from orchestrator.worker import orphans

    root, owner = place(project, engine, task)
    if engine.at_work(task.id) or (task.apart and owner is not task):  # where they were done is no more
        return ()
    return orphans.changes(engine, task, root, apart=owner is task)


def select(project: Project, task: Task, changes: Sequence[FileChange], paths: Sequence[str]) -> list[NetChange]:
    """What these changes come to in these files and in what is in these directories; in all, when none is given.

    Raises UsageError for a path that the task never changed.
    """
    from orchestrator import evidence, names

    ever = {change.path for change in changes}
    # as the person sees it: what a link means now says nothing about a file that is gone
    local = (os.path.relpath(os.path.abspath(path), project.workspace) for path in paths)
    wanted = [names.written(names.meant(path)) for path in local]  # as it is, or as it was shown
    for given, path in zip(paths, wanted, strict=True):
        if not given or not any(_within(name, path) for name in ever):  # '' is not all: a variable may have been empty
            raise UsageError(
                f"task {task.id} changed no {given or repr(given)}: `orchestrator changes {task.id}` shows what it did"
            )
    found = evidence.net(changes).values()
    return [change for change in found if not paths or any(_within(change.path, path) for path in wanted)]


def _within(name: str, path: str) -> bool:
    return path in (".", name) or name.startswith(path + "/")
