"""What a tool is: the port that every file beside this one implements."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from orchestrator.contents import Contents
from orchestrator.events import Event, FileChange, Intent, Json, Kind, Limits
from orchestrator.task import Task
from orchestrator.worktrees import Worktree


class ToolInput(BaseModel):
    """What the model sends. The docstring and the field descriptions of a subclass are the schema the model sees."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Assignment:
    """What a task gives to another agent. `child`: the task it becomes; `wait`: until it has ended.

    `verify`: commands that must pass, beside those that its agent's definition names.
    """

    child: str
    agent: str
    description: str
    limits: Limits
    verify: tuple[str, ...] = ()
    output_schema: Json | None = None
    model: str | None = None
    wait: bool = True


class Delegation(Protocol):
    """How tools give work to other agents."""

    def agents(self) -> Mapping[str, str]:
        """Whom there is: names, and what each is for."""
        ...

    def reserve(self, task: Task, agent: str) -> str:
        """The id of a child of this task. Raises ToolError when there is no such agent, or too many children.

        Blocks: to be called in a thread.
        """
        ...

    async def carry_out(self, task: Task, given: Assignment) -> ToolResult:
        """See it done: created when it never was, begun once those it comes after are done, gone on with.

        Returns as `wait_for` does; else once it is created, which it is for good.
        """
        ...

    async def wait_for(self, task: Task, children: Sequence[str], *, messages: bool = False) -> ToolResult:
        """What there is to be heard of them, once a worker of one has ended, or one that is waited for asks something.

        `messages`: also once `is_told`. Raises what ended a worker where that says nothing of its task: a model that
        does not answer, a person's stop, a limit above.
        """
        ...

    async def tell(self, task: Task, to: str, call: str, message: str) -> None:
        """Have an open task hear of something, once however often this is called. Raises ToolError for no such task."""
        ...

    async def is_told(self, task: Task) -> bool:
        """True when somebody has told the task something, or given it more to do, that its model has not heard of."""
        ...

    async def go_on(self, task: Task, child: str, instruction: str, *, wait: bool) -> ToolResult:
        """See an open one go on, told what it lacked; returns as `carry_out`."""
        ...

    async def ask(self, task: Task, call: str) -> str:
        """The answer to what this call asks, when there is one. Raises Unanswered where nobody can be asked."""
        ...

    async def answer(self, child: str, question: str | None, text: str) -> None:
        """Answer what a child asks; may be called again. Raises ToolError when it is not one question that is meant."""
        ...

    async def cancel(self, child: str, reason: str) -> ToolResult:
        """Close a child, and all that it gave away, for good; it may be closed already, or never have been created."""
        ...


@dataclass(frozen=True)
class Workplace:
    """Where a call happens. Tools change the workspace; everything about the task they return as events.

    `task` is the state after the calls before this one. `commands` is a private folder for running commands.
    `environment` holds no secrets. `permit(command)` says whether a command may run. `keep(data)` stores a large
    output and returns its SHA-256; `contents` keeps what files held before and after a call. `kinds` are those of
    documents there are; `documents` holds what earlier calls of the same message wrote of the task's own. `worktree` is
    where the workspace is, when the task works apart. `deadline`: when the time of the task is over, by the monotonic
    clock. `tasks(id)` tells of the other open tasks, or of one in full; ToolError when there is no such task.
    """

    workspace: Path
    temp: Path
    task: Task
    commands: Path
    environment: Mapping[str, str]
    permit: Callable[[str], Awaitable[bool]]
    keep: Callable[[bytes], str]
    contents: Contents
    kinds: Collection[Kind]
    delegation: Delegation
    tasks: Callable[[str | None], str]
    worktree: Worktree | None = None
    documents: Mapping[Kind, str] = field(default_factory=dict)
    deadline: float = inf

    def seconds(self, wanted: float) -> float:
        """How long a command may run: as long as is wanted, or as the task has time."""
        return max(0.0, min(wanted, self.deadline - time.monotonic()))


@dataclass(frozen=True)
class ToolResult:
    """What a call did: text for the model, events for the task, edits of its own documents, and the receipt's facts."""

    text: str
    outcome: Literal["ok", "error", "refused", "unknown"] = "ok"
    events: tuple[Event, ...] = ()
    documents: Mapping[Kind, str] = field(default_factory=dict)
    command: str | None = None
    exit_code: int | None = None
    files: tuple[FileChange, ...] = ()
    output: str | None = None


class Tool(Protocol):
    """One tool. `effectful`: a call may change something outside the task's documents.

    `waits`: a call does nothing but wait, so that those of it in a row run side by side.
    """

    name: str
    input: type[ToolInput]
    effectful: bool
    waits: bool

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        """What the call is about to do, made durable before it runs.

        `overlay` holds, by path relative to the workspace, what earlier calls of the same message will have written;
        the tool adds its own.
        """
        ...

    async def run(self, call: str, given: Any, place: Workplace) -> ToolResult:
        """Do it. Raises ToolError for what the model can mend."""
        ...

    async def settle(self, intent: Intent, given: Any, place: Workplace) -> ToolResult:
        """What became of a call whose process died before its result was recorded; runs it where that is safe."""
        ...
