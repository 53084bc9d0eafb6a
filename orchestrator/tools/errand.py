"""What Task and Agent are: a task given to another agent, in Claude Code's words."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from orchestrator.task import Task
from orchestrator.tools.delegate import Delegate, DelegateInput
from orchestrator.tools.tool import ToolInput


class ErrandInput(ToolInput):
    """Launch another agent to do a task on its own, and wait for what comes of it.

    The agent knows nothing of this conversation: say all it needs. Several calls in one message run side by side.
    """

    description: str = Field(min_length=1, description="A short (3-5 word) description of the task")
    prompt: str = Field(min_length=1, description="The task for the agent to perform")
    subagent_type: str | None = Field(
        default=None, description="The name of the agent, as the brief lists it; without one, an agent like yourself"
    )
    name: str | None = Field(default=None, description="What your workstream for it is called")
    model: str | None = Field(default=None, description="The model it works with, instead of its own")
    run_in_background: bool = Field(default=False, description="Do not wait: hear of it with Await")
    resume: str | None = Field(default=None, description="The id of an open task you launched, to go on with")
    isolation: str | None = Field(
        default=None,
        description="Without effect: all agents work in one workspace, where stale edits are refused",
    )


class Errand(Delegate):
    input: type[ToolInput] = ErrandInput

    def __init__(self, name: str) -> None:
        self.name = name

    def asked(self, given: Any, task: Task) -> DelegateInput:
        errand: ErrandInput = given
        return DelegateInput(
            agent=errand.subagent_type or task.agent,
            task=f"{errand.description}\n\n{errand.prompt}",
            workstream=errand.name,
            model=errand.model,
            wait=not errand.run_in_background,
            continue_task=errand.resume,
        )
