"""What is true of a task: the state after some revision. `transitions` says how it changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from orchestrator.events import (
    Actor,
    FileChange,
    Intent,
    Json,
    Kind,
    Life,
    Limits,
    MergeRefused,
    Mode,
    Receipt,
    Stage,
    Status,
    Usage,
)

if TYPE_CHECKING:  # which fields there are, the type checker knows of this one
    from dataclasses import replace as replace
else:

    def replace(row, /, **changes):
        """`dataclasses.replace` in an eighth of its time: each event changes a few of a task's fifty fields."""
        changed = object.__new__(type(row))
        changed.__dict__.update(row.__dict__, **changes)
        return changed


DEATHS = 3
"""So often the worker of a task may die the same way."""
LIMIT = "limit: "
"""How the reason begins of a task that stopped because a limit was reached."""
MODEL = "model: "
"""How the reason begins of a task that stopped because its model did not answer."""


class Identified(Protocol):
    """What has an id."""

    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=Identified)


@dataclass(frozen=True)
class Item:
    """A checklist item. `added_at`: how many receipts the task had then. `dropped`: the reason, when it was.

    `typed`: what somebody's checklist calls it, when it was reworded since.
    """

    id: str
    text: str
    section: str | None = None
    checked: bool = False
    evidence: tuple[str, ...] = ()
    checked_by: Actor | None = None
    added_at: int = 0
    dropped: str | None = None
    typed: str | None = None


@dataclass(frozen=True)
class Workstream:
    id: str
    description: str = ""
    status: Status = "pending"
    assigned_agent: str | None = None
    dependencies: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    cross_agent_references: tuple[str, ...] = ()
    notes: str | None = None


@dataclass(frozen=True)
class Decision:
    id: str
    at: str
    decision: str
    rationale: str | None = None
    referenced_agent_work: str | None = None


@dataclass(frozen=True)
class Blocker:
    """What stands in the way. `call`: the one that asks this question, and whom; its resolution is the answer."""

    id: str
    text: str
    resolution: str | None = None
    call: str | None = None
    to: Literal["parent", "person"] | None = None


@dataclass(frozen=True)
class Reference:
    """A document of another task. `moved`: that task is archived, the document is in completed/."""

    task: str
    document: Kind
    moved: bool = False


@dataclass(frozen=True)
class Child:
    """A task that another agent was given. `call`: by which tool call; `status`: as it was last seen.

    `after`: the ids of those that had to be done before; `verify`: commands that must pass, beside its agent's.
    """

    id: str
    agent: str
    call: str
    workstream: str
    status: Life = "pending"
    revision: int = 0
    after: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        return self.status in ("pending", "in-progress", "blocked", "stopped")


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a person gave the task to do later on."""

    at: str
    text: str


@dataclass(frozen=True)
class Draw:
    """What one task took from a budget: used up, and held for a request that has no answer yet.

    `epoch`: of the worker that said so; `seconds`: that it worked while nobody worked at the task whose budget it is.
    """

    task: str
    epoch: int = 0
    turns: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    held_turns: int = 0
    held_tokens: int = 0
    held_cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Move:
    """Where a task's files come from while it is archived, reopened or renamed, and the names of its companions."""

    id: str
    archived: bool
    companions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fork:
    """The task and the revision that another one was made from."""

    task: str
    revision: int


@dataclass(frozen=True, slots=True)
class Apart:
    """The worktree that a task works in. `base`: the commit it began from; `landed`: the newest that got back."""

    name: str
    base: str
    landed: str | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """The last revision that changed a document, and the SHA-256 of what was rendered."""

    revision: int
    digest: str


@dataclass(frozen=True)
class Known:
    """How much of another task the model knows, see `events.Told`."""

    task: str
    decisions: tuple[str, ...] = ()
    stands: str | None = None
    revision: int = 0


@dataclass(frozen=True)
class Message:
    """One message of the conversation, as the Messages API takes it."""

    role: Literal["user", "assistant"]
    content: tuple[Json, ...]

    @cached_property
    def encoded(self) -> bytes:
        """Its JSON, made once: every later request sends it again."""
        return json.dumps({"role": self.role, "content": self.content}).encode()


