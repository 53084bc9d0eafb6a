"""How work ends before its task is done: recorded, shown, and raised."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

from orchestrator.errors import (
    Interrupted,
    LimitReached,
    OrchestratorError,
    TaskIsBlocked,
    TaskIsCancelled,
    Unanswered,
)
from orchestrator.events import TaskBlocked, TaskStopped
from orchestrator.questions import asking
from orchestrator.task import LIMIT, MODEL, Task
from orchestrator.usage import Limits
from orchestrator.worker.moment import Moment


class Ends:
    """Those of one worker. `commit` records events of its task, `report` shows what is recorded."""

    def __init__(self, task_id: str, commit: Callable[..., Awaitable[Task]], report: Callable[[Moment], None]) -> None:
        self._id = task_id
        self._commit = commit
        self._report = report

    async def block(self, reason: str) -> NoReturn:
        """The agent cannot go on."""
        self._show(await self._commit(TaskBlocked(reason=reason)), reason)
        raise TaskIsBlocked(f"task {self._id} is blocked: {reason}")

    async def stop(self, reason: str, whose: str, needed: Limits | None) -> NoReturn:
        """A limit is reached, of this task or of one above it."""
        above = None if whose == self._id else whose
        stopped = TaskStopped(reason=f"{LIMIT}{reason}", limited_by=above, needed=needed)
        self._show(await self._commit(stopped), reason)
        limit = f"the limit of {above}" if above else "its limit"
        raise LimitReached(f"task {self._id} stopped by {limit}: {reason}", whose, reason, needed)

    async def park(self, ended: LimitReached | Unanswered) -> None:
        """A call ended with what keeps the task from going on; the caller raises it."""
        if isinstance(ended, LimitReached):
            await self.stop(ended.reason, ended.task, ended.needed)
        reason = str(ended) if ended.task != self._id else asking(ended.question)
        self._show(await self._commit(TaskBlocked(reason=reason)), reason)

    async def fail(self, reason: str) -> None:
        """The model does not answer; the caller raises it."""
        with suppress(OrchestratorError):  # that it cannot be recorded is not what ended it
            self._show(await self._commit(TaskStopped(reason=f"{MODEL}{reason}")), reason)

    def stopped(self, task: Task) -> Interrupted:
        """A person stopped it, which is recorded."""
        self._show(task, "by a person")
        return Interrupted(f"task {task.id} was stopped by a person")

    def cancelled(self, task: Task) -> TaskIsCancelled:
        """A person cancelled it, which is recorded."""
        self._show(task, "cancelled")
        why = f": {task.reason}" if task.reason else ""
        return TaskIsCancelled(f"task {task.id} was cancelled{why}; `orchestrator reopen {task.id}` opens it again")

    def _show(self, task: Task, reason: str) -> None:
        self._report(Moment(task, "stopped", reason))
