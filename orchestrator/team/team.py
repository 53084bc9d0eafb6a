"""A tree of tasks at work: starts tasks, and runs their workers side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from orchestrator import accounts
from orchestrator.definitions import Agent, Library
from orchestrator.engine import Engine
from orchestrator.errors import Unanswered
from orchestrator.events import Delegated, Intent, Limits, Mode, TaskCreated
from orchestrator.isolation import Isolation
from orchestrator.masking import Mask
from orchestrator.models import Model
from orchestrator.questions import unanswered
from orchestrator.settings import Caps
from orchestrator.task import Task
from orchestrator.team.delegation import Delegations
from orchestrator.team.places import Places
from orchestrator.team.plan import Plan
from orchestrator.team.workers import End, Workers
from orchestrator.team.written import MARK, Written, agent, is_written, opening
from orchestrator.tools.tool import Assignment
from orchestrator.worker import Setting, Worker


class Team:
    """The workers of one run. `model` is asked for once the first worker starts.

    Whoever waits for a task, a person or the task that gave it away, waits for the same worker.
    """

    def __init__(
        self,
        engine: Engine,
        library: Library,
        model: Callable[[], Model],
        setting: Setting,
        caps: Caps = Caps(),  # noqa: B008 - it is frozen
    ) -> None:
        self._engine = engine
        self._library = library
        self._model_of = model
        self._model: Model | None = None
        self._setting = setting
        self._isolation = Isolation(engine, setting.workspace)
        places = Places(caps.workers)
        self._workers = Workers(engine, places, setting.permit, self._hire, self._isolation.leave)
        self._delegations = Delegations(engine, library, setting, caps, places, self._workers, self._child)

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

    def start_written(
        self, plan: Plan, *, limits: Limits | None = None, verify: tuple[str, ...] = (), isolate: bool = False
    ) -> Task:
        """A new task that gives away what stands in a plan: all of it, or nothing was created."""
        created = TaskCreated(
            agent=f"{MARK}{plan.name}",
            description=plan.goal,
            mode="lightweight",
            limits=limits or Limits(),
            verify=verify,
            isolate=isolate,
        )
        intents = []
        for name, given in plan.tasks.items():
            delegated = Delegated(
                child=self._engine.free_id(),
                agent=given["agent"],
                description=given["task"].strip().splitlines()[0][:100],
                workstream=name,
                after=tuple(given.get("after", ())),
                verify=plan.verify.get(name, ()),
            )
            intents.append(Intent(call=f"call-{name}", tool="Delegate", delegated=delegated))
        return self._engine.create(created, *opening(plan, intents))

    def allow(self, task_id: str, limits: Limits) -> Task:
        """Other limits for a task that stopped at its own."""
        return accounts.allow(self._engine, task_id, limits)

    async def work(
        self, *task_ids: str, ended: Callable[[str, End], None] = lambda task_id, end: None
    ) -> dict[str, End]:
        """Run the tasks' workers side by side, to their ends; `ended` is told of each as it comes."""
        self._model = model = self._model_of()

        async def one(task_id: str) -> End:
            end = await self._workers.end(task_id)
            while isinstance(end, Unanswered) and not unanswered(await self._workers.look(end.task)):
                end = await self._workers.end(task_id)  # it was answered while others were still at work
            ended(task_id, end)
            return end

        try:
            ends = await asyncio.gather(*map(one, task_ids))
            await self._workers.all_ended()
        finally:
            await self._workers.close()
            await model.close()
        return dict(zip(task_ids, ends, strict=True))

    # -- how it is done ------------------------------------------------------

    def _created(self, definition: Agent, description: str, limits: Limits) -> TaskCreated:
        """What is said of this task goes before what is set for the agent, and that before what its definition says."""
        set_for_it = self._setting.limits.get(definition.name, {})
        return TaskCreated(
            agent=definition.name,
            description=Mask.from_environment(self._setting.environment).text(description),
            mode=definition.mode or "full",
            model=definition.model,
            limits=Limits(**{**definition.limits, **set_for_it, **limits.model_dump(exclude_none=True)}),
            verify=definition.verify,
            output_schema=definition.output_schema,
        )

    def _child(self, task: Task, given: Assignment) -> TaskCreated:
        created = self._created(self._library.find(given.agent), given.description, given.limits)
        before_landing = task.verify if task.isolate else ()
        changes: dict[str, object] = {
            "parent": task.id,
            "isolate": task.isolate,
            "model": given.model or created.model,
            "verify": tuple(dict.fromkeys((*created.verify, *given.verify, *before_landing))),
        }
        if given.output_schema is not None:
            changes["output_schema"] = given.output_schema
        return created.model_copy(update=changes)

    def _hire(self, task: Task) -> Worker:
        """A worker where the task works."""
        assert self._model is not None
        written = is_written(task)
        definition = agent(task) if written else self._library.find(task.agent)
        model = Written(self._engine, task) if written else self._model
        worktree = self._isolation.worktree(task)
        setting = self._setting if worktree is None else self._setting.at(worktree)
        return Worker(self._engine, definition, model, task.id, setting, self._delegations)
