"""A tree of tasks at work: starts tasks, and runs their workers side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Literal

from orchestrator.definitions import Agent, Library
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
    TaskIsBlocked,
    ToolError,
    UnknownAgent,
    UnknownTask,
)
from orchestrator.events import (
    ChildObserved,
    Event,
    Limits,
    MessageReceived,
    Mode,
    ReferenceAdded,
    TaskCreated,
)
from orchestrator.isolation import Isolation
from orchestrator.masking import Mask
from orchestrator.models import Model
from orchestrator.report import never, report, seen
from orchestrator.task import Task
from orchestrator.tools.tool import Assignment, ToolResult
from orchestrator.worker import Setting, Worker, accounts

End = Task | OrchestratorError
"""How a worker ended: with the archived task, or why there is none."""
DEEPEST = 3
"""A task that a person gave may have grandchildren, and these none."""
MOST = 16
"""So many children a task may have, open ones and done ones."""
_LOOK = 1.0
"""Seconds between looks at a child that another process works on."""


class Team:
    """The workers of one run. `model` is asked for once the first worker starts.

    It is what their tools give work to others with (see `tools.tool.Delegation`): whoever waits for a task, a person or
    the task that gave it away, waits for the same worker.
    """

    def __init__(self, engine: Engine, library: Library, model: Callable[[], Model], setting: Setting) -> None:
        self._engine = engine
        self._library = library
        self._model_of = model
        self._model: Model | None = None
        self._setting = setting
        self._isolation = Isolation(engine, setting.workspace)
        self._workers: dict[str, asyncio.Task[End]] = {}

    def start(
        self,
        agent: str,
        description: str,
        *,
        limits: Limits | None = None,
        verify: tuple[str, ...] = (),
        mode: Mode | None = None,
        model: str | None = None,
        isolate: bool = False,
    ) -> Task:
        """A new task for an agent; raises UnknownAgent or BadDefinition before anything is created."""
        definition = self._library.find(agent)
        created = self._created(definition, description, limits or Limits())
        changes = {"mode": mode or created.mode, "model": model or created.model, "verify": (*created.verify, *verify)}
        return self._engine.create(created.model_copy(update={**changes, "isolate": isolate}))

    def allow(self, task_id: str, limits: Limits) -> Task:
        """Other limits for a task that stopped at its own."""
        return accounts.allow(self._engine, task_id, limits)

    async def work(
        self, *task_ids: str, ended: Callable[[str, End], None] = lambda task_id, end: None
    ) -> dict[str, End]:
        """Run the tasks' workers side by side, to their ends; `ended` is told of each as it comes."""
        self._model = model = self._model_of()

        async def one(task_id: str) -> End:
            end = await self._end(task_id)
            ended(task_id, end)
            return end

        try:
            ends = await asyncio.gather(*map(one, task_ids))
            while begun := [worker for worker in self._workers.values() if not worker.done()]:
                await asyncio.wait(begun)
        finally:
            for worker in (workers := list(self._workers.values())):
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self._workers.clear()  # they are of this event loop, and the next call may have another
            await model.close()
        return dict(zip(task_ids, ends, strict=True))

    # -- what tools ask for --------------------------------------------------

    def agents(self) -> dict[str, str]:
        return {agent.name: agent.description.split("\n\n")[0] for agent in self._library.all()}

    def reserve(self, task: Task, agent: str) -> str:
        try:
            self._library.find(agent)
        except (UnknownAgent, BadDefinition) as error:
            raise ToolError(str(error)) from None
        if self._depth(task) >= DEEPEST:
            raise ToolError("This task is too deep in the tree to give work away: do it yourself.")
        if len(task.children) >= MOST:
            raise ToolError(f"A task may give away {MOST} tasks, and this one has: do the rest yourself.")
        return self._engine.free_id()

    async def carry_out(self, task: Task, given: Assignment) -> ToolResult:
        self._worker(given.child, partial(self._create, task, given))  # at once: others of this message come after it
        return await self._outcome(given.child)

    async def tell(self, task: Task, to: str, call: str, message: str) -> None:
        words = Mask.from_environment(self._setting.environment).text(message)
        told = MessageReceived(text=words, sender=task.id, call=call)
        try:
            if not (found := await self._look(to)).open:
                raise ToolError(f"Task {to} is {found.ended}: nobody works on it any more.")
            if (task.id, call) not in found.messages:
                await asyncio.to_thread(self._engine.commit, to, [told], actor="engine")
        except UnknownTask:
            raise ToolError(f"There is no task {to!r}: give the id of an open one, or `parent`.") from None

    async def go_on(self, task: Task, child: str, instruction: str) -> ToolResult:
        words = Mask.from_environment(self._setting.environment).text(instruction)
        with suppress(UnknownTask):
            found = await self._look(child)
            if found.open and words not in [row.text for row in found.instructions][-1:]:
                await asyncio.to_thread(self._engine.instruct, child, words)
        return await self._outcome(child)

    async def cancel(self, child: str, reason: str) -> ToolResult:
        try:
            await self._cancel(child, reason)
            found = await self._look(child)
        except UnknownTask as error:
            return never(child, str(error))
        outcome: Literal["ok", "error"] = "ok" if found.ended == "cancelled" else "error"
        return ToolResult(f"Task {child} is {found.ended}.", outcome=outcome, events=(seen(found),))

    # -- how it is done ------------------------------------------------------

    def _created(self, definition: Agent, description: str, limits: Limits) -> TaskCreated:
        return TaskCreated(
            agent=definition.name,
            description=Mask.from_environment(self._setting.environment).text(description),
            mode=definition.mode or "full",
            model=definition.model,
            limits=limits,
            verify=definition.verify,
            output_schema=definition.output_schema,
        )

    async def _create(self, task: Task, given: Assignment) -> None:
        """The child's task, unless it is there."""
        with suppress(UnknownTask):
            await self._look(given.child)
            return
        definition = self._library.find(given.agent)
        created = self._created(definition, given.description, given.limits).model_copy(
            update={"parent": task.id, "isolate": task.isolate}
        )
        if given.output_schema is not None:
            created = created.model_copy(update={"output_schema": given.output_schema})
        linked: Event = ReferenceAdded(task=task.id, document="task-status")
        await asyncio.to_thread(self._engine.create, created, linked, actor="worker", task_id=given.child)

    async def _cancel(self, task_id: str, reason: str) -> None:
        """Those below it first: what they do is not wanted either."""
        task = await self._look(task_id)
        for row in task.children:
            if row.open:
                with suppress(UnknownTask):
                    await self._cancel(row.id, reason)
        if task.open:
            with suppress(Refused):  # it has just come to an end by itself
                await asyncio.to_thread(self._engine.cancel, task_id, reason, "engine")
                await asyncio.to_thread(accounts.release, self._engine, task)

    async def _outcome(self, child: str) -> ToolResult:
        end = await self._end(child)
        if isinstance(end, Conflict):  # another process works on it
            await asyncio.sleep(_LOOK)
            return await self._outcome(child)
        if isinstance(end, OrchestratorError) and _is_larger(end, child):
            raise end
        try:
            task = await self._look(child)
        except UnknownTask:
            return never(child, str(end))
        return report(task, end if isinstance(end, OrchestratorError) else None, self._engine.folder.home(task).name)

    async def _look(self, task_id: str) -> Task:
        return (await asyncio.to_thread(self._engine.refresh, task_id)).task

    def _depth(self, task: Task) -> int:
        depth = 1
        while task.parent is not None:
            task, depth = self._engine.refresh(task.parent).task, depth + 1
        return depth

    async def _end(self, task_id: str) -> End:
        """How its worker ends. One that ended with an error is forgotten then: it can be gone on with."""
        worker = self._worker(task_id)
        await asyncio.wait([worker])
        end = worker.result()
        if isinstance(end, OrchestratorError) and self._workers.get(task_id) is worker:
            del self._workers[task_id]
        return end

    def _place(self, task: Task) -> Setting:
        """Where the task works."""
        worktree = self._isolation.worktree(task)
        return self._setting if worktree is None else self._setting.at(worktree)

    def _worker(self, task_id: str, create: Callable[[], Awaitable[None]] | None = None) -> asyncio.Task[End]:
        """The worker of a task, one however many wait for it."""
        if task_id not in self._workers:
            self._workers[task_id] = asyncio.ensure_future(self._one(task_id, create))
        return self._workers[task_id]

    async def _one(self, task_id: str, create: Callable[[], Awaitable[None]] | None) -> End:
        try:
            if create is not None:
                await create()
            await self._wait_its_turn(await self._look(task_id))
            task = await self._look(task_id)
            if task.open:
                task = await self._run(task)
            elif not task.archived:
                task = await asyncio.to_thread(self._engine.archive, task_id)
            await asyncio.to_thread(self._isolation.leave, task)
            return task
        except OrchestratorError as error:
            return error

    async def _run(self, task: Task) -> Task:
        """Its worker's work; the parent sees it begin and end."""
        assert self._model is not None
        agent = self._library.find(task.agent)
        setting = await asyncio.to_thread(self._place, task)
        worker = Worker(self._engine, agent, self._model, task.id, setting, self)
        await self._tell_parent(seen(task).model_copy(update={"status": "in-progress"}), task.parent)
        try:
            return await worker.run()
        finally:
            await self._tell_parent(seen(await self._look(task.id)), task.parent)

    async def _wait_its_turn(self, task: Task) -> None:
        """Return once a task that nobody has begun may begin; raises TaskIsBlocked when it may not."""
        if task.parent is None or task.epoch or not task.open:
            return
        rows = (await self._look(task.parent)).children
        for earlier in next((row.after for row in rows if row.id == task.id), ()):
            stands = await self._stands(earlier)
            if stands != "completed":
                raise TaskIsBlocked(f"task {task.id} was not begun: {earlier}, which it comes after, is {stands}")
        for command in task.verify:
            if not await self._setting.permit(task, command):
                raise TaskIsBlocked(f"task {task.id} was not begun: `{command}`, its verification, is not permitted")

    async def _stands(self, task_id: str) -> str:
        """How a task stands once nobody works on it any more."""
        while True:
            if task_id in self._workers:
                await asyncio.wait([self._workers[task_id]])
            try:
                task = await self._look(task_id)
            except UnknownTask:
                return "not there"
            if not task.open or not await asyncio.to_thread(self._engine.at_work, task_id):
                return task.ended or task.status
            await asyncio.sleep(_LOOK)

    async def _tell_parent(self, observed: ChildObserved, parent: str | None) -> None:
        """Have the parent's workstream follow; a parent that is closed, or gone, follows nothing."""
        if parent is None:
            return
        with suppress(UnknownTask, Refused):
            rows = (await self._look(parent)).children
            if any(row.id == observed.child and row.status != observed.status for row in rows):
                await asyncio.to_thread(self._engine.commit, parent, [observed], actor="engine")


def _is_larger(end: OrchestratorError, child: str) -> bool:
    """True for an end that says nothing of the child itself: who waits for it ends too, and goes on when it does."""
    if isinstance(end, LimitReached):
        return end.task != child
    return isinstance(end, ModelError | Interrupted) and not isinstance(end, BadRequest)
