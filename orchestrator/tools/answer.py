"""Answer: what a task asked that was delegated."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from orchestrator.events import Intent
from orchestrator.tools.delegate import mine
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace


class AnswerInput(ToolInput):
    """Answer a question that a task you delegated asks; its agent goes on with it at once. Then wait with Await.

    What you do not know either, and nobody but a person can, ask a person first.
    """

    task: str = Field(min_length=1, description="The id of the task that asks")
    answer: str = Field(min_length=1, description="Complete in itself")
    question: str | None = Field(default=None, description="Which one, as B2, where the task asks several")


class Answer:
    name = "Answer"
    input: type[ToolInput] = AnswerInput
    effectful = False
    waits = False

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        return Intent(call=call, tool=self.name)

    async def run(self, call: str, given: Any, place: Workplace) -> ToolResult:
        asked: AnswerInput = given
        child = mine(place.task, asked.task).id
        await place.delegation.answer(child, asked.question, asked.answer)
        return ToolResult(f"Task {child} has the answer.")

    async def settle(self, intent: Intent, given: Any, place: Workplace) -> ToolResult:
        return await self.run(intent.call, given, place)


TOOL: Tool = Answer()
