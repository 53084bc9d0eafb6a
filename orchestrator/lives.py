"""The life of a task: how it begins and ends, where its files are, and what it hears of the moves of others.

    pending ----> in-progress ----> completed ----> archiving ----> archived
                    |     ^
                    v     |
              blocked, stopped

Every open one can be cancelled, which is archived as a completed one is; every closed one can be reopened, and is
stopped then. `task.ended` tells afterwards how it was closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from orchestrator import events as happened
from orchestrator import mentions
from orchestrator.errors import Refused
from orchestrator.events import Actor, Event, Life, Usage
from orchestrator.task import Apart, Fork, Instruction, Item, Move, Reference, Task

LIVES: dict[Life, frozenset[Life]] = {
    "pending": frozenset({"in-progress", "stopped", "cancelled"}),
    "in-progress": frozenset({"in-progress", "blocked", "stopped", "completed", "cancelled"}),
    "blocked": frozenset({"in-progress", "stopped", "cancelled"}),
    "stopped": frozenset({"in-progress", "stopped", "cancelled"}),
    "completed": frozenset({"archiving"}),
    "cancelled": frozenset({"archiving"}),
    "archiving": frozenset({"archived"}),
    "archived": frozenset(),
}
"""Without `TaskReopened`, which leads from every closed life to stopped."""
LONGEST = 200
"""Characters of an instruction in the checklist; the status document has all."""
SUMMARY = "completion-summary"
"""The document that only a completed task has."""


def _life(task: Task, to: Life, event: Event, **fields: Any) -> Task:
    if to not in LIVES[task.status]:
        raise Refused(type(event).__name__, f"a task that is {task.status} cannot become {to}")
    return replace(task, status=to, **fields)


def _settled(task: Task, event: Event) -> None:
    """Refuse to begin a move while another is not finished."""
    if task.moving is not None:
        raise Refused(type(event).__name__, f"the files of task {task.id} are just being moved: try again")


def _adopted(task: Task, event: happened.TaskAdopted, actor: Actor, at: str) -> Task:
    """What lies in `completed/` is archived, whatever its documents say."""
    if task.revision:
        raise Refused("TaskAdopted", "it belongs to a task's first commit")
    ended = event.status if event.status in ("completed", "cancelled") else None
    return replace(
        task,
        status="archived" if event.archived else event.status,
        ended=ended or ("completed" if event.archived else None),
        left_as=event.status if event.archived and not ended else None,
        phase="completed" if ended == "completed" else "adopted",
        moving=Move(task.id, not event.archived, event.companions) if event.split else None,
        by_hand="archived" if event.archived else "open",
        started_at=event.started_at or task.started_at,
        completed_at=event.completed_at,
    )


def _started(task: Task, event: happened.WorkerStarted, actor: Actor, at: str) -> Task:
    _settled(task, event)
    if event.epoch != task.epoch + 1:
        raise Refused("WorkerStarted", f"epoch {event.epoch} does not follow {task.epoch}")
    resumed = task.resumed + (1 if event.resumed else 0)
    if event.died is not None:
        deaths = task.deaths + 1 if event.died == task.died else 1
        task = replace(task, died=event.died, deaths=deaths)
    return _life(
        task,
        "in-progress",
        event,
        epoch=event.epoch,
        holder=event.holder,
        resumed=resumed,
        reason=None,
        limited_by=None,
        needed=None,
        stuck=None,
        worked_until=at,
        unmerged=None,
    )


def progressed(task: Task) -> Task:
    """Something came of the work: how workers died before does not matter any more."""
    return replace(task, died=None, deaths=0) if task.deaths else task


def _completed(task: Task, event: happened.TaskCompleted, actor: Actor, at: str) -> Task:
    if event.heard is not None and task.is_told(event.heard):
        raise Refused("TaskCompleted", "somebody has just told this task something")
    return _life(
        task,
        "completed",
        event,
        ended="completed",
        summary=event.summary,
        result=event.result,
        completed_at=at,
        phase="completed",
        next_steps=(),
        reason=None,
    )


def _cancelled(task: Task, event: happened.TaskCancelled, actor: Actor, at: str) -> Task:
    return _life(task, "cancelled", event, ended="cancelled", reason=event.reason or None)


def _instructed(task: Task, event: happened.InstructionGiven, actor: Actor, at: str) -> Task:
    if not task.open:
        raise Refused("InstructionGiven", f"task {task.id} is {task.status}")
    if any(row.id == event.item for row in task.items):
        raise Refused("InstructionGiven", f"{event.item} exists already")
    given = Instruction(at, event.text)
    item = Item(event.item, _shortened(event.text), added_at=len(task.receipts))
    instructions, items = (*task.instructions, given), (*task.items, item)
    return replace(progressed(task), instructions=instructions, items=items, told=task.revision + 1)


def _paused(task: Task, event: happened.TaskPaused, actor: Actor, at: str) -> Task:
    if not task.open:
        raise Refused("TaskPaused", f"task {task.id} is {task.status}")
    return replace(task, paused=True)


def _lifted(task: Task) -> bool | None:
    """`paused` of a task that is not, any more: a document that said so says the other."""
    return None if task.paused is None else False


def _continued(task: Task, event: happened.TaskContinued, actor: Actor, at: str) -> Task:
    if not task.open:
        raise Refused("TaskContinued", f"task {task.id} is {task.status}")
    worked_until = task.worked_until and at  # the time until then is not one of work
    return replace(progressed(task), paused=_lifted(task), worked_until=worked_until)


def _told(task: Task, event: happened.MessageReceived, actor: Actor, at: str) -> Task:
    """What a call has said once is not said again when the call is settled after a crash."""
    if not task.open:
        raise Refused("MessageReceived", f"task {task.id} is {task.status}")
    task = replace(task, told=task.revision + 1)
    if event.call is None:
        return task
    if (event.sender, event.call) in task.messages:
        raise Refused("MessageReceived", f"task {task.id} was told that already")
    return replace(task, messages=(*task.messages, (event.sender or "", event.call)))


def _shortened(text: str) -> str:
    """An instruction as the checklist says it."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def _apart(task: Task, event: happened.WorktreeMade, actor: Actor, at: str) -> Task:
    if not task.isolate:
        raise Refused("WorktreeMade", f"task {task.id} works where all do")
    return replace(task, apart=Apart(event.name, event.base))


