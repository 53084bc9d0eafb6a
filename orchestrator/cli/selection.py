"""The files of a task that a person names at a command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.cli.project import Project
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.evidence import NetChange
    from orchestrator.task import Task


def select(project: Project, task: Task, paths: Sequence[str]) -> list[NetChange]:
    """What the task did, all in all, to these files and to what is in these directories; to all, when none is given.

    Raises UsageError for a path that the task never changed.
    """
    from orchestrator import evidence, names

    ever = {change.path for change in task.changes}
    # as the person sees it: what a link means now says nothing about a file that is gone
    local = (os.path.relpath(os.path.abspath(path), project.workspace) for path in paths)
    wanted = [names.written(names.meant(path)) for path in local]  # as it is, or as it was shown
    for given, path in zip(paths, wanted, strict=True):
        if not given or not any(_within(name, path) for name in ever):  # '' is not all: a variable may have been empty
            raise UsageError(
                f"task {task.id} changed no {given or repr(given)}: `orchestrator changes {task.id}` shows what it did"
            )
    found = evidence.net(task.changes).values()
    return [change for change in found if not paths or any(_within(change.path, path) for path in wanted)]


def _within(name: str, path: str) -> bool:
    return path in (".", name) or name.startswith(path + "/")
