"""Sync: the one way an agent records what is true of its task; all documents follow."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from orchestrator import events as happened
from orchestrator.errors import Refused, ToolError
from orchestrator.events import Event, Intent, Kind, Status
from orchestrator.task import Item, Task, digest
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace
from orchestrator.transitions import apply

_PROSE: dict[str, Kind] = {"plan": "plan", "notes": "architecture-notes", "progress": "progress"}


class Stream(ToolInput):
    id: str = Field(min_length=1, description="Your own short name for it, such as `models`; a known id is changed")
    description: str | None = Field(default=None, description="What this part of the task delivers")
    status: Status | None = Field(default=None, description="Where it stands; a new one is pending")
    assigned_agent: str | None = Field(default=None, description="The agent that does it")
    dependencies: tuple[str, ...] | None = Field(default=None, description="Ids of workstreams that must come first")
    artifacts: tuple[str, ...] | None = Field(default=None, description="Paths of the files it produces")
    cross_agent_references: tuple[str, ...] | None = Field(
        default=None, description="Work of other agents it builds on: task ids, or names of documents"
    )
    notes: str | None = Field(default=None, description="What whoever goes on with it should know")


class NewItem(ToolInput):
    text: str = Field(
        min_length=1,
        description="One thing that can be seen to be done. A file named in it must be touched by the evidence: "
        "`Write src/models/user.js`",
    )
    section: str | None = Field(default=None, description="The checklist's heading it belongs under")


class Check(ToolInput):
    item: str = Field(description="The item's id, such as `c3`, or its exact text")
    evidence: tuple[str, ...] = Field(
        min_length=1,
        description="Ids of the receipts that prove it, such as `R7`: every tool result ends with its own. They must "
        "be of calls that succeeded, made after the item was added, and touch each file the item names",
    )


class Drop(ToolInput):
    item: str = Field(description="The item's id, or its exact text")
    reason: str = Field(min_length=1, description="Why it is not done; people read it")


class Decided(ToolInput):
    decision: str = Field(min_length=1, description="What was decided")
    rationale: str | None = Field(default=None, description="Why, and what was rejected")
    referenced_agent_work: str | None = Field(default=None, description="The other agent's work it rests on")


class Resolve(ToolInput):
    id: str = Field(description="The blocker's id, such as `B1`")
    resolution: str = Field(min_length=1, description="How it was resolved")


class Refer(ToolInput):
    task: str = Field(pattern=r"^[A-Z0-9]{6}$", description="The other task's id, such as the one in its file names")
    document: Kind = Field(
        pattern=r"^[a-z]+(-[a-z]+)*$",
        description="Which of its documents: `plan`, `checklist`, `progress`, `architecture-notes`, "
        "`completion-summary` or `task-status`",
    )


class SyncInput(ToolInput):
    """Record what became true of your task. All its documents in `.temp/` are brought up to date together.

    Call it after every significant action: a file written, a command run, a decision made, a phase ended. Give only
    what changed; at least one field. Either all of it is recorded or, when one part is refused, nothing is. You need
    not write the documents yourself. Add checklist items *before* the work: only what is done after that proves them.
    """

    phase: str | None = Field(default=None, min_length=1, description="The phase of work that begins, in a few words")
    workstreams: tuple[Stream, ...] = Field(
        default=(), description="Parts of the task: an unknown id adds one, a known id changes the fields you give"
    )
    add_items: tuple[NewItem, ...] = Field(default=(), description="New checklist items; the result tells their ids")
    check_items: tuple[Check, ...] = Field(default=(), description="Items that are done, each with its evidence")
    uncheck_items: tuple[str, ...] = Field(default=(), description="Items that are not done after all: ids or texts")
    drop_items: tuple[Drop, ...] = Field(default=(), description="Items that will not be done, each with a reason")
    decisions: tuple[Decided, ...] = Field(default=(), description="Decisions others must know of")
    raise_blockers: tuple[str, ...] = Field(default=(), description="What keeps you from going on, one sentence each")
    resolve_blockers: tuple[Resolve, ...] = Field(default=(), description="Blockers that are out of the way")
    next_steps: tuple[str, ...] | None = Field(default=None, description="What comes next; replaces the former list")
    references: tuple[Refer, ...] = Field(
        default=(), description="Documents of other tasks that this one builds on; the link survives their archiving"
    )
    plan: str | None = Field(default=None, description="The plan's free text, Markdown; replaces it whole")
    notes: str | None = Field(
        default=None, description="The architecture notes' free text, Markdown; replaces it whole"
    )
    progress: str | None = Field(
        default=None, description="The progress report's narrative, Markdown; replaces it whole"
    )


class Draft:
    """The task as it would be, event by event. Raises ToolError for what cannot follow."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.events: list[Event] = []
        self.given: list[str] = []

    def add(self, event: Event) -> None:
        try:
            self.task = apply(self.task, event, actor="worker", at=self.task.updated_at)
        except Refused as refused:
            raise ToolError(f"Nothing was recorded: {refused.reason}") from refused
        self.events.append(event)

    def name(self, prefix: str, text: str) -> str:
        """A fresh id, told in the result."""
        fresh = self.task.fresh_id(prefix)
        self.given.append(f"{fresh} “{text}”")
        return fresh

    def item(self, wanted: str) -> str:
        """The id of the item that an id or a text means."""
        live = self.task.live_items
        if any(item.id == wanted for item in self.task.items):
            return wanted
        found = [item.id for item in live if item.text == wanted.strip()]
        if len(found) == 1:
            return found[0]
        known = f"several items say so: {', '.join(found)}" if found else f"there are: {_listed(live)}"
        raise ToolError(f"Nothing was recorded: no single item is meant by “{wanted}”; {known}")


