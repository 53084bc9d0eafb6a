"""What a task that gave work away is told of how it ended."""

from __future__ import annotations

import json
from collections.abc import Sequence

from orchestrator.documents import file_name, kinds
from orchestrator.errors import OrchestratorError
from orchestrator.events import ChildObserved
from orchestrator.task import Blocker, Task
from orchestrator.tools.tool import ToolResult

LONGEST = 10_000
"""Characters of a summary or a result; the documents have all."""


def report(task: Task, error: OrchestratorError | None, home: str) -> ToolResult:
    """The child as it stands, for its parent's model. `home`: the folder of its documents."""
    ended = task.ended or task.status
    words = [f"Task {task.id} ({task.agent}) is {ended}."]
    if error is not None:
        words.append(f"Its worker ended: {error}")
    if task.unmerged is not None:
        words.append(task.unmerged.difference)
    words += [f"Blocked by: {row.text}" for row in task.blockers if row.resolution is None]
    if task.summary:
        words.append(task.summary[:LONGEST])
    if task.result is not None:
        words.append("Result:\n" + json.dumps(task.result, ensure_ascii=False, indent=2)[:LONGEST])
    if files := sorted({change.path for change in task.changes if not change.shared}):
        words.append("Files it changed: " + ", ".join(files))
    if files := sorted({change.path for change in task.changes if change.shared}):
        words.append("Files that it or another task changed: " + ", ".join(files))
    place = ".temp/completed" if home == "completed" else ".temp"
    words.append("Its documents: " + ", ".join(f"{place}/{file_name(kind, task.id)}" for kind in kinds(task)))
    done = task.ended == "completed"
    return ToolResult("\n\n".join(words), outcome="ok" if done else "error", events=(seen(task),))


def seen(task: Task) -> ChildObserved:
    """The child as it stands, for its parent's journal."""
    status = "cancelled" if task.ended == "cancelled" else task.status
    return ChildObserved(child=task.id, status=status, revision=task.revision)


def at_work(task: Task) -> ToolResult:
    """What a parent hears of a child that it has given away and that is not done."""
    return ToolResult(f"Task {task.id} ({task.agent}) is at work: wait for it with Await.")


def asks(task: Task, questions: Sequence[Blocker]) -> ToolResult:
    """What a child asks its parent."""
    said = "\n\n".join(f"{row.id}: {row.text}" for row in questions)
    how = f"It waits: answer it with Answer, giving {task.id} as `task`; then wait with Await."
    return ToolResult(f"Task {task.id} ({task.agent}) asks:\n\n{said}\n\n{how}")


def joined(results: Sequence[ToolResult]) -> ToolResult:
    """Several as one."""
    return ToolResult(
        "\n\n".join(result.text for result in results),
        outcome=next((result.outcome for result in results if result.outcome != "ok"), "ok"),
        events=tuple(event for result in results for event in result.events),
    )


def never(child: str, reason: str) -> ToolResult:
    """What a parent hears of a child that there is none of: it need not wait for it any more."""
    taken_back = ChildObserved(child=child, status="cancelled", revision=0)
    return ToolResult(f"Task {child} was never begun: {reason}", outcome="error", events=(taken_back,))
