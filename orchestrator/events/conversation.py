"""What was said to the model and by it, and what its calls did."""

from __future__ import annotations

from pydantic import Field

from orchestrator.events.event import Event, Json
from orchestrator.receipts import FileChange, Frozen, Intent, Receipt
from orchestrator.usage import Usage


class Told(Frozen):
    """How much of another task the model knows now.

    `decisions`, `stands`: digests of those it was told of, and of how the task stands, if this one refers to it;
    `revision`: up to which it was told what people did to it.
    """

    task: str
    decisions: tuple[str, ...] = ()
    stands: str | None = None
    revision: int = 0


class MessageAdded(Event):
    """What was said to the model: text, notices, tool results, as Messages API content blocks.

    `heard`: the revision up to which the model has now been told of what others did; `told`: what is new of that for
    other tasks.
    """

    content: tuple[Json, ...]
    heard: int = 0
    told: tuple[Told, ...] = ()


class ModelReplied(Event):
    content: tuple[Json, ...]
    stop_reason: str
    model: str
    usage: Usage = Usage()
    cost: float | None = Field(default=None, description="US dollars at list prices; none where the price is not known")
    intents: tuple[Intent, ...] = ()


class AnswerLost(Event):
    """A request got no answer that anybody knows of: it counts as what was held for it."""


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


class SilenceNoticed(Event):
    """For long neither the model nor a tool was at work, and the model is told."""

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