def _landed(task: Task, event: happened.WorkLanded, actor: Actor, at: str) -> Task:
    if task.apart is None:
        raise Refused("WorkLanded", f"task {task.id} has no worktree")
    return replace(task, apart=replace(task.apart, landed=event.commit), unmerged=None)


def _archiving(task: Task, event: happened.ArchiveBegun, actor: Actor, at: str) -> Task:
    _settled(task, event)
    moving = Move(task.id, archived=False, companions=event.companions)
    return _life(task, "archiving", event, companions=event.companions, moving=moving)


def _reopened(task: Task, event: happened.TaskReopened, actor: Actor, at: str) -> Task:
    _settled(task, event)
    if task.open:
        raise Refused("TaskReopened", f"task {task.id} is {task.status}: it is open")
    return replace(_stopped(task), moving=Move(task.id, task.archived, event.companions))


def _stopped(task: Task) -> Task:
    """Open, as it was before its end. What is told of the end goes, its summary too; the journal keeps it."""
    kept: dict[str, Any] = {
        name: {kind: value for kind, value in getattr(task, name).items() if kind != SUMMARY}
        for name in ("texts", "prose", "documents", "adopted")
    }
    return replace(
        mentions.returned(replace(progressed(task), **kept), task.id),
        status="stopped",
        ended=None,
        left_as=None,
        reason=None,
        phase="reopened" if task.ended == "completed" else task.phase,
        summary=None,
        result=None,
        completed_at=None,
        companions=(),
        apart=None if task.apart and task.apart.landed else task.apart,
        paused=_lifted(task),
        by_hand=task.by_hand and "open",
    )