class Sync:
    name = "Sync"
    input: type[ToolInput] = SyncInput
    effectful = False
    waits = False

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        return Intent(call=call, tool=self.name)

    async def run(self, call: str, given: SyncInput, place: Workplace) -> ToolResult:
        draft = Draft(place.task)
        _structure(draft, given)
        _checklist(draft, given)
        _record(draft, given)
        if not draft.events:
            raise ToolError("Nothing was recorded: give at least one field.")
        draft.add(happened.StateRecorded())
        return ToolResult(_told(draft), events=tuple(draft.events))

    async def settle(self, intent: Intent, given: SyncInput, place: Workplace) -> ToolResult:
        return await self.run(intent.call, given, place)


def _structure(draft: Draft, given: SyncInput) -> None:
    if given.phase is not None:
        draft.add(happened.PhaseChanged(phase=given.phase))
    for stream in given.workstreams:
        known = any(row.id == stream.id for row in draft.task.workstreams)
        event = happened.WorkstreamChanged if known else happened.WorkstreamAdded
        draft.add(event(**stream.model_dump(exclude_none=True)))


def _checklist(draft: Draft, given: SyncInput) -> None:
    for new in given.add_items:
        text = " ".join(new.text.split())
        draft.add(happened.ItemAdded(id=draft.name("c", text), text=text, section=new.section))
    for check in given.check_items:
        draft.add(happened.ItemChecked(id=draft.item(check.item), evidence=check.evidence))
    for item in given.uncheck_items:
        draft.add(happened.ItemUnchecked(id=draft.item(item)))
    for drop in given.drop_items:
        draft.add(happened.ItemDropped(id=draft.item(drop.item), reason=drop.reason))


def _record(draft: Draft, given: SyncInput) -> None:
    for row in given.decisions:
        draft.add(happened.DecisionRecorded(id=draft.name("D", row.decision), **row.model_dump()))
    for text in given.raise_blockers:
        draft.add(happened.BlockerRaised(id=draft.name("B", text), text=text))
    for resolve in given.resolve_blockers:
        draft.add(happened.BlockerResolved(**resolve.model_dump()))
    if given.next_steps is not None:
        draft.add(happened.NextStepsSet(steps=given.next_steps))
    for reference in given.references:
        draft.add(happened.ReferenceAdded(**reference.model_dump()))
    for field, document in _PROSE.items():
        text = getattr(given, field)
        if text is not None:
            replaces = digest(draft.task.prose.get(document, ""))
            draft.add(happened.ProseWritten(document=document, text=text, replaces=replaces))


def _told(draft: Draft) -> str:
    task = draft.task
    items = [item for item in task.live_items if not item.checked]
    streams = [f"{row.id} ({row.status})" for row in task.workstreams if row.status != "completed"]
    blockers = [row.id for row in task.blockers if row.resolution is None]
    lines = ["Recorded."]
    lines += [f"New: {', '.join(draft.given)}"] if draft.given else []
    lines += [f"Open items: {_listed(items)}"] if items else []
    lines += [f"Open workstreams: {', '.join(streams)}"] if streams else []
    lines += [f"Open blockers: {', '.join(blockers)}"] if blockers else []
    return "\n".join(lines if len(lines) > 1 else ["Recorded. Nothing is open."])


def _listed(items: tuple[Item, ...] | list[Item]) -> str:
    shown = [f"{item.id} “{item.text}”" for item in items[:20]]
    more = [f"and {len(items) - 20} more"] if len(items) > 20 else []
    return ", ".join([*shown, *more]) or "none"


TOOL: Tool = Sync()
