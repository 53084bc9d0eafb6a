"""Files that two tasks mean to make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from orchestrator.check.finding import Finding
from orchestrator.check.task_files import Facts


def shared_artifact(tasks: Sequence[Facts]) -> Iterator[Finding]:
    """Two open tasks name the same file as an artifact of theirs; one may have delegated it to the other."""
    named: dict[str, list[Facts]] = defaultdict(list)
    for task in tasks:
        for path in task.artifacts if not task.archived and not task.finished else ():
            named[path].append(task)
    for path, users in named.items():
        first, *others = users
        for task in others:
            if first.id != task.parent and task.id != first.parent:
                says = f"{path} is an artifact of {first.id}, too, and both tasks are open"
                places = task.at(*task.artifacts[path]), first.at(*first.artifacts[path])
                yield Finding("shared-artifact", "warning", task.id, says, places)
