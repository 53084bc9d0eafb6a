"""The workers of a run: one a task, begun in its turn; a parent follows how its children stand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from orchestrator.engine import Engine
from orchestrator.errors import Interrupted, OrchestratorError, Refused, TaskIsBlocked, UnknownTask
from orchestrator.events import ChildObserved
from orchestrator.report import seen
from orchestrator.task import Task
from orchestrator.team.places import Places
from orchestrator.worker import Worker
from orchestrator.worker.pulse import is_stopped

End = Task | OrchestratorError
"""How a worker ended: with the archived task, or why there is none."""
LOOK = 1.0
"""Seconds between looks at what other processes do."""


class Workers:
    """`permit(task, command)` says whether a child may be verified by a command that its own definition brings.

    `hire` makes a worker, and `leave` clears up where it worked; both block.
    """

    def __init__(
        self,
        engine: Engine,
        places: Places,
        permit: Callable[[Task, str], Awaitable[bool]],
        hire: Callable[[Task], Worker],
        leave: Callable[[Task], object],
    ) -> None:
        self._engine = engine
        self._places = places
        self._permit = permit
        self._hire = hire
        self._leave = leave
        self._workers: dict[str, asyncio.Task[End]] = {}

    def of(self, task_id: str, creation: Awaitable[None] | None = None) -> asyncio.Task[End]:
        """The worker of a task, one however many wait for it; it begins once the task is created."""
        if task_id not in self._workers:
            self._workers[task_id] = asyncio.ensure_future(self._one(task_id, creation))
        return self._workers[task_id]

    def alive(self, task_id: str) -> bool:
        """True when this run has a worker for it."""
        return task_id in self._workers and not self._workers[task_id].done()

    async def end(self, task_id: str) -> End:
        """How its worker ends."""
        worker = self.of(task_id)
        await asyncio.wait([worker])
        end = worker.result()
        if isinstance(end, OrchestratorError) and self._workers.get(task_id) is worker:
            del self._workers[task_id]  # it can be gone on with
        return end

    def forget(self, task_id: str) -> None:
        """Its worker has ended, and another is to begin."""
        if not self.alive(task_id):
            self._workers.pop(task_id, None)

    async def all_ended(self) -> None:
        """Return once nobody is at work."""
        while begun := [worker for worker in self._workers.values() if not worker.done()]:
            await asyncio.wait(begun)

    async def close(self) -> None:
        """End those that are at work, where they are."""
        for worker in (workers := list(self._workers.values())):
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self._workers.clear()  # they are of this event loop, and the next call may have another

    async def look(self, task_id: str) -> Task:
        return (await asyncio.to_thread(self._engine.refresh, task_id)).task

    async def _one(self, task_id: str, creation: Awaitable[None] | None) -> End:
        try:
            if creation is not None:
                await creation
            before = await self.look(task_id)
            await self._wait_its_turn(before)
            async with self._places.taken(task_id):
                task = await self.look(task_id)
                since = await asyncio.to_thread(self._engine.since, task_id, before.revision)
                if task.status == "stopped" and is_stopped(since):
                    raise Interrupted(f"task {task_id} was stopped by a person")
                if task.open:
                    task = await self._run(task)
                elif not task.archived:
                    task = await asyncio.to_thread(self._engine.archive, task_id)
                await asyncio.to_thread(self._leave, task)
                return task
        except OrchestratorError as error:
            return error

    async def _run(self, task: Task) -> Task:
        """Its worker's work; the parent sees it begin and end."""
        worker = await asyncio.to_thread(self._hire, task)
        await self._tell_parent(seen(task).model_copy(update={"status": "in-progress"}), task.parent)
        try:
            return await worker.run()
        finally:
            await self._tell_parent(seen(await self.look(task.id)), task.parent)

    async def _wait_its_turn(self, task: Task) -> None:
        """Return once a task that nobody has begun may begin; raises TaskIsBlocked when it may not."""
        if task.parent is None or task.epoch or not task.open:
            return
        parent = await self.look(task.parent)
        row = next((row for row in parent.children if row.id == task.id), None)
        for earlier in row.after if row else ():
            stands = await self._stands(earlier)
            if stands != "completed":
                raise TaskIsBlocked(f"task {task.id} was not begun: {earlier}, which it comes after, is {stands}")
        declared = {*parent.verify, *(row.verify if row else ())}  # by a person, or permitted before this one was given
        for command in task.verify:
            if command not in declared and not await self._permit(task, command):
                raise TaskIsBlocked(f"task {task.id} was not begun: `{command}`, its verification, is not permitted")

    async def _stands(self, task_id: str) -> str:
        """How a task stands once nobody works on it any more."""
        while True:
            if task_id in self._workers:
                await asyncio.wait([self._workers[task_id]])
            try:
                task = await self.look(task_id)
            except UnknownTask:
                return "not there"
            if not task.open or not await asyncio.to_thread(self._engine.at_work, task_id):
                return task.ended or task.status
            await asyncio.sleep(LOOK)

    async def _tell_parent(self, observed: ChildObserved, parent: str | None) -> None:
        """Have the parent's workstream follow; a parent that is closed, or gone, follows nothing."""
        if parent is None:
            return
        with suppress(UnknownTask, Refused):
            rows = (await self.look(parent)).children
            if any(row.id == observed.child and row.status != observed.status for row in rows):
                await asyncio.to_thread(self._engine.commit, parent, [observed], actor="engine")
