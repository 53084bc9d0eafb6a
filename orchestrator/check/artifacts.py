"""Files that two tasks mean to make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from orchestrator.check.finding import Finding, Witness
from orchestrator.check.task_files import Facts


def shared_artifact(tasks: Sequence[Facts]) -> Iterator[Finding]:
    """Two open tasks name the same file as an artifact of theirs; one may have delegated it to the other."""
    named: dict[str, list[tuple[Facts, Witness]]] = defaultdict(list)
    for task in tasks:
        for path, where in task.artifacts.items() if not task.archived and not task.finished else ():
            named[path].append((task, where))
    for path, users in named.items():
        first, there = users[0]
        for task, where in users[1:]:
            if first.id != task.parent and task.id != first.parent:
                says = f"{path} is an artifact of {first.id}, too, and both tasks are open"
                yield Finding("shared-artifact", "warning", task.id, says, (where, there))
