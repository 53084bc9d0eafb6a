"""stop: end the work on tasks, and on all they gave away; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import click

from orchestrator import overview
from orchestrator.cli import screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.errors import UsageError

REASON = "stopped by a person"


@click.command(epilog="JSON: {tasks: [{task, worker}]}: those that were stopped, and who ends.")
@click.argument("task_ids", metavar="[ID]...", nargs=-1, type=TaskId(archived=False))
@click.option("--all", "everything", is_flag=True, help="Every open task.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_ids: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Stop tasks, and those they gave away.

    A worker ends at once, in whatever process it is: it waits for no reply, and the command it runs is killed.
    `resume` goes on with them.
    """
    from orchestrator.events import TaskStopped

    if bool(task_ids) == everything:
        raise UsageError("which tasks? Name them, or give --all")
    rows = {row.id: row for row in overview.read(project.temp) if row.open}
    stopped = []
    with project.engine() as engine:
        wanted = [project.known(engine, task_id) for task_id in task_ids] if task_ids else list(rows)
        for task_id in dict.fromkeys(below for top in wanted for below in _tree(top, rows)):
            task = engine.refresh(task_id).task
            if task.open and task.reason != REASON:
                engine.commit(task_id, [TaskStopped(reason=REASON)], actor="user")
                stopped.append({"task": task_id, "worker": engine.at_work(task_id)})
    if as_json:
        screen.print_json({"tasks": stopped})
        return
    for row in stopped:
        ends = f": {screen.who(row['worker'])} ends" if row["worker"] else ""
        click.echo(f"{row['task']} is stopped{ends}")
    if not stopped:
        click.echo("nothing was at work")


def _tree(task_id: str, rows: dict[str, overview.Row]) -> Iterator[str]:
    """The task after those below it: what they were told is not done once more meanwhile."""
    for row in rows.values():
        if row.text("parentTask") == task_id:
            yield from _tree(row.id, rows)
    yield task_id
