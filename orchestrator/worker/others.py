"""What a worker sees of other tasks: what they claim to have written, how those it builds on and gave away stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from orchestrator import overview
from orchestrator.engine import Engine
from orchestrator.events import ChildObserved, Life
from orchestrator.task import Task


def claims(engine: Engine, task: Task) -> frozenset[tuple[str, str | None]]:
    """What other tasks wrote that were at work while this one was."""
    rows = overview.read(engine.folder.temp)
    others = [row.id for row in rows if row.id != task.id and row.text("updatedAt") >= task.started_at]
    return engine.claims(others)


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
