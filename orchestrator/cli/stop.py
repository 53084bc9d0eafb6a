"""stop: end the work on tasks, and on all they gave away; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from orchestrator import overview, tree
from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, others_go_on, pass_project
from orchestrator.errors import OrchestratorError, Refused, UsageError

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.task import Task

REASON = "stopped by a person"


class Concerned(NamedTuple):
    """`commands`: the folders of those that run, and no worker ends."""

    task: Task
    worker: str | None
    commands: tuple[Path, ...]

    @property
    def going(self) -> bool:
        """True when somebody works on it, or will; or did, and left a command."""
        status = self.task.status
        return bool(self.worker) or status == "pending" or (status == "in-progress" and bool(self.commands))

    @property
    def stoppable(self) -> bool:
        return self.task.open and self.task.reason != REASON


@click.command(epilog="JSON: {tasks: [{task, worker, command}]}: those that were stopped, and what ends.")
@click.argument("task_ids", metavar="[ID]...", nargs=-1, type=TaskId(archived=False))
@click.option("--all", "everything", is_flag=True, help="Every open task.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_ids: tuple[str, ...], everything: bool, as_json: bool) -> int:
    """Stop tasks, and those they gave away.

    A worker ends at once, in whatever process it is: it waits for no reply, and the command it runs is killed. So is
    one that outlived its worker. `resume` goes on with them. What nobody works on is left as it is, unless it is still
    to be begun.
    """
    if bool(task_ids) == everything:
        raise UsageError("which tasks? Name them, or give --all")
    rows = (row for row in overview.read(project.temp) if row.kept and (row.open or row.id in task_ids))
    branches = list(tree.grow(rows))
    stopped: list[Concerned] = []
    unread: list[OrchestratorError] = []
    with project.engine() as engine:
        wanted = [project.known(engine, task_id) for task_id in task_ids] if task_ids else [row.id for row in branches]
        tasks = [row.id for row in tree.under(branches, wanted) if row.task]
        for row in _concerned(engine, tasks, unread):
            with others_go_on(unread), suppress(Refused):  # it has just come to an end by itself
                stopped.append(_stopped(engine, row))
    if as_json:
        told = [{"task": row.task.id, "worker": row.worker, "command": bool(row.commands)} for row in stopped]
        screen.print_json({"tasks": told})
        return max((error.exit_code for error in unread), default=0)
    for row in stopped:
        ends = [*(["its command"] if row.commands else []), *([screen.who(row.worker)] if row.worker else [])]
        who = f": {', then '.join(ends)} ends" if ends else ""
        click.echo(f"{row.task.id} is {outcome.status(row.task, at_work=True)}{who}")
    if not stopped and not unread:
        click.echo("nothing was at work")
    return max((error.exit_code for error in unread), default=0)


def _stopped(engine: Engine, row: Concerned) -> Concerned:
    """Once that is recorded, its commands end: who takes one up meanwhile ends, too. Raises Refused."""
    from orchestrator import process
    from orchestrator.events import TaskStopped

    task = row.task
    if row.stoppable and (row.going or not row.commands):
        task = engine.commit(task.id, [TaskStopped(reason=REASON)], actor="user")
    for folder in row.commands:
        process.end(folder)
    return row._replace(task=task)


def _concerned(engine: Engine, task_ids: Iterable[str], unread: list[OrchestratorError]) -> list[Concerned]:
    """Those that somebody works on, or will, or that wait for such a one, or whose command runs.

    In the same order, each before those below it: what becomes of them is not to be told to its model any more.
    """
    found: list[Concerned] = []
    for task_id in task_ids:
        with others_go_on(unread):
            task = engine.refresh(task_id).task
            worker = engine.at_work(task_id)
            # the worker of an open task ends its own; that of a cancelled one waits for it
            commands = () if worker and task.open else engine.folder.running(task_id)
            found.append(Concerned(task, worker, commands))
    ends: set[str] = set()
    for row in reversed(found):
        waits = not ends.isdisjoint(child.id for child in row.task.children)
        if row.stoppable and (row.going or waits):
            ends.add(row.task.id)
    return [row for row in found if row.task.id in ends or row.commands]
