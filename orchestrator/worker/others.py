"""What a worker sees of other tasks: what they claim to have written, how those it builds on and gave away stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from orchestrator import overview
from orchestrator.engine import Engine
from orchestrator.events import ChildObserved, Life, ModelReplied
from orchestrator.task import Task


def claims(engine: Engine, task: Task) -> frozenset[tuple[str, str | None]]:
    """What other tasks have written, otherwise than by commands, since the last message of this one's model.

    Where it works apart from others that is nothing.
    """
    if task.isolate:
        return frozenset()
    commits = engine.since(task.id, task.heard)
    replies = [commit.at for commit in commits if any(isinstance(event, ModelReplied) for event in commit.events)]
    since = replies[-1] if replies else task.started_at
    rows = (row for row in overview.rows(engine.folder.temp) if row.id != task.id)
    others = [row.id for row in rows if row.text("updatedAt") >= since or row.text("status") == "in-progress"]
    return engine.claims(others, since)


def signatures(temp: Path, task: Task) -> dict[str, str]:
    """How the tasks that this one refers to look now."""
    rows = {row.task: overview.find(temp, row.task) for row in task.references}
    return {name: row.signature if row else "" for name, row in rows.items()}


def observed(temp: Path, task: Task) -> Iterator[ChildObserved]:
    """What became of open tasks that this one gave away, where it has not heard of it yet."""
    for child in task.children:
        row = overview.find(temp, child.id) if child.open else None
        if row is None or row.problem:
            continue
        status, revision = row.text("status"), row.data.get("revision")
        if status != child.status and status in get_args(Life) and isinstance(revision, int):
            yield ChildObserved.model_validate({"child": child.id, "status": status, "revision": revision})