def _forked(task: Task, event: happened.TaskForked, actor: Actor, at: str) -> Task:
    """Under its own id and open, with what was done until then. Nothing is spent yet, and the conversation begins anew.

    It stands for itself, whoever gave the other one away.

    What was said may be about files that look otherwise now; and no call of another task is this one's to settle.
    """
    if event.previous != task.id or event.revision != task.revision:
        raise Refused("TaskForked", f"this is task {task.id} at r{task.revision}")
    task = mentions.renamed(_stopped(task), task.id, event.id)
    source = Reference(event.task, "task-status")
    return replace(
        task,
        id=event.id,
        parent=None,
        limited_by=None,
        needed=None,
        forked=Fork(event.task, event.revision),
        reason=f"forked from {event.task} at r{event.revision}",
        references=(*(row for row in task.references if row != source), source),
        moving=Move(event.id, archived=False),
        set_aside=(),
        apart=None,
        unmerged=None,
        holder=None,
        transcript=(),
        context=0,
        pending=(),
        turns=0,
        usage=Usage(),
        cost=None,
        unpriced=0,
        finish_refusals=0,
        stuck=None,
        draws=(),
    )


def _renamed(task: Task, event: happened.TaskRenamed, actor: Actor, at: str) -> Task:
    """Under another id. One that was taken in that instant is taken back: the only move that may begin in another."""
    if event.previous != task.id:
        raise Refused("TaskRenamed", f"this is task {task.id}, not {event.previous}")
    if task.moving is None:
        moving = Move(task.id, task.archived, event.companions)
    elif task.moving.id == event.id:
        moving = None
    else:
        raise Refused("TaskRenamed", f"the files of task {task.id} are just being moved: try again")
    return replace(mentions.renamed(task, task.id, event.id), id=event.id, moving=moving)


def _moved(task: Task, event: happened.ReferenceMoved, actor: Actor, at: str) -> Task:
    if event.previous is not None:
        task = mentions.renamed(task, event.previous, event.task)
    elif not event.archived:
        task = mentions.returned(task, event.task)
    rows = tuple(replace(row, moved=event.archived) if row.task == event.task else row for row in task.references)
    return replace(task, references=rows)


AFTER_ARCHIVE = (
    happened.ArchiveDone,
    happened.TaskReopened,
    happened.TaskRenamed,
    happened.TaskForked,
    happened.MoveDone,
    happened.ReferenceAdded,
    happened.ReferenceMoved,
    happened.TextEdited,
    happened.EditSetAside,
    happened.ChangesUndone,
)
"""What may still happen to an archived task."""
CHANGES: dict[type[Event], Callable[[Task, Any, Actor, str], Task]] = {
    happened.TaskAdopted: _adopted,
    happened.WorkerStarted: _started,
    happened.MessageReceived: _told,
    happened.TaskPaused: _paused,
    happened.TaskContinued: _continued,
    happened.WorktreeMade: _apart,
    happened.WorkLanded: _landed,
    happened.MergeRefused: lambda task, event, actor, at: replace(task, unmerged=event),
    happened.TaskBlocked: lambda task, event, actor, at: _life(task, "blocked", event, reason=event.reason),
    happened.TaskStopped: lambda task, event, actor, at: _life(
        task, "stopped", event, reason=event.reason, limited_by=event.limited_by, needed=event.needed
    ),
    happened.TaskCompleted: _completed,
    happened.TaskCancelled: _cancelled,
    happened.InstructionGiven: _instructed,
    happened.ArchiveBegun: _archiving,
    happened.ArchiveDone: lambda task, event, actor, at: _life(task, "archived", event, moving=None),
    happened.TaskReopened: _reopened,
    happened.TaskRenamed: _renamed,
    happened.TaskForked: _forked,
    happened.MoveDone: lambda task, event, actor, at: replace(task, moving=None),
    happened.ReferenceMoved: _moved,
}
