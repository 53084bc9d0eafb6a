"""What a task knows of those it gave to other agents: a row for each, a workstream that follows it, a reference."""

from __future__ import annotations

from orchestrator import events as happened
from orchestrator.errors import Refused
from orchestrator.events import Actor, Delegated, Intent, Life, Status
from orchestrator.task import Child, Reference, Task, Workstream, replace

_WORKSTREAM: dict[Life, Status] = {
    "pending": "in-progress",
    "in-progress": "in-progress",
    "blocked": "blocked",
    "stopped": "blocked",
    "cancelled": "pending",
    "completed": "completed",
    "archiving": "completed",
    "archived": "completed",
}


def delegated(task: Task, intents: tuple[Intent, ...]) -> Task:
    """The task once these calls are to give work away."""
    for intent in intents:
        if intent.delegated is not None:
            task = _given(task, intent.call, intent.delegated)
    return task


def _given(task: Task, call: str, given: Delegated) -> Task:
    before = tuple(row.id for row in task.children if {row.id, row.workstream} & {*given.after})
    child = Child(given.child, given.agent, call, given.workstream, after=before, verify=given.verify)
    rows = {row.id: row for row in task.workstreams}
    row = rows.get(given.workstream, Workstream(given.workstream, given.description))
    follows = (*row.cross_agent_references, given.child)
    rows[row.id] = replace(row, status="in-progress", assigned_agent=given.agent, cross_agent_references=follows)
    return replace(
        task,
        children=(*task.children, child),
        workstreams=tuple(rows.values()),
        references=(*task.references, Reference(given.child, "task-status")),
    )


def observed(task: Task, event: happened.ChildObserved, actor: Actor, at: str) -> Task:
    """What an older look saw changes nothing. The last child of a workstream is the one it follows."""
    child = next((row for row in task.children if row.id == event.child), None)
    if child is None:
        raise Refused("ChildObserved", f"task {task.id} gave no task {event.child} to anybody")
    if event.revision < child.revision:
        return task
    seen = replace(child, status=event.status, revision=event.revision)
    task = replace(task, children=tuple(seen if row is child else row for row in task.children))
    last = [row for row in task.children if row.workstream == child.workstream][-1]
    if last.id != child.id:
        return task
    rows = (
        replace(row, status=_WORKSTREAM[event.status]) if row.id == child.workstream else row
        for row in task.workstreams
    )
    return replace(task, workstreams=tuple(rows))
