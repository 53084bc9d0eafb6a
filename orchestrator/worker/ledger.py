"""Holds the most a request can cost, in the budget of the task and of each above it, before it is made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from math import inf

from orchestrator import accounts, budget
from orchestrator.budget import NOTHING, Amount
from orchestrator.engine import Engine
from orchestrator.errors import ModelError, OrchestratorError, Refused
from orchestrator.events import AnswerLost, Usage
from orchestrator.models import Model, Reply, Request
from orchestrator.task import Task
from orchestrator.worker import limits
from orchestrator.worker.limits import Exhausted

UNSEEN = 2_000
"""Tokens that a server may count beside what it is sent: its own prompt for tools, and what divides messages."""
_LOOK = 0.2
"""Seconds between looks at what others hold."""
_MILLION = 1_000_000

Commit = Callable[..., Awaitable[Task]]


class Silent(Exception):
    """A request waited for too long until it could be made; what for."""


class Ledger:
    """The requests of one worker. `commit` records events of its own task, as that worker; `silence` are the seconds
    for which a request may wait until it can be made.

    `deadline`: until when it may work, by the monotonic clock, as far as was known when it last asked.
    """

    def __init__(self, engine: Engine, model: Model, commit: Commit, silence: float) -> None:
        self._engine = engine
        self._model = model
        self._commit = commit
        self._silence = silence
        self._waits = ""
        """What a request waits for."""
        self._epoch = 0
        self._told: dict[str, float] = {}
        """By task above: when it was last told what is used up, by the monotonic clock."""
        self._begun = time.monotonic()
        self.deadline = inf

    async def begin(self, task: Task) -> Task:
        """Count what an earlier worker asked for and never heard of. `task`: as the one who works on it has it."""
        self._epoch, self._begun = task.epoch, time.monotonic()
        await self._look(task)
        return await self._commit(AnswerLost()) if budget.held(task, only=task.id) != NOTHING else task

    async def ask(self, task: Task, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """The model's reply, for which enough was left; raises Exhausted when there was not, or not time enough, and
        Silent where nobody could tell for too long.

        A budget that is nearly used up makes the reply shorter. What the request may have cost stays held when it is
        not known to have cost nothing.
        """
        self._waits = "what is left of its budget, or of one above it, could not be seen: somebody holds its journal"
        try:
            async with asyncio.timeout(self._silence):
                request, most, first = await self._hold(task, request)
        except TimeoutError:
            raise Silent(self._waits) from None
        lost = None if budget.alone(task) else partial(self._again, task, most)
        try:
            async with asyncio.timeout(None if self.deadline == inf else self.deadline - time.monotonic()):
                reply = await self._model.reply(request, on_text, lost)
        except TimeoutError:
            raise limits.over(first, task) from None
        except ModelError as error:
            if not error.charged:
                await self._draw(task, NOTHING)
            raise
        await self._settle(task, reply)
        return reply

    async def close(self, task_id: str) -> None:
        """Tell the tasks above what was used up in the end. An unanswered request stays held there, too, while the task
        is open; else it counts.

        What cannot be told now is told by the next worker, or found by whoever needs it.
        """
        with suppress(OrchestratorError):
            task = await self._now(task_id)
            if task.open:
                await self._tell_above(task, budget.own(task), budget.held(task, only=task_id))
            else:
                await self._tell_above(task, budget.most(task))

    async def _settle(self, task: Task, reply: Reply) -> None:
        """Tell the tasks above what it was, at once: calls may take long. Its own journal tells it with the reply."""
        if task.parent is not None:
            task = await self._now(task.id)  # an answer may have been lost
            await self._tell_above(task, budget.own(task) + Amount(1, reply.usage.total, 0.0, reply.cost or 0.0))

    async def _hold(self, task: Task, request: Request) -> tuple[Request, Amount, Task]:
        """The request as it fits, the most it can cost, which is held; and whose time is over first."""
        if budget.alone(task) and task.limits.seconds is None:
            limits.check([task])
            return request, NOTHING, task
        asked = _input(task, request)
        fixed = await self._price(request.model, Usage(cache_creation_input_tokens=asked))
        each = await self._price(request.model, Usage(output_tokens=_MILLION)) / _MILLION
        needed = Amount(1, asked + limits.LEAST, 0.0, fixed + limits.LEAST * each)
        while True:
            chain, first = await self._look(task)
            limits.check(chain, priced=await self._model.price(request.model, Usage()) is not None)
            if self.deadline - time.monotonic() < limits.INSTANT:
                raise limits.over(first, task)
            left = [(row, budget.left(row, besides=task.id)) for row in chain]
            room = [_output(amount - Amount(1, asked, 0.0, fixed), each, request.max_tokens) for _, amount in left]
            size = min(room)
            if size >= min(limits.LEAST, request.max_tokens):
                most = Amount(1, asked + size, 0.0, fixed + size * each)
                try:
                    await self._draw(task, most)
                    return replace(request, max_tokens=size), most, first
                except Refused:  # somebody else was faster
                    await self._draw(task, NOTHING)
            else:
                tightest, amount = left[room.index(size)]
                if await asyncio.to_thread(accounts.waited_for, self._engine, tightest, task.id):
                    self._waits = f"requests of other tasks hold what is left of the budget of {tightest.id}"
                    await asyncio.sleep(_LOOK)
                elif not await asyncio.to_thread(accounts.settle, self._engine, tightest):
                    raise limits.short(tightest, task, amount, needed)
            task = await self._now(task.id)

    async def _again(self, task: Task, most: Amount) -> None:
        """The request is made once more, though its first answer may have been counted."""
        task = await self._commit(AnswerLost())
        try:
            await self._draw(task, most)
        except Refused as error:
            await self._draw(task, NOTHING)
            reason = f"an answer was lost, and {error.reason}: it cannot be asked for again"
            raise Exhausted(reason, task.id) from None

    async def _draw(self, task: Task, most: Amount) -> None:
        if not budget.alone(task):
            await self._tell_above(task, budget.own(task), most)
            await self._commit(accounts.drawn(task.id, self._epoch, budget.own(task), most))

    async def _tell_above(self, task: Task, used: Amount, held: Amount = NOTHING) -> None:
        for row in await asyncio.to_thread(accounts.above, self._engine, task):
            await asyncio.to_thread(self._tell, row, task, used, held)

    def _tell(self, row: Task, task: Task, used: Amount, held: Amount) -> None:
        now = time.monotonic()
        seconds = budget.share(row, task.id).seconds + self._unseen(row, now)
        event = accounts.drawn(task.id, self._epoch, used, held, seconds=seconds)
        self._engine.commit(row.id, [event], actor="engine")
        self._told[row.id] = now

    def _unseen(self, row: Task, now: float) -> float:
        """The seconds of this work that a task above has not heard of, and does not count by itself."""
        return 0.0 if self._engine.at_work(row.id) else now - self._told.get(row.id, self._begun)

    async def _look(self, task: Task) -> tuple[list[Task], Task]:
        """Those above the task, the topmost first, and the task; and the one of them whose time is over first."""

        def look() -> tuple[list[Task], Task]:
            chain = [*accounts.above(self._engine, task), task]
            ends = [self._end(row) for row in chain]
            self.deadline = min(ends)
            return chain, chain[ends.index(self.deadline)]

        return await asyncio.to_thread(look)

    def _end(self, row: Task) -> float:
        """When its time is over, by the monotonic clock."""
        if row.limits.seconds is None:
            return inf
        now, moment = time.monotonic(), datetime.now(UTC).isoformat()
        at_work = self._engine.at_work(row.id) and row.worked_until
        more = budget.since(row.worked_until, moment) if at_work else self._unseen(row, now)
        return now + budget.left(row).seconds - more

    async def _now(self, task_id: str) -> Task:
        return (await asyncio.to_thread(self._engine.refresh, task_id)).task

    async def _price(self, model: str, usage: Usage) -> float:
        """What is not known costs nothing here: no limit of cost is there then, see `limits.check`."""
        return await self._model.price(model, usage) or 0.0


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
    by_cost = left.cost / each if each else inf
    return int(min(most, left.tokens, by_cost)) if left.cost >= 0 and left.turns >= 0 else 0
