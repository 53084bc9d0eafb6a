"""Ask: a question to the task that gave this one away, or to a person; the call's result is the answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from orchestrator.events import Asked, Intent
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace


class AskInput(ToolInput):
    """Ask what only somebody else can decide or know, and wait for the answer, which is the result of this call.

    Do first what does not depend on it. Ask once, with all that is needed to answer: the choices, what each costs, and
    which one you would take.
    """

    question: str = Field(min_length=1, description="Complete in itself: who answers has not read what you have")
    to: Literal["parent", "person"] = Field(
        default="parent", description="The task that gave you yours, where one did; or a person"
    )


class Ask:
    name = "Ask"
    input: type[ToolInput] = AskInput
    effectful = False
    waits = True

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        asked: AskInput = given
        to = asked.to if place.task.parent else "person"
        return Intent(call=call, tool=self.name, asked=Asked(question=asked.question, to=to))

    async def run(self, call: str, given: Any, place: Workplace) -> ToolResult:
        return ToolResult(await place.delegation.ask(place.task, call))

    async def settle(self, intent: Intent, given: Any, place: Workplace) -> ToolResult:
        return await self.run(intent.call, given, place)


TOOL: Tool = Ask()
