"""What can happen to a task: facts, frozen, in the past tense, and the commit that makes some true together.

An event's name in the journal is its class name; adding one is adding a class here and an entry in `transitions`.
Field names are final once released: a journal written today is read for ever.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from orchestrator.receipts import UNREAD as UNREAD
from orchestrator.receipts import FileChange as FileChange
from orchestrator.receipts import Frozen as Frozen
from orchestrator.receipts import Intent as Intent
from orchestrator.receipts import Receipt as Receipt
from orchestrator.usage import Limits as Limits
from orchestrator.usage import Usage as Usage

Status = Literal["pending", "in-progress", "completed", "blocked"]
Mode = Literal["full", "lightweight"]
Stage = Literal["pending", "in-progress", "blocked", "stopped", "completed", "cancelled"]
"""How far somebody says that a task is."""
Kind = str
"""The kind of a document, as its file's name begins: `plan`, `checklist` … Each is a file in `documents/`."""
Actor = Literal["worker", "editor", "command", "user", "engine"]
"""Who made a commit: an agent's worker, somebody who edited a document, a command an agent ran that touched a
document, a person at the command line, the engine itself."""

Json = dict[str, Any]


class Event(Frozen):
    """Something that happened to one task."""

    kinds: ClassVar[dict[str, type[Event]]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        Event.kinds[cls.__name__] = cls

    def encode(self) -> Json:
        """The event as the journal holds it: its name, then the fields that are not at their default."""
        return {"type": type(self).__name__, **self.model_dump(mode="json", exclude_defaults=True)}

    @staticmethod
    def decode(data: Json) -> Event:
        """The event of `encode`; raises ValueError for an unknown name or fields that do not fit."""
        fields = dict(data)
        name = fields.pop("type", None)
        if name not in Event.kinds:
            raise ValueError(f"unknown event {name!r}: written by a newer version?")
        return Event.kinds[name].model_validate(fields)


# -- the life of a task ------------------------------------------------------


class TaskCreated(Event):
    agent: str
    description: str
    mode: Mode = "full"
    parent: str | None = None
    model: str | None = None
    limits: Limits = Limits()
    verify: tuple[str, ...] = Field(default=(), description="shell commands that must pass before the task is done")
    output_schema: Json | None = Field(default=None, description="JSON Schema of the result Finish declares")


class TaskAdopted(Event):
    """Its documents were kept by hand before: what they said of its life. `archived`: they lay in `completed/`.

    `split`: others of them did not, and are moved there; with the `companions`, as of an archive.
    """

    status: Stage
    archived: bool = False
    split: bool = False
    companions: tuple[str, ...] = ()
    started_at: str | None = None
    completed_at: str | None = None


class WorkerStarted(Event):
    """A worker took the lease: a new epoch. `resumed` says that another one worked before."""

    epoch: int
    holder: str
    resumed: bool = False


class TaskBlocked(Event):
    reason: str


class TaskStopped(Event):
    """A limit was reached, or a person stopped it. `resume` goes on."""

    reason: str


class LimitsChanged(Event):
    limits: Limits


class ModeChanged(Event):
    mode: Mode


class TaskCompleted(Event):
    summary: str
    result: Json | None = None


class TaskCancelled(Event):
    """It will not be finished."""

    reason: str = ""


class InstructionGiven(Event):
    """A person gave the task more to do. `item`: the id of the checklist item that stands for it."""

    text: str
    item: str


class ArchiveBegun(Event):
    """The commit point of an archive: from here on it only rolls forward. `companions`: names of files beside."""

    companions: tuple[str, ...] = ()


class ArchiveDone(Event):
    pass


class TaskReopened(Event):
    """The commit point of a closed task's way back: open again, its files return. `companions`: as for an archive."""

    companions: tuple[str, ...] = ()


class TaskRenamed(Event):
    """The commit point of a renaming. `companions`: as for an archive, by their old names."""

    id: str
    previous: str
    companions: tuple[str, ...] = ()


class TaskForked(Event):
    """Another task from here on. The journal so far is that of `task` up to `revision`, when its id was `previous`."""

    id: str
    previous: str
    task: str
    revision: int


class MoveDone(Event):
    """The files of a task that was reopened or renamed are all where they belong."""


# -- what an agent records ---------------------------------------------------


class PhaseChanged(Event):
    phase: str


class WorkstreamAdded(Event):
    id: str
    description: str = ""
    status: Status = "pending"
    assigned_agent: str | None = None
    dependencies: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    cross_agent_references: tuple[str, ...] = ()
    notes: str | None = None


class WorkstreamChanged(Event):
    """Only the fields that are not None change."""

    id: str
    description: str | None = None
    status: Status | None = None
    assigned_agent: str | None = None
    dependencies: tuple[str, ...] | None = None
    artifacts: tuple[str, ...] | None = None
    cross_agent_references: tuple[str, ...] | None = None
    notes: str | None = None


class ItemAdded(Event):
    """One checklist item. `after`: the item it follows; None: at the end of its section."""

    id: str = Field(description="c1, c2 …")
    text: str
    section: str | None = None
    checked: bool = False
    after: str | None = None


class ItemChecked(Event):
    id: str
    evidence: tuple[str, ...] = Field(default=(), description="ids of receipts")


class ItemUnchecked(Event):
    id: str


class ItemReworded(Event):
    id: str
    text: str


class ItemDropped(Event):
    id: str
    reason: str


class DecisionRecorded(Event):
    id: str = Field(description="D1, D2 …")
    decision: str
    rationale: str | None = None
    referenced_agent_work: str | None = None
    at: str | None = Field(default=None, description="when it was taken, if that was before the task was adopted")


class DecisionChanged(Event):
    id: str
    decision: str
    rationale: str | None = None
    referenced_agent_work: str | None = None


class BlockerRaised(Event):
    id: str = Field(description="B1, B2 …")
    text: str


class BlockerResolved(Event):
    id: str
    resolution: str


class NextStepsSet(Event):
    steps: tuple[str, ...] = ()


class ProseWritten(Event):
    """The free text of a document. `replaces`: SHA-256 of the text it was written against; refused if that changed."""

    document: Kind
    text: str
    replaces: str | None = None


class TextEdited(Event):
    """Somebody's wording of a whole document, without its stamp: from now on what facts are woven into."""

    document: Kind
    text: str


class EditSetAside(Event):
    """An edit that could not be obeyed, kept beside the document under `name`."""

    document: Kind
    name: str
    reason: str


class ReferenceAdded(Event):
    task: str
    document: Kind


class ReferenceMoved(Event):
    """The task referred to was archived; or, not `archived`, reopened; or renamed, and `previous` is the id it had."""

    task: str
    archived: bool = True
    previous: str | None = None


# -- the conversation --------------------------------------------------------


class MessageAdded(Event):
    """What was said to the model: text, notices, tool results, as Messages API content blocks.

    `heard`: the revision up to which the model has now been told of what others did.
    """

    content: tuple[Json, ...]
    heard: int = 0


class ModelReplied(Event):
    content: tuple[Json, ...]
    stop_reason: str
    model: str
    usage: Usage = Usage()
    cost: float | None = Field(default=None, description="US dollars at list prices; none where the price is not known")
    intents: tuple[Intent, ...] = ()


class ContextRenewed(Event):
    """The conversation began anew: what was said before is not sent any more.

    `summary`: the `compaction` block that stands for it, to be sent back as it is; None where the server made none.
    """

    summary: Json | None = None
    model: str = ""
    usage: Usage = Usage()
    cost: float | None = Field(default=None, description="of the summary, as in ModelReplied")


class CallSettled(Event):
    """A tool call ended: its receipt."""

    receipt: Receipt


class SyncAsked(Event):
    """The model was asked to record its state; `triggers` names why."""

    triggers: tuple[str, ...]


class StateRecorded(Event):
    """A Sync call went through: nothing is owed any more."""


class StuckNoticed(Event):
    """The calls led nowhere, and the model was told."""

    reason: str


class FinishRefused(Event):
    """Finish was called and something was missing."""

    missing: tuple[str, ...]


class ChangesUndone(Event):
    """A person took back what calls did to files: each from what the task left to what was there before it."""

    files: tuple[FileChange, ...]


class DirectoryChanged(Event):
    """Where the next command starts, relative to the workspace."""

    path: str


# -- what makes them true ----------------------------------------------------


class Commit(Frozen):
    """The events that become true together: one line of the journal, one revision."""

    revision: int
    at: str = Field(description="ISO 8601, UTC, milliseconds, Z")
    actor: Actor
    epoch: int = 0
    events: tuple[Event, ...]
    documents: dict[Kind, str] = Field(
        default_factory=dict, description="SHA-256 of each document this commit changed, as rendered, without its stamp"
    )
    absorbed: dict[Kind, str] = Field(
        default_factory=dict,
        description="SHA-256 of each edit this commit recorded: the text as typed, without its stamp",
    )
    uuid: str | None = Field(default=None, description="only in the first commit: tells tasks of equal id apart")

    def encode(self) -> Json:
        data: Json = {"revision": self.revision, "at": self.at, "actor": self.actor}
        if self.epoch:
            data["epoch"] = self.epoch
        data["events"] = [event.encode() for event in self.events]
        for name in ("documents", "absorbed", "uuid"):
            if value := getattr(self, name):
                data[name] = value
        return data

    @staticmethod
    def decode(data: Json) -> Commit:
        """The commit of `encode`; raises ValueError for what does not fit."""
        fields = {**data, "events": tuple(Event.decode(event) for event in data["events"])}
        return Commit.model_validate(fields)
