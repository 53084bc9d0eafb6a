"""What Task and Agent are: a task given to another agent, in Claude Code's words."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from orchestrator.tools.delegate import Delegate, DelegateInput
from orchestrator.tools.tool import ToolInput


class ErrandInput(ToolInput):
    """Launch another agent to do a task on its own, and wait for what comes of it.

    The agent knows nothing of this conversation: say all it needs. Several calls in one message run side by side.
    """

    description: str = Field(min_length=1, description="A short (3-5 word) description of the task")
    prompt: str = Field(min_length=1, description="The task for the agent to perform")
    subagent_type: str = Field(min_length=1, description="The name of the agent, as the brief lists it")


class Errand(Delegate):
    input: type[ToolInput] = ErrandInput

    def __init__(self, name: str) -> None:
        self.name = name

    def asked(self, given: Any) -> DelegateInput:
        errand: ErrandInput = given
        return DelegateInput(agent=errand.subagent_type, task=f"{errand.description}\n\n{errand.prompt}")