@dataclass(frozen=True)
class Task:
    """Everything that is true of one task after some revision."""

    id: str
    uuid: str
    agent: str
    description: str
    started_at: str
    mode: Mode = "full"
    parent: str | None = None
    model: str | None = None
    limits: Limits = field(default_factory=Limits)
    verify: tuple[str, ...] = ()
    output_schema: Json | None = None
    isolate: bool = False
    apart: Apart | None = None
    unmerged: MergeRefused | None = None
    """Why its work could not get back, until a worker tries it again."""
    status: Life = "pending"
    ended: Literal["completed", "cancelled"] | None = None
    """How it was closed, also once it is archived; None while it is open."""
    left_as: Stage | None = None
    """How it stands by the documents it was adopted with, when they lay in `completed/` and it was not done by them."""
    reason: str | None = None
    phase: str = "planning"
    revision: int = 0
    epoch: int = 0
    holder: str | None = None
    resumed: int = 0
    paused: bool | None = None
    """Whether a person has it wait, with all that it gave away; None while nobody ever had."""
    died: str | None = None
    """What its worker was doing when it died."""
    deaths: int = 0
    """How often in a row one died so, and nothing came of it."""
    updated_at: str = ""
    completed_at: str | None = None
    workstreams: tuple[Workstream, ...] = ()
    items: tuple[Item, ...] = ()
    decisions: tuple[Decision, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    next_steps: tuple[str, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    messages: tuple[tuple[str, str], ...] = ()
    """Of those that other tasks sent: whose, and the call."""
    told: int = 0
    """The revision of the last message or instruction, whoever gave it."""
    references: tuple[Reference, ...] = ()
    children: tuple[Child, ...] = ()
    prose: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    receipts: tuple[Receipt, ...] = ()
    changes: tuple[FileChange, ...] = ()
    """What calls, and undoing them, did to files, in order."""
    undone: tuple[str, ...] = ()
    """The receipts that files were taken back from: they prove nothing any more."""
    transcript: tuple[Message, ...] = ()
    context: int = 0
    heard: int = 0
    others: tuple[Known, ...] = ()
    pending: tuple[Intent, ...] = ()
    turns: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: float | None = None
    """US dollars, of the turns whose price is known; None while there is no such turn."""
    unpriced: int = 0
    """How many of the turns have no known price."""
    seconds: float = 0.0
    """That workers were at it, each up to its last commit."""
    worked_until: str = ""
    """When that was; at the beginning, when it began."""
    limited_by: str | None = None
    """The task whose limit stopped it, one above it; None for its own."""
    needed: Limits | None = None
    """What a turn may take, of each limit that stopped it for having less left."""
    draws: tuple[Draw, ...] = ()
    """What tasks below this one took from its budget; in its own row, what was lost and is held."""
    synced_receipts: int = 0
    asked_receipts: int | None = None
    asked_triggers: tuple[str, ...] = ()
    finish_refusals: int = 0
    stuck: int | None = None
    """How many receipts there were when the model was told that it goes round in circles; None for a new worker."""
    directory: str = "."
    summary: str | None = None
    result: Json | None = None
    companions: tuple[str, ...] = ()
    moving: Move | None = None
    """A move of its files that is not finished: whoever opens the task next goes on with it."""
    forked: Fork | None = None
    set_aside: tuple[str, ...] = ()
    documents: dict[Kind, Published] = field(default_factory=dict)
    absorbed: dict[Kind, Published] = field(default_factory=dict)
    """By document, the last edit of it that was recorded: the text as typed."""
    by_hand: Literal["open", "archived"] | None = None
    """Where its documents lay when the task was adopted; None for one that was born here."""
    adopted: dict[Kind, Task | None] = field(default_factory=dict)
    """By document that somebody else's text became: the task at the end of that commit; None while it goes on."""

    @property
    def open(self) -> bool:
        """True until the task is completed or cancelled."""
        return self.status in ("pending", "in-progress", "blocked", "stopped")

    def is_told(self, heard: int) -> bool:
        """True when somebody has told it something, or given it more to do, after that revision."""
        return self.told > heard

    @property
    def parked(self) -> bool:
        """True when its worker died so often the same way that only a person has it go on."""
        return self.deaths >= DEATHS

    @property
    def limited(self) -> bool:
        """True when it stopped because a limit was reached, its own or one above it."""
        return self.status == "stopped" and (self.reason or "").startswith(LIMIT)

    @property
    def unanswered(self) -> bool:
        """True when it stopped because its model did not answer."""
        return self.status == "stopped" and (self.reason or "").startswith(MODEL)

    @property
    def live_items(self) -> tuple[Item, ...]:
        return tuple([item for item in self.items if item.dropped is None])

    @property
    def archived(self) -> bool:
        """True from the commit point of the archive on."""
        return self.status in ("archiving", "archived")

    def fresh_id(self, prefix: str) -> str:
        """The next free id of a kind: `c` items, `D` decisions, `B` blockers, `R` receipts, `w` workstreams."""
        rows: tuple[Any, ...] = {
            "c": self.items,
            "D": self.decisions,
            "B": self.blockers,
            "R": self.receipts,
            "w": self.workstreams,
        }[prefix]
        number = len(rows) + 1
        while place_of(rows, f"{prefix}{number}") is not None:
            number += 1
        return f"{prefix}{number}"


class Grown(tuple[Row, ...]):
    """Rows that remember where each id is, and hand that on to the longer ones that are made of them.

    Others may have grown from the same ones: what is remembered is looked at before it is believed.
    """

    places: dict[str, int]


def added(rows: tuple[Row, ...], row: Row) -> tuple[Row, ...]:
    """The rows with one more at their end: a task of thousands may be told one by one."""
    grown = Grown((*rows, row))
    places = getattr(rows, "places", None)
    grown.places = {each.id: place for place, each in enumerate(rows)} if places is None else places
    grown.places[row.id] = len(rows)
    return grown


def place_of(rows: tuple[Row, ...], row_id: str) -> int | None:
    """Where the row with that id is, None when there is none."""
    places: dict[str, int] | None = getattr(rows, "places", None)
    if places is not None:
        place = places.get(row_id)
        if place is None or (place < len(rows) and rows[place].id == row_id):
            return place
    return next((place for place, row in enumerate(rows) if row.id == row_id), None)


@lru_cache(maxsize=8)  # of a text that is published it is asked again, for its stamp
def digest(text: str) -> str:
    """SHA-256 of a text's UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
