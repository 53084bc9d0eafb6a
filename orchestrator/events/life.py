"""How a task is made, goes on, ends and moves."""

from __future__ import annotations

from pydantic import Field

from orchestrator.events.event import Event, Json, Life, Mode, Stage
from orchestrator.usage import Limits


class TaskCreated(Event):
    agent: str
    description: str
    mode: Mode = "full"
    parent: str | None = None
    model: str | None = None
    limits: Limits = Limits()
    verify: tuple[str, ...] = Field(default=(), description="shell commands that must pass before the task is done")
    output_schema: Json | None = Field(default=None, description="JSON Schema of the result Finish declares")
    isolate: bool = Field(default=False, description="it works in a git worktree of its own, as do those it gives away")


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
    """A worker took the lease: a new epoch. `resumed` says that another one worked before.

    `died`: what that one was doing, when it ended without giving the lease back.
    """

    epoch: int
    holder: str
    resumed: bool = False
    died: str | None = None


class TaskBlocked(Event):
    reason: str


class TaskStopped(Event):
    """A limit was reached, the model did not answer, or a person stopped it. `resume` goes on.

    `limited_by`: the task above it whose limit it was. `needed`: what a turn may take, of each that has less left.
    """

    reason: str
    limited_by: str | None = None
    needed: Limits | None = None


class TaskPaused(Event):
    """A person has its worker wait before the next turn, and those of all that it gave away."""


class TaskContinued(Event):
    """A person has it go on, or a task that gave it away: it is paused no longer, and how its worker died is over.

    The time since its worker spoke last is not counted.
    """


class LimitsChanged(Event):
    limits: Limits


class ModeChanged(Event):
    mode: Mode


class TaskCompleted(Event):
    summary: str
    result: Json | None = None
    heard: int | None = Field(
        default=None,
        description="the revision up to which its model knew what it was told: what came later comes first",
    )


class TaskCancelled(Event):
    """It will not be finished."""

    reason: str = ""


class InstructionGiven(Event):
    """A person gave the task more to do. `item`: the id of the checklist item that stands for it."""

    text: str
    item: str


class MessageReceived(Event):
    """Somebody told the task something. `sender`: the id of a task, none for a person; `call`: the one that said it."""

    text: str
    sender: str | None = None
    call: str | None = None


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
    """Another task from here on, which nobody gave away.

    The journal so far is that of `task` up to `revision`, when its id was `previous`.
    """

    id: str
    previous: str
    task: str
    revision: int


class MoveDone(Event):
    """The files of a task that was reopened or renamed are all where they belong."""


class ChildObserved(Event):
    """How a task that this one gave to another agent stands, as it was seen at a revision of its own.

    Cancelled at revision 0: it was never created, and will not be.
    """

    child: str
    status: Life
    revision: int


class BudgetDrawn(Event):
    """What a task at or below this one has used up so far, and the most that its next request can cost.

    `task`: whose; of the task itself the journal tells what it used up. `epoch`: of the worker that says so. Turns,
    tokens, US dollars; `seconds`: that it worked while nobody worked at this one.
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
