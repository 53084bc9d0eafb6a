"""stop: end the work on tasks, and on all they gave away; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from orchestrator import overview, tree
from orchestrator.cli import screen
from orchestrator.cli.project import Project, TaskId, others_go_on, pass_project
from orchestrator.errors import OrchestratorError, Refused, UsageError

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.task import Task

REASON = "stopped by a person"


@click.command(epilog="JSON: {tasks: [{task, worker}]}: those that were stopped, and who ends.")
@click.argument("task_ids", metavar="[ID]...", nargs=-1, type=TaskId(archived=False))
@click.option("--all", "everything", is_flag=True, help="Every open task.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_ids: tuple[str, ...], everything: bool, as_json: bool) -> int:
    """Stop tasks, and those they gave away.

    A worker ends at once, in whatever process it is: it waits for no reply, and the command it runs is killed.
    `resume` goes on with them. What nobody works on is left as it is, unless it is still to be begun.
    """
    from orchestrator.events import TaskStopped

    if bool(task_ids) == everything:
        raise UsageError("which tasks? Name them, or give --all")
    branches = list(tree.grow(row for row in overview.read(project.temp) if row.open and row.kept))
    stopped: list[dict[str, str | None]] = []
    unread: list[OrchestratorError] = []
    with project.engine() as engine:
        wanted = [project.known(engine, task_id) for task_id in task_ids] if task_ids else [row.id for row in branches]
        tasks = [row.id for row in tree.under(branches, wanted) if row.task]
        for task, worker in _concerned(engine, tasks, unread):
            with others_go_on(unread), suppress(Refused):  # it has just come to an end by itself
                engine.commit(task.id, [TaskStopped(reason=REASON)], actor="user")
                stopped.append({"task": task.id, "worker": worker})
    if as_json:
        screen.print_json({"tasks": stopped})
        return max((error.exit_code for error in unread), default=0)
    for row in stopped:
        ends = f": {screen.who(row['worker'])} ends" if row["worker"] else ""
        click.echo(f"{row['task']} is stopped{ends}")
    if not stopped and not unread:
        click.echo("nothing was at work")
    return max((error.exit_code for error in unread), default=0)


def _concerned(
    engine: Engine, task_ids: Iterable[str], unread: list[OrchestratorError]
) -> list[tuple[Task, str | None]]:
    """Those that somebody works on, or will, or that wait for such a one; and who works on them.

    In the same order, each before those below it: what becomes of them is not to be told to its model any more.
    """
    found: list[tuple[Task, str | None]] = []
    for task_id in task_ids:
        with others_go_on(unread):
            task = engine.refresh(task_id).task
            if task.open and task.reason != REASON:
                found.append((task, engine.at_work(task_id)))
    ends: set[str] = set()
    for task, worker in reversed(found):
        if worker or task.status == "pending" or ends.intersection(child.id for child in task.children):
            ends.add(task.id)
    return [row for row in found if row[0].id in ends]
