"""Tell: a message to another task."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from orchestrator.errors import ToolError
from orchestrator.events import Intent
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace


class TellInput(ToolInput):
    """Send a message to the agent of another open task: it reads it at its next turn.

    For what it should know now and would not look for: a decision that binds it, a fault in what it builds on. Nothing
    comes back; what you need from it you ask for with a blocker.
    """

    to: str = Field(min_length=1, description="The id of the task, or `parent` for the one that gave you yours")
    message: str = Field(min_length=1, description="What it should know, complete in itself")


class Tell:
    name = "Tell"
    input: type[ToolInput] = TellInput
    effectful = False
    waits = False

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        return Intent(call=call, tool=self.name)

    async def run(self, call: str, given: Any, place: Workplace) -> ToolResult:
        asked: TellInput = given
        to = place.task.parent if asked.to == "parent" else asked.to
        if to is None:
            raise ToolError("A person gave you this task: say it in a message of yours, or raise a blocker.")
        await place.delegation.tell(place.task, to, call, asked.message)
        return ToolResult(f"Task {to} hears of it at its next turn.")

    async def settle(self, intent: Intent, given: Any, place: Workplace) -> ToolResult:
        return await self.run(intent.call, given, place)


TOOL: Tool = Tell()
