"""A tree of tasks at work: starts tasks, and runs their workers side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from orchestrator.definitions import Library
from orchestrator.engine import Engine
from orchestrator.errors import OrchestratorError
from orchestrator.events import Limits, LimitsChanged, Mode, TaskCreated
from orchestrator.masking import Mask
from orchestrator.models import Model
from orchestrator.task import Task
from orchestrator.worker import Setting, Worker

End = Task | OrchestratorError
"""How a worker ended: with the archived task, or why there is none."""


class Team:
    """The workers of one run. `model` is asked for once the first worker starts."""

    def __init__(self, engine: Engine, library: Library, model: Callable[[], Model], setting: Setting) -> None:
        self._engine = engine
        self._library = library
        self._model = model
        self._setting = setting

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
        created = TaskCreated(
            agent=definition.name,
            description=Mask.from_environment(self._setting.environment).text(description),
            mode=mode or definition.mode or "full",
            model=model or definition.model,
            limits=limits or Limits(),
            verify=(*definition.verify, *verify),
            output_schema=definition.output_schema,
        )
        return self._engine.create(created)

    def allow(self, task_id: str, limits: Limits) -> Task:
        """Other limits for a task that stopped at its own."""
        return self._engine.commit(task_id, [LimitsChanged(limits=limits)], actor="user")

    async def work(
        self, *task_ids: str, ended: Callable[[str, End], None] = lambda task_id, end: None
    ) -> dict[str, End]:
        """Run the tasks' workers side by side, to their ends; `ended` is told of each as it comes."""
        model = self._model()

        async def one(task_id: str) -> End:
            end = await self._one(model, task_id)
            ended(task_id, end)
            return end

        try:
            ends = await asyncio.gather(*map(one, task_ids))
        finally:
            await model.close()
        return dict(zip(task_ids, ends, strict=True))

    async def _one(self, model: Model, task_id: str) -> End:
        try:
            task = (await asyncio.to_thread(self._engine.refresh, task_id)).task
            if not task.open:
                return await asyncio.to_thread(self._engine.archive, task_id)
            agent = self._library.find(task.agent)
            worker = Worker(self._engine, agent, model, task_id, self._setting)
            return await worker.run()
        except OrchestratorError as error:
            return error
