"""Delegate: give a task to another agent, and get what came of it."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import Field

from orchestrator.errors import ToolError
from orchestrator.events import Delegated, Intent, Json, Limits
from orchestrator.task import Child, Task
from orchestrator.tools.tool import Assignment, Tool, ToolInput, ToolResult, Workplace

_LONGEST = 100


class Bounds(ToolInput):
    turns: int | None = Field(default=None, ge=1, description="Replies of its model")
    tokens: int | None = Field(default=None, ge=1, description="Tokens, in and out")
    seconds: float | None = Field(default=None, gt=0, description="Seconds of work")
    cost: float | None = Field(default=None, gt=0, description="US dollars")


class DelegateInput(ToolInput):
    """Give a task to another agent and wait for what comes of it.

    It becomes a task of its own, with its own documents; the agent knows nothing of this conversation, so the
    description must hold all it needs. Several calls in one message run side by side. The result tells what was
    achieved, and where the documents are; a workstream of yours follows the task. A task that stopped or is blocked
    stays open: call again with its id in `continue_task` to go on with it, saying in `task` what it lacked. When one
    of them asks you something, the calls return before it is done: answer with Answer, then wait with Await.
    """

    agent: str = Field(min_length=1, description="The agent's name, as the brief lists it")
    task: str = Field(
        min_length=1,
        description="What is to be achieved, in full: goal, files, decisions to be kept, how it will be judged",
    )
    workstream: str | None = Field(
        default=None, description="Your workstream that this task is for; without one, a new one is named by its id"
    )
    after: tuple[str, ...] = Field(
        default=(),
        description="Workstreams or ids of tasks, delegated before this one, that must be done before it begins",
    )
    result_schema: Json | None = Field(default=None, description="JSON Schema of the result you expect")
    limits: Bounds | None = Field(default=None, description="When it stops by itself; within yours, always")
    model: str | None = Field(default=None, description="The model it works with, instead of its agent's own")
    wait: bool = Field(default=True, description="False: do not wait, hear of it with Await; meanwhile Tell reaches it")
    continue_task: str | None = Field(default=None, description="The id of an open task you delegated, to go on with")


class Delegate:
    name = "Delegate"
    input: type[ToolInput] = DelegateInput
    effectful = False  # what the other agent does is in its own task, with its own receipts
    waits = True

    def asked(self, given: Any, task: Task) -> DelegateInput:
        """The call of that task's agent in our own words."""
        asked: DelegateInput = given
        return asked

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        asked = self.asked(given, place.task)
        if asked.continue_task is not None:
            return Intent(call=call, tool=self.name)
        _check(asked.after, place.task.children)
        child = place.delegation.reserve(place.task, asked.agent)
        line = asked.task.strip().splitlines()[0]
        short = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
        workstream = asked.workstream or child
        delegated = Delegated(
            child=child, agent=asked.agent, description=short, workstream=workstream, after=asked.after
        )
        return Intent(call=call, tool=self.name, delegated=delegated)

    async def run(self, call: str, given: Any, place: Workplace) -> ToolResult:
        asked, task = self.asked(given, place.task), place.task
        if asked.continue_task is not None:
            return await place.delegation.go_on(task, mine(task, asked.continue_task).id, asked.task, wait=asked.wait)
        row = next((row for row in task.children if row.call == call), None)
        if row is None:  # its intent was refused: the same reason is told again
            _check(asked.after, task.children)
            await asyncio.to_thread(place.delegation.reserve, task, asked.agent)
            raise ToolError("Not delegated: `after` may name only what was delegated before this task.")
        bounds = asked.limits.model_dump(exclude_none=True) if asked.limits else {}
        return await place.delegation.carry_out(
            task,
            Assignment(
                child=row.id,
                agent=row.agent,
                description=asked.task,
                limits=Limits(**bounds),
                verify=row.verify,
                output_schema=asked.result_schema,
                model=asked.model,
                wait=asked.wait,
            ),
        )

    async def settle(self, intent: Intent, given: Any, place: Workplace) -> ToolResult:
        return await self.run(intent.call, given, place)


def mine(task: Task, child: str) -> Child:
    """The row of a task that this one gave away; raises ToolError for any other."""
    for row in task.children:
        if row.id == child:
            return row
    raise ToolError(f"{child} is no task you delegated: {_known(task.children)}")


def _check(after: tuple[str, ...], earlier: tuple[Child, ...]) -> None:
    """Raises ToolError unless all that is named was delegated earlier: so none waits for itself."""
    for name in after:
        if not any(name in (child.id, child.workstream) for child in earlier):
            raise ToolError(f"`after` names {name!r}, which was not delegated before this task: {_known(earlier)}")


def _known(children: tuple[Child, ...]) -> str:
    return ", ".join(f"{row.id} ({row.workstream})" for row in children) or "there is none"


TOOL: Tool = Delegate()
