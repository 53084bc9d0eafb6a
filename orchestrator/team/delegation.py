"""What tools of one task ask of others: work to be done, a word, an answer (see `tools.tool.Delegation`)."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from orchestrator import accounts
from orchestrator.definitions import Library
from orchestrator.engine import Engine
from orchestrator.errors import (
    BadDefinition,
    BadRequest,
    Conflict,
    Interrupted,
    LimitReached,
    ModelError,
    OrchestratorError,
    Refused,
    ToolError,
    Unanswered,
    UnknownAgent,
    UnknownTask,
)
from orchestrator.events import BlockerResolved, MessageReceived, ReferenceAdded, TaskCreated
from orchestrator.masking import Mask
from orchestrator.questions import meant, unanswered
from orchestrator.report import asks, at_work, joined, never, report, seen
from orchestrator.settings import Caps
from orchestrator.task import Blocker, Task
from orchestrator.team.places import Places
from orchestrator.team.workers import LOOK, End, Workers
from orchestrator.team.written import is_written
from orchestrator.tools.tool import Assignment, ToolResult
from orchestrator.worker import Setting

_PROMPTLY = 0.2
"""Seconds between looks at what somebody who is waited for did in another process."""


class Delegations:
    """`created(task, given)` is what a child begins with."""

    def __init__(
        self,
        engine: Engine,
        library: Library,
        setting: Setting,
        caps: Caps,
        places: Places,
        workers: Workers,
        created: Callable[[Task, Assignment], TaskCreated],
    ) -> None:
        self._engine = engine
        self._library = library
        self._setting = setting
        self._caps = caps
        self._places = places
        self._workers = workers
        self._created = created
        self._mask = Mask.from_environment(setting.environment)
        self._reserving = threading.Lock()
        self._reserved: dict[str, set[str]] = defaultdict(set)
        self._awaited: dict[str, Counter[str]] = defaultdict(Counter)
        self._asking: Counter[str] = Counter()
        self._bells: dict[str, asyncio.Event] = {}

    # -- giving work away ----------------------------------------------------

    def agents(self) -> dict[str, str]:
        return {agent.name: agent.description.split("\n\n")[0] for agent in self._library.all()}

    def reserve(self, task: Task, agent: str) -> str:
        caps = self._caps
        try:
            self._library.find(agent)
        except (UnknownAgent, BadDefinition) as error:
            raise ToolError(str(error)) from None
        above = self._above(task)
        if len(above) >= caps.depth:
            raise ToolError("This task is too deep in the tree to give work away: do it yourself.")
        if len(task.children) >= caps.children:
            raise ToolError(f"A task may give away {caps.children} tasks, and this one has: do the rest yourself.")
        top = above[-1]
        with self._reserving:
            ids = self._reserved[top.id] | {*self._below(top)} | {row.id for row in task.children}
            if len(ids) >= caps.tasks:
                raise ToolError(f"A tree may have {caps.tasks} tasks, and this one has: do the rest yourself.")
            child = self._engine.free_id()
            self._reserved[top.id].add(child)
        return child

    async def carry_out(self, task: Task, given: Assignment) -> ToolResult:
        creation = asyncio.ensure_future(self._create(task, given))
        self._workers.of(given.child, creation)  # at once: others of this message come after it
        if given.wait:
            return await self.wait_for(task, [given.child])
        try:
            await asyncio.shield(creation)
        except OrchestratorError as error:
            return never(given.child, str(error))
        return at_work(await self._workers.look(given.child))

    async def go_on(self, task: Task, child: str, instruction: str, *, wait: bool) -> ToolResult:
        with suppress(UnknownTask):
            found = await self._workers.look(child)
            words = self._mask.text(instruction)
            if found.open and words not in [row.text for row in found.instructions][-1:]:
                await asyncio.to_thread(self._engine.instruct, child, words, "engine")
            if not wait:
                self._workers.of(child)
                return at_work(found)
        return await self.wait_for(task, [child])

    async def cancel(self, child: str, reason: str) -> ToolResult:
        try:
            await self._cancel(child, reason)
            found = await self._workers.look(child)
        except UnknownTask as error:
            return never(child, str(error))
        self._ring(child)
        ended = found.ended == "cancelled"
        return ToolResult(f"Task {child} is {found.ended}.", "ok" if ended else "error", events=(seen(found),))

    # -- waiting -------------------------------------------------------------

    async def wait_for(self, task: Task, children: Sequence[str], *, messages: bool = False) -> ToolResult:
        """What there is to be heard of them: who ended, who asks, and who is still at work."""
        messages = messages and not is_written(task)  # a program has no use for them
        async with self._places.left(task.id):
            with self._awaiting(task.id, children):
                while True:
                    bell = self._bell(task.id)
                    told = messages and await self.is_told(task)
                    if found := await self._found(task.id, children, told):
                        return joined(found)
                    await self._stir(bell, [self._workers.of(child) for child in children], LOOK if messages else None)

    async def _found(self, parent: str, children: Sequence[str], told: bool) -> list[ToolResult]:
        """Nothing, as long as all are at work and nobody asks."""
        done = [child for child in children if self._workers.of(child).done()]
        ended = {child: result for child in done if (result := await self._outcome(child))}
        asking = {child: result for child in [*self._awaited[parent]] if (result := await self._asks(child))}
        if not (ended or asking or told):
            return []
        return [ended.get(child) or asking.get(child) or await self._stands(child) for child in children]

    async def _outcome(self, child: str) -> ToolResult | None:
        """What came of it; None when another process works on it. Raises what says nothing of the child itself."""
        end = await self._workers.end(child)
        if isinstance(end, OrchestratorError) and _is_larger(end, child):
            raise end
        try:
            task = await self._workers.look(child)
        except UnknownTask:
            return never(child, str(end))
        if isinstance(end, Task) and task.open:  # opened again since
            self._workers.forget(child)
            return None
        if isinstance(end, Conflict):
            self._asking[child] = len(unanswered(task))
            await asyncio.sleep(LOOK)
            return None
        error = end if isinstance(end, OrchestratorError) else None
        return report(task, error, self._engine.folder.home(task).name)

    async def _asks(self, child: str) -> ToolResult | None:
        """What it asks its parent."""
        if not self._asking[child]:
            return None
        task = await self._workers.look(child)
        found = [row for row in unanswered(task) if row.to == "parent"]
        return asks(task, found) if found else None

    async def _stands(self, child: str) -> ToolResult:
        try:
            return at_work(await self._workers.look(child))
        except UnknownTask:
            return ToolResult(f"Task {child} is just being created: wait for it with Await.")

    # -- words ---------------------------------------------------------------

    async def is_told(self, task: Task) -> bool:
        return (await asyncio.to_thread(self._engine.peek, task.id)).is_told(task.heard)

    async def tell(self, task: Task, to: str, call: str, message: str) -> None:
        told = MessageReceived(text=self._mask.text(message), sender=task.id, call=call)
        try:
            if not (found := await self._workers.look(to)).open:
                raise ToolError(f"Task {to} is {found.ended}: nobody works on it any more.")
            if (task.id, call) not in found.messages:
                await asyncio.to_thread(self._engine.commit, to, [told], actor="engine")
        except UnknownTask:
            raise ToolError(f"There is no task {to!r}: give the id of an open one, or `parent`.") from None
        self._ring(to)

    async def ask(self, task: Task, call: str) -> str:
        async with self._places.left(task.id):
            answer = await self._parents_answer(task, call)
            while answer is None:
                asked = await self._question(task.id, call)
                if said := await self._said(task, asked):
                    with suppress(Refused):  # somebody else was faster
                        resolved = BlockerResolved(id=asked.id, resolution=self._mask.text(said))
                        await asyncio.to_thread(self._engine.commit, task.id, [resolved], actor="user")
                answer = (await self._question(task.id, call)).resolution
                if answer is None and not said:
                    raise Unanswered(task.id, asked.text)
            return answer

    async def _said(self, task: Task, asked: Blocker) -> str | None:
        """What a person answers here; None when nobody does, or somebody has answered elsewhere meanwhile."""
        assert asked.call is not None
        saying = asyncio.ensure_future(self._setting.ask(task, asked.text))
        try:
            while not (await asyncio.wait([saying], timeout=LOOK))[0]:
                if (await self._question(task.id, asked.call)).resolution is not None:
                    return None
            return saying.result()
        finally:
            saying.cancel()

    async def _parents_answer(self, task: Task, call: str) -> str | None:
        """The answer, once there is one; None when it is nobody's but a person's to give."""
        with self._is_asking(task.id):
            while True:
                bell = self._bell(task.id)
                asked = await self._question(task.id, call)
                if asked.resolution is not None:
                    return asked.resolution
                if asked.to != "parent" or task.parent is None or not await self._is_alive(task.parent):
                    return None
                if is_written(await self._workers.look(task.parent)):  # it knows no answer
                    return None
                self._ring(task.parent)
                await self._stir(bell, [], _PROMPTLY)

    async def _question(self, task_id: str, call: str) -> Blocker:
        task = await self._workers.look(task_id)
        if not task.open:
            raise ToolError(f"Task {task_id} is {task.ended}: nobody waits for an answer any more.")
        return next(row for row in task.blockers if row.call == call)

    async def answer(self, child: str, question: str | None, text: str) -> None:
        words = self._mask.text(text)
        task = await self._workers.look(child)
        try:
            resolved = BlockerResolved(id=meant(task, question).id, resolution=words)
            await asyncio.to_thread(self._engine.commit, child, [resolved], actor="engine")
        except Refused as error:
            said = [row.resolution for row in task.blockers if row.call and question in (None, row.id)]
            if said[-1:] != [words]:  # else by this call, before a crash
                raise ToolError(error.reason) from None
        self._ring(child)

    # -- how it is done ------------------------------------------------------

    async def _create(self, task: Task, given: Assignment) -> None:
        """The child's task, unless it is there."""
        with suppress(UnknownTask):
            await self._workers.look(given.child)
            return
        created = self._created(task, given)
        linked = ReferenceAdded(task=task.id, document="task-status")
        await asyncio.to_thread(self._engine.create, created, linked, actor="worker", task_id=given.child)

    async def _cancel(self, task_id: str, reason: str) -> None:
        """Those below it first: what they do is not wanted either."""
        task = await self._workers.look(task_id)
        for row in task.children:
            if row.open:
                with suppress(UnknownTask):
                    await self._cancel(row.id, reason)
        if task.open:
            with suppress(Refused):  # it has just come to an end by itself
                await asyncio.to_thread(self._engine.cancel, task_id, reason, "engine")
                await asyncio.to_thread(accounts.release, self._engine, task)

    def _above(self, task: Task) -> list[Task]:
        """The task and those above it, the topmost last."""
        found = [task]
        while (parent := found[-1].parent) is not None:
            found.append(self._engine.refresh(parent).task)
        return found

    def _below(self, top: Task) -> Iterator[str]:
        """The task and all below it."""
        yield top.id
        for child in top.children:
            try:
                yield from self._below(self._engine.refresh(child.id).task)
            except UnknownTask:
                yield child.id

    async def _is_alive(self, task_id: str) -> bool:
        if self._workers.alive(task_id):
            return True
        with suppress(UnknownTask):
            return await asyncio.to_thread(self._engine.at_work, task_id) is not None
        return False

    @contextmanager
    def _awaiting(self, parent: str, children: Sequence[str]) -> Iterator[None]:
        self._awaited[parent].update(children)
        try:
            yield
        finally:
            self._awaited[parent] = self._awaited[parent] - Counter(children)

    @contextmanager
    def _is_asking(self, task_id: str) -> Iterator[None]:
        self._asking[task_id] += 1
        try:
            yield
        finally:
            self._asking[task_id] -= 1

    def _bell(self, task_id: str) -> asyncio.Event:
        """Rings when something happens that the task's calls wait for. To be had before one looks."""
        return self._bells.setdefault(task_id, asyncio.Event())

    def _ring(self, task_id: str) -> None:
        if bell := self._bells.pop(task_id, None):
            bell.set()

    @staticmethod
    async def _stir(bell: asyncio.Event, workers: Sequence[asyncio.Task[End]], within: float | None) -> None:
        """Return when the bell rings, one of them ends, or after so many seconds."""
        rings = asyncio.ensure_future(bell.wait())
        try:
            await asyncio.wait([rings, *workers], timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            rings.cancel()


def _is_larger(end: OrchestratorError, child: str) -> bool:
    """True for an end that says nothing of the child itself: who waits for it ends too, and goes on when it does."""
    if isinstance(end, LimitReached):
        return end.task != child
    return isinstance(end, ModelError | Interrupted | Unanswered) and not isinstance(end, BadRequest)
