"""A tree of tasks at work: starts tasks, and runs their workers side by side."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from orchestrator.definitions import Agent, Library
from orchestrator.engine import Engine
from orchestrator.errors import BadDefinition, Busy, OrchestratorError, ToolError, UnknownAgent, UnknownTask
from orchestrator.events import Event, Limits, LimitsChanged, MessageReceived, Mode, ReferenceAdded, TaskCreated
from orchestrator.masking import Mask
from orchestrator.models import Model
from orchestrator.report import report
from orchestrator.task import Task
from orchestrator.tools.tool import Assignment, ToolResult
from orchestrator.worker import Setting, Worker

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
        self._workers: dict[str, asyncio.Task[End]] = {}
        self._reserved: dict[str, set[str]] = defaultdict(set)
        self._awaited: dict[str, asyncio.Event] = {}

    def start(
        self,
        agent: str,
        description: str,
        *,
        limits: Limits | None = None,
        verify: tuple[str, ...] = (),
        mode: Mode | None = None,
        model: str | None = None,
    ) -> Task:
        """A new task for an agent; raises UnknownAgent or BadDefinition before anything is created."""
        definition = self._library.find(agent)
        created = self._created(definition, description, limits or Limits())
        changes = {"mode": mode or created.mode, "model": model or created.model, "verify": (*created.verify, *verify)}
        return self._engine.create(created.model_copy(update=changes))

    def allow(self, task_id: str, limits: Limits) -> Task:
        """Other limits for a task that stopped at its own."""
        return self._engine.commit(task_id, [LimitsChanged(limits=limits)], actor="user")

    async def work(
        self, *task_ids: str, ended: Callable[[str, End], None] = lambda task_id, end: None
    ) -> dict[str, End]:
        """Run the tasks' workers side by side, to their ends; `ended` is told of each as it comes."""
        self._model = model = self._model_of()

        async def one(task_id: str) -> End:
            end = await self._worker(task_id)
            ended(task_id, end)
            return end

        try:
            ends = await asyncio.gather(*map(one, task_ids))
        finally:
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
        reserved = self._reserved[task.id] - {row.id for row in task.children}
        if len(task.children) + len(reserved) >= MOST:
            raise ToolError(f"A task may give away {MOST} tasks, and this one has: do the rest yourself.")
        child = self._engine.free_id()
        self._reserved[task.id].add(child)
        return child

    async def carry_out(self, task: Task, given: Assignment) -> ToolResult:
        over = self._awaited.setdefault(given.child, asyncio.Event())
        try:
            for earlier in given.after:
                if earlier in self._awaited:
                    await self._awaited[earlier].wait()
                if (await self._look(earlier)).open:
                    return ToolResult(f"Not begun: {earlier}, which it comes after, is not done.", outcome="error")
            try:
                await self._look(given.child)
            except UnknownTask:
                if refusal := await self._create(task, given):
                    return refusal
            return await self._outcome(given.child)
        finally:
            over.set()

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
        found = await self._look(child)
        said = [row.text for row in found.instructions]
        words = Mask.from_environment(self._setting.environment).text(instruction)
        if found.open and words not in said[-1:]:
            await asyncio.to_thread(self._engine.instruct, child, words)
        return await self._outcome(child)

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

    async def _create(self, task: Task, given: Assignment) -> ToolResult | None:
        """The child's task; or what is said instead, when somebody does not permit its verification commands."""
        definition = self._library.find(given.agent)
        for command in definition.verify:
            if not await self._setting.permit(task, command):
                words = f"{definition.name} is verified by `{command}`, which is not permitted here."
                return ToolResult(words, outcome="refused")
        created = self._created(definition, given.description, given.limits).model_copy(update={"parent": task.id})
        if given.output_schema is not None:
            created = created.model_copy(update={"output_schema": given.output_schema})
        linked: Event = ReferenceAdded(task=task.id, document="task-status")
        await asyncio.to_thread(self._engine.create, created, linked, actor="worker", task_id=given.child)
        return None

    async def _outcome(self, child: str) -> ToolResult:
        while isinstance(end := await self._worker(child), Busy):
            self._workers.pop(child, None)
            await asyncio.sleep(_LOOK)
        task = await self._look(child)
        if task.open:
            self._workers.pop(child, None)  # it can be gone on with
        return report(task, end if isinstance(end, OrchestratorError) else None, self._engine.folder.home(task).name)

    async def _look(self, task_id: str) -> Task:
        return (await asyncio.to_thread(self._engine.refresh, task_id)).task

    def _depth(self, task: Task) -> int:
        depth = 1
        while task.parent is not None:
            task, depth = self._engine.refresh(task.parent).task, depth + 1
        return depth

    def _worker(self, task_id: str) -> asyncio.Task[End]:
        """The worker of a task, one however many wait for it."""
        if task_id not in self._workers:
            self._workers[task_id] = asyncio.ensure_future(self._one(task_id))
        return self._workers[task_id]

    async def _one(self, task_id: str) -> End:
        assert self._model is not None
        try:
            task = await self._look(task_id)
            if not task.open:
                return task if task.archived else await asyncio.to_thread(self._engine.archive, task_id)
            agent = self._library.find(task.agent)
            worker = Worker(self._engine, agent, self._model, task_id, self._setting, self)
            return await worker.run()
        except OrchestratorError as error:
            return error
