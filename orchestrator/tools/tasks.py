"""Tasks: what the other agents are at."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import Field

from orchestrator.events import Intent
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace


class TasksInput(ToolInput):
    """See what the other agents of this workspace are at now.

    Without an id: the open tasks, with their goals, phases, decisions, artifacts and blockers, those that touch the
    same files as yours first. With one: that task in full, also when it is done. Only reads.
    """

    id: str | None = Field(default=None, description="The id of a task, to see all of it")


class Tasks:
    name = "Tasks"
    input: type[ToolInput] = TasksInput
    effectful = False
    waits = False

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        return Intent(call=call, tool=self.name)

    async def run(self, call: str, given: TasksInput, place: Workplace) -> ToolResult:
        return ToolResult(await asyncio.to_thread(place.tasks, given.id))

    async def settle(self, intent: Intent, given: TasksInput, place: Workplace) -> ToolResult:
        return await self.run(intent.call, given, place)


TOOL: Tool = Tasks()
