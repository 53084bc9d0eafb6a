"""Await: what there is to be heard of tasks that were delegated."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from orchestrator.events import Intent
from orchestrator.tools.delegate import mine
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace


class AwaitInput(ToolInput):
    """Wait for tasks that you delegated, until the first of them ends, asks something, or tells you something.

    One that stopped, or was interrupted, goes on. Name only those that you have not heard the end of.
    """

    tasks: tuple[str, ...] = Field(min_length=1, description="Their ids")


class Await:
    name = "Await"
    input: type[ToolInput] = AwaitInput
    effectful = False
    waits = True

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        return Intent(call=call, tool=self.name)

    async def run(self, call: str, given: Any, place: Workplace) -> ToolResult:
        asked: AwaitInput = given
        children = list(dict.fromkeys(mine(place.task, name).id for name in asked.tasks))
        return await place.delegation.wait_for(place.task, children, messages=True)

    async def settle(self, intent: Intent, given: Any, place: Workplace) -> ToolResult:
        return await self.run(intent.call, given, place)


TOOL: Tool = Await()
