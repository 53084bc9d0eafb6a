"""Holds the most a request can cost, in the budget of each task whose limits concern it, before it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from orchestrator import budget
from orchestrator.budget import Amount
from orchestrator.engine import Engine
from orchestrator.errors import ModelError, OrchestratorError, Refused, UnknownTask
from orchestrator.events import AnswerLost, BudgetDrawn, Usage
from orchestrator.models import Model, Reply, Request
from orchestrator.task import Task

LEAST = 1_024
"""Tokens that a reply may have at the least: with less left, none is asked for."""
UNSEEN = 2_000
"""Tokens that a server may count beside what it is sent: its own prompt for tools, and what divides messages."""
_LOOK = 0.2
"""Seconds between looks at what others hold."""
_MILLION = 1_000_000

Commit = Callable[..., Awaitable[Task]]


class Exhausted(Exception):
    """Not enough is left for a request. `task`: the id of the one whose limit it is."""

    def __init__(self, reason: str, task: str) -> None:
        self.task = task
        super().__init__(reason)


class Ledger:
    """The requests of one worker. `commit` records events of its own task, as that worker."""

    def __init__(self, engine: Engine, model: Model, commit: Commit) -> None:
        self._engine = engine
        self._model = model
        self._commit = commit

    async def ask(self, task: Task, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """The model's reply, for which enough was left; raises Exhausted when there was not.

        A budget that is nearly used up makes the reply shorter. What the request may have cost stays held when it is
        not known to have cost nothing.
        """
        if not await self._bounds(task):
            return await self._model.reply(request, on_text)
        request, most = await self._hold(task, request)
        try:
            reply = await self._model.reply(request, on_text, partial(self._again, task, most))
        except ModelError as error:
            if not error.charged:
                await self._draw(task, Amount())
            raise
        await self._settle(task, reply)
        return reply

    async def _settle(self, task: Task, reply: Reply) -> None:
        """Tell the tasks above what it was, at once: calls may take long. Its own journal tells it with the reply."""
        above = [row for row in await self._bounds(task) if row.id != task.id]
        if above:
            task = (await asyncio.to_thread(self._engine.refresh, task.id)).task  # an answer may have been lost
            used = budget.own(task) + Amount(reply.usage.total, reply.cost or 0.0)
            for row in above:
                await self._tell(row, _drawn(task.id, used, Amount()))

    async def begin(self, task: Task) -> Task:
        """Count what an earlier worker asked for and never heard of."""
        return await self._commit(AnswerLost()) if budget.held(task, only=task.id) != Amount() else task

    async def close(self, task_id: str) -> None:
        """Tell the tasks above what was used up in the end. An unanswered request stays held there, too.

        What cannot be told now is told by the next worker.
        """
        with suppress(OrchestratorError):
            await self._close(task_id)

    async def _close(self, task_id: str) -> None:
        task = (await asyncio.to_thread(self._engine.refresh, task_id)).task
        for above in await self._bounds(task):
            if above.id != task.id:
                await self._tell(above, _drawn(task.id, budget.own(task), budget.held(task, only=task.id)))

    async def _bounds(self, task: Task) -> list[Task]:
        """The task and those above it, the topmost first, as far as they have limits of tokens or cost."""
        return [row for row in [*await asyncio.to_thread(self._above, task), task] if budget.limited(row)]

    def _above(self, task: Task) -> list[Task]:
        found: list[Task] = []
        while task.parent is not None:
            try:
                task = self._engine.refresh(task.parent).task
            except UnknownTask:
                break
            if task.open:
                found.insert(0, task)
        return found

    async def _hold(self, task: Task, request: Request) -> tuple[Request, Amount]:
        """The request as it fits, and the most it can cost, which is held."""
        asked = _input(task, request)
        fixed = await self._price(request.model, Usage(cache_creation_input_tokens=asked))
        each = await self._price(request.model, Usage(output_tokens=_MILLION)) / _MILLION
        while True:
            bounds = await self._bounds(task)
            left = [(row, budget.left(row, besides=task.id)) for row in bounds]
            room = [_output(amount - Amount(asked, fixed), each, request.max_tokens) for _, amount in left]
            size = min(room, default=request.max_tokens)
            if size >= min(LEAST, request.max_tokens):
                most = Amount(asked + size, fixed + size * each)
                try:
                    await self._draw(task, most)
                    return replace(request, max_tokens=size), most
                except Refused:  # somebody else was faster
                    await self._draw(task, Amount())
                    continue
            tightest, amount = left[room.index(size)]
            if not await asyncio.to_thread(self._others_ask, tightest, task.id):
                needed = Amount(asked + LEAST, fixed + LEAST * each)
                raise Exhausted(_reason(tightest, task, amount, needed), tightest.id)
            await asyncio.sleep(_LOOK)

    async def _again(self, task: Task, most: Amount) -> None:
        """The request is made once more, though its first answer may have been counted."""
        task = await self._commit(AnswerLost())
        try:
            await self._draw(task, most)
        except Refused as error:
            await self._draw(task, Amount())
            reason = f"an answer was lost, and {error.reason}: it cannot be asked for again"
            raise Exhausted(reason, task.id) from None

    async def _draw(self, task: Task, most: Amount) -> None:
        for row in await self._bounds(task):
            if row.id != task.id:
                await self._tell(row, _drawn(task.id, budget.own(task), most))
        await self._commit(_drawn(task.id, budget.own(task), most))

    async def _tell(self, above: Task, drawn: BudgetDrawn) -> None:
        await asyncio.to_thread(lambda: self._engine.commit(above.id, [drawn], actor="engine"))

    def _others_ask(self, row: Task, task_id: str) -> bool:
        """True when others, who are alive, hold a part of this task's budget: some of it will come back."""
        others = [name for name in budget.holders(row) if name != task_id]
        return any(self._engine.at_work(name) for name in others)

    async def _price(self, model: str, usage: Usage) -> float:
        """What is not known costs nothing here: a limit of cost is refused for such a model before it works."""
        return await self._model.price(model, usage) or 0.0


