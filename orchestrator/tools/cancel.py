"""Cancel: close a task that was delegated and is wanted no more."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from orchestrator.events import Intent
from orchestrator.tools.delegate import mine
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace


class CancelInput(ToolInput):
    """Close a task that you delegated and no longer want, with all that it delegated itself.

    Its agent ends after its current call; what it did to files stays. Its workstream is yours again: delegate it anew,
    or set it to completed with a note that says why nothing is left to do.
    """

    task: str = Field(min_length=1, description="The id of an open task you delegated")
    reason: str = Field(min_length=1, description="Why it is not wanted any more")


class Cancel:
    name = "Cancel"
    input: type[ToolInput] = CancelInput
    effectful = False
    waits = False

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        return Intent(call=call, tool=self.name)

    async def run(self, call: str, given: Any, place: Workplace) -> ToolResult:
        asked: CancelInput = given
        return await place.delegation.cancel(mine(place.task, asked.task).id, asked.reason)

    async def settle(self, intent: Intent, given: Any, place: Workplace) -> ToolResult:
        return await self.run(intent.call, given, place)


TOOL: Tool = Cancel()
