"""Signs of life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from orchestrator import accounts
from orchestrator.engine import Engine, Lease
from orchestrator.errors import OrchestratorError
from orchestrator.events import Commit, TaskContinued, TaskStopped
from orchestrator.task import Task
from orchestrator.tools.tool import Tool
from orchestrator.worker.moment import Moment

BEAT = 10.0
"""Seconds between two; a lease without one for a minute may be taken over."""
LOOK = 0.5
"""Seconds between two looks whether a person wants it to stop, or to go on."""


def doing(engine: Engine, task: Task, tools: Mapping[str, Tool]) -> str | None:
    """What the last worker of the task was doing; None where it waited for other tasks, whose own workers tell."""
    if not task.pending:
        return "asking the model"
    if any(row.tool in tools and tools[row.tool].waits for row in task.pending) and _waited(engine, task):
        return None
    return ", ".join(f"{row.tool} {row.command or row.path or ''}".rstrip() for row in task.pending)


def _waited(engine: Engine, task: Task) -> bool:
    """True when a task that it gave away is begun and open: calls run in turn, so no other one was just running."""
    for child in task.children:
        with suppress(OrchestratorError):  # not begun, or not to be read
            if child.open and engine.refresh(child.id).task.open:
                return True
    return False


async def beat(lease: Lease) -> None:
    """Show that this process lives, however long a reply or a command takes."""
    while True:
        lease.beat()
        await asyncio.sleep(BEAT)


async def pause(engine: Engine, task: Task, report: Callable[[Moment], None]) -> Task:
    """Wait while a person has paused the open task, or one above it. The task as it is then."""
    told: str | None = None
    while task.open and (by := await asyncio.to_thread(pauses, engine, task)):
        if by != told:
            report(Moment(task, "paused", "by a person" if by == task.id else f"by a person, with {by}"))
            told = by
        await asyncio.sleep(LOOK)
        task = (await asyncio.to_thread(engine.refresh, task.id)).task
    if task.open and told not in (None, task.id):
        return await asyncio.to_thread(lambda: engine.commit(task.id, [TaskContinued()], actor="engine"))
    return task


def pauses(engine: Engine, task: Task) -> str | None:
    """The id of the task, this one or one above it, that a person has paused."""
    return next((row.id for row in [task, *reversed(accounts.above(engine, task))] if row.open and row.paused), None)


def is_stopped(commits: Iterable[Commit]) -> bool:
    """True when a person has stopped the task with one of these; a limit or a model that does not answer is nobody."""
    by_people = (event for commit in commits if commit.actor == "user" for event in commit.events)
    return any(isinstance(event, TaskStopped) for event in by_people)


class Heeded(Exception):
    """A person has stopped the task."""


@asynccontextmanager
async def heeded(engine: Engine, task_id: str, since: int) -> AsyncIterator[None]:
    """Raises Heeded, whatever is being done here, when a person stops the task after that revision.

    What comes after is not interrupted: how the work ended is recorded then.
    """
    heeding = asyncio.create_task(_heed(engine, task_id, since, asyncio.current_task()))
    try:
        yield
    except asyncio.CancelledError:
        if not heeding.done() or heeding.exception() is not None:
            raise
        raise Heeded from None
    finally:
        heeding.cancel()


async def _heed(engine: Engine, task_id: str, since: int, worker: asyncio.Task[Any] | None) -> None:
    """Cancel the worker when a person stops the task."""
    while True:
        commits = await asyncio.to_thread(engine.since, task_id, since)
        if is_stopped(commits):
            assert worker is not None
            worker.cancel()
            return
        since = commits[-1].revision if commits else since
        await asyncio.sleep(LOOK)