def _drawn(task_id: str, used: Amount, most: Amount) -> BudgetDrawn:
    return BudgetDrawn(
        task=task_id,
        tokens=int(used.tokens),
        cost=used.cost,
        held_tokens=int(most.tokens),
        held_cost=most.cost,
    )


def _input(task: Task, request: Request) -> int:
    """The most tokens that the request can be counted as: no token is shorter than a byte.

    What the last reply's usage counted is not counted again.
    """
    messages = list(request.messages)
    if task.context and not request.compact:
        last = max(place for place, message in enumerate(messages) if message.role == "assistant")
        return task.context + sum(len(message.encoded) for message in messages[last + 1 :]) + UNSEEN
    said = len(repr((request.system, request.tools)).encode())
    return said + sum(len(message.encoded) for message in messages) + UNSEEN


def _output(left: Amount, each: float, most: int) -> int:
    """How long a reply may be."""
    by_cost = left.cost / each if each else float("inf")
    return int(min(most, left.tokens, by_cost)) if left.cost >= 0 else 0


def _reason(row: Task, task: Task, left: Amount, needed: Amount) -> str:
    words = []
    if row.limits.tokens is not None and left.tokens < needed.tokens:
        words.append(f"{max(left.tokens, 0):,.0f} of {row.limits.tokens:,} tokens are left, not {needed.tokens:,.0f}")
    if row.limits.cost is not None and left.cost < needed.cost:
        words.append(f"${max(left.cost, 0):.4f} of ${row.limits.cost:g} are left, not ${needed.cost:.4f}")
    whose = "" if row.id == task.id else f" to {row.id}, which it is for"
    return f"{'; '.join(words)}, which a turn may take{whose}"
