"""How a task changes: `apply`, `follow` and `fold`. Pure: no disk, no clock. Its life is in `lives`.

The life of a workstream: every move but completed -> pending and completed -> blocked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from orchestrator import budget, children, evidence, lives, questions
from orchestrator import events as happened
from orchestrator.errors import Refused
from orchestrator.events import Actor, Commit, Event, Kind, Status
from orchestrator.task import (
    Blocker,
    Decision,
    Item,
    Known,
    Message,
    Published,
    Reference,
    Task,
    Workstream,
    added,
    digest,
    place_of,
    replace,
)

WORKSTREAMS: dict[Status, frozenset[Status]] = {
    "pending": frozenset({"in-progress", "completed", "blocked"}),
    "in-progress": frozenset({"pending", "completed", "blocked"}),
    "blocked": frozenset({"pending", "in-progress", "completed"}),
    "completed": frozenset({"in-progress"}),
}

_ID = re.compile(r"[A-Z0-9]{6}")

Row = TypeVar("Row", Item, Workstream, Decision, Blocker)


def create(event: Event, *, task_id: str, uuid: str, at: str) -> Task:
    """The task after its first event; raises Refused when that is not `TaskCreated`."""
    if not isinstance(event, happened.TaskCreated):
        raise Refused(type(event).__name__, "a journal begins with TaskCreated")
    return Task(
        id=task_id,
        uuid=uuid,
        agent=event.agent,
        description=event.description,
        started_at=at,
        mode=event.mode,
        parent=event.parent,
        model=event.model,
        limits=event.limits,
        verify=event.verify,
        output_schema=event.output_schema,
        isolate=event.isolate,
        updated_at=at,
    )


def apply(task: Task, event: Event, *, actor: Actor, at: str) -> Task:
    """The task after one more event; raises Refused, with the reason, for what cannot follow."""
    change = _CHANGES.get(type(event))
    if change is None:
        raise Refused(type(event).__name__, "it can only be the first event")
    closed = task.archived and (task.revision or not task.by_hand)  # adopted so, it is yet to be told what it holds
    if closed and not isinstance(event, lives.AFTER_ARCHIVE):
        raise Refused(type(event).__name__, f"task {task.id} is archived")
    return change(task, event, actor, at)


def apply_all(task: Task, events: Iterable[Event], *, actor: Actor, at: str) -> Task:
    """`apply` for each event in turn."""
    for event in events:
        task = apply(task, event, actor=actor, at=at)
    return task


def follow(task: Task | None, commit: Commit, task_id: str) -> Task:
    """The task after one more commit; raises Refused when it does not follow."""
    if task is None:
        task = create(commit.events[0], task_id=task_id, uuid=commit.uuid or "", at=commit.at)
        rest = commit.events[1:]
    else:
        rest = commit.events
        if None in task.adopted.values():
            task = replace(task, adopted={kind: then or task for kind, then in task.adopted.items()})
    if commit.revision != task.revision + 1:
        raise Refused("Commit", f"revision {commit.revision} does not follow {task.revision}")
    task = apply_all(task, rest, actor=commit.actor, at=commit.at)
    if commit.actor == "worker" and task.worked_until:
        task = budget.timed(task, commit.at)
    absorbed = {**task.absorbed, **{kind: Published(commit.revision, said) for kind, said in commit.absorbed.items()}}
    task = replace(task, revision=commit.revision, updated_at=commit.at, absorbed=absorbed)
    return publish(task, commit.documents)


def publish(task: Task, digests: Mapping[Kind, str]) -> Task:
    """The task once its revision has published these documents."""
    new = {kind: Published(task.revision, value) for kind, value in digests.items()}
    return replace(task, documents={**task.documents, **new}) if new else task


def origin(commits: Iterable[Commit], task_id: str) -> str:
    """The id a task was created under, which is called `task_id` now; of a fork, what it was forked from."""
    events = (event for commit in commits for event in commit.events)
    named = (happened.TaskRenamed, happened.TaskForked)
    return next((event.previous for event in events if isinstance(event, named)), task_id)


def fold(commits: Iterable[Commit], task_id: str) -> Task | None:
    """The task after all commits, None when there are none. `task_id`: its first one, see `origin`."""
    task: Task | None = None
    for commit in commits:
        task = follow(task, commit, task_id)
    return task


# -- the changes, one a kind of event ----------------------------------------


def _row(rows: tuple[Row, ...], row_id: str, event: str) -> Row:
    place = place_of(rows, row_id)
    if place is not None:
        return rows[place]
    raise Refused(event, f"there is no {row_id}; known: {', '.join(row.id for row in rows) or 'none'}")


def _new(rows: tuple[Any, ...], row_id: str, event: str) -> None:
    if place_of(rows, row_id) is not None:
        raise Refused(event, f"{row_id} exists already")


def _with(rows: tuple[Row, ...], changed: Row) -> tuple[Row, ...]:
    return tuple(changed if row.id == changed.id else row for row in rows)


def _given(event: Event, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(event, name)) is not None}


def _workstream_added(task: Task, event: happened.WorkstreamAdded, actor: Actor, at: str) -> Task:
    _new(task.workstreams, event.id, "WorkstreamAdded")
    return replace(task, workstreams=added(task.workstreams, Workstream(**event.model_dump())))


def _workstream_changed(task: Task, event: happened.WorkstreamChanged, actor: Actor, at: str) -> Task:
    row = _row(task.workstreams, event.id, "WorkstreamChanged")
    if event.status not in (None, row.status) and event.status not in WORKSTREAMS[row.status]:
        raise Refused("WorkstreamChanged", f"{row.id} is {row.status} and cannot become {event.status}")
    names = set(happened.WorkstreamChanged.model_fields) - {"id"}
    return replace(task, workstreams=_with(task.workstreams, replace(row, **_given(event, *names))))


def _item_added(task: Task, event: happened.ItemAdded, actor: Actor, at: str) -> Task:
    _new(task.items, event.id, "ItemAdded")
    if event.checked and actor == "worker":
        raise Refused("ItemAdded", "an item is added open and checked with evidence")
    item = Item(
        id=event.id,
        text=event.text,
        section=event.section,
        checked=event.checked,
        checked_by=actor if event.checked else None,
        added_at=len(task.receipts),
    )
    place = len(task.items)
    if event.after is not None:
        _row(task.items, event.after, "ItemAdded")
        place = (place_of(task.items, event.after) or 0) + 1
    if place == len(task.items):
        return replace(task, items=added(task.items, item))
    return replace(task, items=(*task.items[:place], item, *task.items[place:]))


def _item(task: Task, item_id: str, event: str) -> Item:
    item = _row(task.items, item_id, event)
    if item.dropped is not None:
        raise Refused(event, f"{item_id} was dropped: {item.dropped}")
    return item


def _item_checked(task: Task, event: happened.ItemChecked, actor: Actor, at: str) -> Task:
    item = _item(task, event.id, "ItemChecked")
    if actor == "worker" and (
        reason := evidence.flaw(item.text, item.added_at, event.evidence, task.receipts, task.undone)
    ):
        raise Refused("ItemChecked", f"{item.id} ({item.text}): {reason}")
    checked = replace(item, checked=True, evidence=event.evidence, checked_by=actor)
    return replace(task, items=_with(task.items, checked))


def _item_unchecked(task: Task, event: happened.ItemUnchecked, actor: Actor, at: str) -> Task:
    item = _item(task, event.id, "ItemUnchecked")
    return replace(task, items=_with(task.items, replace(item, checked=False, evidence=(), checked_by=None)))


def _item_reworded(task: Task, event: happened.ItemReworded, actor: Actor, at: str) -> Task:
    item = _item(task, event.id, "ItemReworded")
    typed = item.text if item.typed is None else item.typed
    return replace(task, items=_with(task.items, replace(item, text=event.text, typed=typed)))


def _item_dropped(task: Task, event: happened.ItemDropped, actor: Actor, at: str) -> Task:
    item = _item(task, event.id, "ItemDropped")
    if not event.reason.strip():
        raise Refused("ItemDropped", f"{item.id} needs a reason")
    return replace(task, items=_with(task.items, replace(item, dropped=event.reason)))


def _decided(task: Task, event: happened.DecisionRecorded, actor: Actor, at: str) -> Task:
    _new(task.decisions, event.id, "DecisionRecorded")
    decision = Decision(**{**event.model_dump(), "at": event.at or at})
    return replace(task, decisions=added(task.decisions, decision))


def _decision_changed(task: Task, event: happened.DecisionChanged, actor: Actor, at: str) -> Task:
    row = _row(task.decisions, event.id, "DecisionChanged")
    return replace(task, decisions=_with(task.decisions, replace(row, **event.model_dump())))


def _blocker_raised(task: Task, event: happened.BlockerRaised, actor: Actor, at: str) -> Task:
    _new(task.blockers, event.id, "BlockerRaised")
    return replace(task, blockers=(*task.blockers, Blocker(event.id, event.text)))


def _blocker_resolved(task: Task, event: happened.BlockerResolved, actor: Actor, at: str) -> Task:
    row = _row(task.blockers, event.id, "BlockerResolved")
    if row.call and row.resolution is not None:
        raise Refused("BlockerResolved", f"{row.id} was answered already: {row.resolution}")
    reason = "its question is answered" if row.call and task.reason == questions.asking(row.text) else task.reason
    resolved = _with(task.blockers, replace(row, resolution=event.resolution))
    return replace(task, blockers=resolved, reason=reason)


def _prose(task: Task, event: happened.ProseWritten, actor: Actor, at: str) -> Task:
    if event.replaces is not None and event.replaces != digest(task.prose.get(event.document, "")):
        raise Refused("ProseWritten", f"the {event.document} was changed meanwhile: read it and write it again")
    return replace(task, prose={**task.prose, event.document: event.text})


def _edited(task: Task, event: happened.TextEdited, actor: Actor, at: str) -> Task:
    adopted = task.adopted if event.document in task.documents else {event.document: None, **task.adopted}
    items = tuple(replace(item, typed=None) for item in task.items) if event.document == "checklist" else task.items
    return replace(task, texts={**task.texts, event.document: event.text}, adopted=adopted, items=items)


def _referred(task: Task, event: happened.ReferenceAdded, actor: Actor, at: str) -> Task:
    if event.task == task.id:
        raise Refused("ReferenceAdded", "a task does not refer to itself")
    if not _ID.fullmatch(event.task):
        raise Refused("ReferenceAdded", f"{event.task!r} is no id of a task: that is six of A-Z and 0-9")
    if any((row.task, row.document) == (event.task, event.document) for row in task.references):
        return task
    return replace(task, references=(*task.references, Reference(event.task, event.document)))


def _said(task: Task, event: happened.MessageAdded, actor: Actor, at: str) -> Task:
    transcript = (*task.transcript, Message("user", event.content))
    task = replace(task, transcript=transcript, heard=max(task.heard, event.heard))
    if event.told:
        known = {row.task: row for row in task.others} | {row.task: Known(**row.model_dump()) for row in event.told}
        task = replace(task, others=tuple(known.values()))
    return task


def _replied(task: Task, event: happened.ModelReplied, actor: Actor, at: str) -> Task:
    task = lives.progressed(budget.answered(children.delegated(task, event.intents)))
    task = questions.asked(task, event.intents)
    return replace(
        task,
        transcript=(*task.transcript, Message("assistant", event.content)),
        pending=event.intents,
        turns=task.turns + 1,
        usage=task.usage + event.usage,
        context=event.usage.total,
        cost=_cost(task, event.cost),
        unpriced=task.unpriced + (event.cost is None),
    )


def _renewed(task: Task, event: happened.ContextRenewed, actor: Actor, at: str) -> Task:
    if task.pending:
        raise Refused("ContextRenewed", f"{task.pending[0].call} has no result yet")
    transcript = (Message("assistant", (event.summary,)),) if event.summary else ()
    cost = _cost(task, event.cost)
    task = budget.answered(task)
    return replace(task, transcript=transcript, context=0, usage=task.usage + event.usage, cost=cost)


def _cost(task: Task, more: float | None) -> float | None:
    return task.cost if more is None else (task.cost or 0.0) + more


def _settled(task: Task, event: happened.CallSettled, actor: Actor, at: str) -> Task:
    receipt = event.receipt
    _new(task.receipts, receipt.id, "CallSettled")
    pending = tuple(intent for intent in task.pending if intent.call != receipt.call)
    changes = (*task.changes, *(change for change in receipt.files if change.before != change.after))
    return replace(lives.progressed(task), receipts=added(task.receipts, receipt), changes=changes, pending=pending)


def _undone(task: Task, event: happened.ChangesUndone, actor: Actor, at: str) -> Task:
    taken = evidence.changed(task.receipts, {change.path for change in event.files})
    return replace(task, changes=(*task.changes, *event.files), undone=(*task.undone, *taken))


def _asked(task: Task, event: happened.SyncAsked, actor: Actor, at: str) -> Task:
    return replace(task, asked_receipts=len(task.receipts), asked_triggers=event.triggers)


def _recorded(task: Task, event: happened.StateRecorded, actor: Actor, at: str) -> Task:
    return replace(task, synced_receipts=len(task.receipts), asked_receipts=None, asked_triggers=())


_CHANGES: dict[type[Event], Callable[[Task, Any, Actor, str], Task]] = {
    **lives.CHANGES,
    happened.AnswerLost: budget.lost,
    happened.BudgetDrawn: budget.drawn,
    happened.ChildObserved: children.observed,
    happened.LimitsChanged: lambda task, event, actor, at: replace(task, limits=event.limits),
    happened.ModeChanged: lambda task, event, actor, at: replace(task, mode=event.mode),
    happened.PhaseChanged: lambda task, event, actor, at: replace(task, phase=event.phase),
    happened.WorkstreamAdded: _workstream_added,
    happened.WorkstreamChanged: _workstream_changed,
    happened.ItemAdded: _item_added,
    happened.ItemChecked: _item_checked,
    happened.ItemUnchecked: _item_unchecked,
    happened.ItemReworded: _item_reworded,
    happened.ItemDropped: _item_dropped,
    happened.DecisionRecorded: _decided,
    happened.DecisionChanged: _decision_changed,
    happened.BlockerRaised: _blocker_raised,
    happened.BlockerResolved: _blocker_resolved,
    happened.NextStepsSet: lambda task, event, actor, at: replace(task, next_steps=event.steps),
    happened.ProseWritten: _prose,
    happened.TextEdited: _edited,
    happened.EditSetAside: lambda task, event, actor, at: replace(
        task, set_aside=tuple(dict.fromkeys((*task.set_aside, event.name)))
    ),
    happened.ReferenceAdded: _referred,
    happened.MessageAdded: _said,
    happened.ModelReplied: _replied,
    happened.ContextRenewed: _renewed,
    happened.CallSettled: _settled,
    happened.ChangesUndone: _undone,
    happened.SyncAsked: _asked,
    happened.StateRecorded: _recorded,
    happened.SilenceNoticed: lambda task, event, actor, at: task,
    happened.StuckNoticed: lambda task, event, actor, at: replace(task, stuck=len(task.receipts)),
    happened.FinishRefused: lambda task, event, actor, at: replace(task, finish_refusals=task.finish_refusals + 1),
    happened.DirectoryChanged: lambda task, event, actor, at: replace(task, directory=event.path),
}
