"""What agents and people record of a task."""

from __future__ import annotations

from pydantic import Field

from orchestrator.events.event import Event, Kind, Status


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
