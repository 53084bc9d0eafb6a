"""The lead of a written team: a program in the place of a model. It gives away what the plan says, and waits.

Its task is one like any other: what it gives away is in its first commit, so that there are all tasks or none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.definitions import Agent
from orchestrator.engine import Engine
from orchestrator.errors import OrchestratorError
from orchestrator.events import Event, Intent, ItemAdded, Json, MessageAdded, ModelReplied, Usage, WorkstreamAdded
from orchestrator.models import WINDOW, Reply, Request
from orchestrator.task import Child, Task
from orchestrator.team.plan import Plan
from orchestrator.tools.delegate import TOOL

MARK = "team:"
"""How its agent's name begins, as no definition's may."""


def is_written(task: Task) -> bool:
    """True when no model leads the task."""
    return task.agent.startswith(MARK)


def agent(task: Task) -> Agent:
    return Agent(task.agent, task.description, "", Path(), tools=("Delegate", "Await"))


def opening(plan: Plan, intents: Sequence[Intent]) -> tuple[Event, ...]:
    """What its task begins with, beside its creation."""
    calls = tuple(
        _call(intent.call, TOOL.name, given) for intent, given in zip(intents, plan.tasks.values(), strict=True)
    )
    streams = (
        WorkstreamAdded(id=name, description=_line(given["task"]), dependencies=tuple(given.get("after", ())))
        for name, given in plan.tasks.items()
    )
    items = (ItemAdded(id=f"c{number}", text=f"The task {name} is done") for number, name in enumerate(plan.tasks, 1))
    said = MessageAdded(content=({"type": "text", "text": plan.goal},))
    replied = ModelReplied(content=calls, stop_reason="tool_use", model=MARK, cost=0.0, intents=tuple(intents))
    return (*streams, *items, said, replied)


class Written:
    """Answers for a model, after how the task's children stand. `task`: as a worker finds it."""

    def __init__(self, engine: Engine, task: Task) -> None:
        self._engine = engine
        self._id = task.id
        self.on_rest: Callable[[float], None] = lambda seconds: None
        self._waited = bool(task.pending)
        """In this run: what ended meanwhile without being done is for a person."""

    async def reply(
        self,
        request: Request,
        on_text: Callable[[str], None] | None = None,
        on_lost: Callable[[], Awaitable[None]] | None = None,
    ) -> Reply:
        content = await asyncio.to_thread(self._next)
        stop = "tool_use" if any(block["type"] == "tool_use" for block in content) else "end_turn"
        return Reply(tuple(content), stop, MARK, Usage(), cost=0.0)

    async def price(self, model: str, usage: Usage) -> float:
        return 0.0

    async def window(self, model: str) -> int:
        return WINDOW

    async def close(self) -> None:
        """There is nothing to give back."""

    def _next(self) -> list[Json]:
        task = self._engine.refresh(self._id).task
        number = len(task.receipts)
        rest = [row for row in task.children if row.open]
        raised = [row for row in task.blockers if row.resolution is None]
        if rest and not self._waited:
            self._waited = True
            resolved = [{"id": row.id, "resolution": "it goes on"} for row in raised]
            sync = [_call(f"sync-{number}", "Sync", {"resolve_blockers": resolved})] if resolved else []
            return sync + [_call(f"{row.id}-{number}", "Await", {"tasks": [row.id]}) for row in rest]
        lacking = [row for row in task.children if row.open or row.status == "cancelled"]
        if not lacking:
            checks = [
                {"item": row.id, "evidence": _proof(task, child)}
                for row, child in zip(task.items, task.children, strict=False)
            ]
            summary = "\n".join(f"- {row.workstream}: {row.id} ({row.agent})" for row in task.children)
            return [
                _call(f"sync-{number}", "Sync", {"check_items": checks}),
                _call(f"finish-{number}", "Finish", {"summary": summary}),
            ]
        said = "; ".join(f"{row.workstream}, {row.id} ({row.agent}), {self._is(row)}" for row in lacking)
        if raised:
            return [{"type": "text", "text": said}]
        return [_call(f"sync-{number}", "Sync", {"raise_blockers": [said]})]

    def _is(self, child: Child) -> str:
        """How one stands that is not done, why, and what a person can do about it."""
        ways = {"cancelled": f": reopen {child.id} first", "in-progress": " and its worker is gone"}
        reason = None
        with suppress(OrchestratorError):  # it was never begun, or cannot be read
            reason = self._engine.refresh(child.id).task.reason
        if reason is None or child.status in ways:
            return f"is {child.status}{ways.get(child.status, '')}"
        return f"is {reason if reason.startswith(f'{child.status} ') else f'{child.status}: {reason}'}"


def _proof(task: Task, child: Child) -> list[str]:
    """The receipt of the call that waited for its end."""
    calls = (row for row in task.receipts if row.call == child.call or row.call.startswith(f"{child.id}-"))
    return [[row.id for row in calls if row.outcome == "ok"][-1]]


def _call(call: str, tool: str, given: Json) -> Json:
    return {"type": "tool_use", "id": call, "name": tool, "input": given}


def _line(text: str) -> str:
    return text.strip().splitlines()[0][:100]
