"""wait: until tasks are done, or can get no further."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from orchestrator import overview
from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, others_go_on, pass_project
from orchestrator.errors import (
    Interrupted,
    LimitReached,
    ModelError,
    OrchestratorError,
    TaskIsBlocked,
    TaskIsCancelled,
    UsageError,
)

if TYPE_CHECKING:
    from orchestrator.task import Task

PAUSE = 0.2
"""Seconds between two looks."""
_CODES = {
    "cancelled": TaskIsCancelled.exit_code,
    "blocked": TaskIsBlocked.exit_code,
    "stopped": Interrupted.exit_code,
    "paused": Interrupted.exit_code,
    "interrupted": OrchestratorError.exit_code,
}


@click.command(epilog="JSON: {tasks: [{task, agent, status}]}.")
@click.argument("task_ids", metavar="[ID]...", nargs=-1, type=TaskId())
@click.option("--all", "everything", is_flag=True, help="Every task that is open now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_ids: tuple[str, ...], everything: bool, as_json: bool) -> int:
    """Wait until tasks are done, or nobody works on them any more.

    The exit code is that of `run`: 0 when all are completed, 3 blocked, 4 stopped by a limit, 5 cancelled, 1 when a
    worker died, or its model did not answer, and 130 when it is a person who has stopped or paused it, or reopened it
    and not gone on.
    """
    if bool(task_ids) == everything:
        raise UsageError("which tasks? Name them, or give --all")
    with project.engine() as engine:
        left = [project.known(engine, task_id) for task_id in task_ids]
        left = left or [row.id for row in overview.read(project.temp) if row.open and row.kept]
        ended: list[dict[str, str]] = []
        codes: list[int] = []
        unread: list[OrchestratorError] = []
        while left:
            for task_id in list(left):
                left.remove(task_id)
                with others_go_on(unread):
                    task = engine.refresh(task_id).task
                    if engine.at_work(task_id) and not task.archived:
                        left.append(task_id)
                    else:
                        ended.append(row := _end(task, as_json=as_json))
                        codes.append(_code(task, row["status"]))
            if left:
                time.sleep(PAUSE)
    if as_json:
        screen.print_json({"tasks": ended})
    return max((*codes, *(error.exit_code for error in unread)), default=0)


def _code(task: Task, status: str) -> int:
    if status == "stopped" and task.unanswered:
        return ModelError.exit_code
    return LimitReached.exit_code if status == "stopped" and task.limited else _CODES.get(status, 0)


def _end(task: Task, *, as_json: bool) -> dict[str, str]:
    stands = task.ended or outcome.status(task, at_work=False)
    status = "interrupted" if stands == "pending" else stands
    if not as_json:
        click.echo(f"{task.id}  {screen.line(task.agent)} is {status}")
    return {"task": task.id, "agent": task.agent, "status": status}
