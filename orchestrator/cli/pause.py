"""pause: have workers wait before their next turn."""

from __future__ import annotations

import click

from orchestrator import overview
from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, others_go_on, pass_project
from orchestrator.errors import OrchestratorError, Refused, UsageError


@click.command(epilog="JSON: {tasks: [{task, worker}]}: those that are paused now and were not, and who waits.")
@click.argument("task_ids", metavar="[ID]...", nargs=-1, type=TaskId(archived=False))
@click.option("--all", "everything", is_flag=True, help="Every open task.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_ids: tuple[str, ...], everything: bool, as_json: bool) -> int:
    """Pause tasks, and those they gave away.

    A worker, in whatever process, does what it is doing to its end, and waits before its next turn. `continue` with the
    id has it go on. Where nobody works on a task, `resume --all` does not begin it.
    """
    from orchestrator.events import TaskPaused

    if bool(task_ids) == everything:
        raise UsageError("which tasks? Name them, or give --all")
    paused: list[dict[str, str | None]] = []
    unread: list[OrchestratorError] = []
    with project.engine() as engine:
        for task_id in [project.known(engine, task_id) for task_id in dict.fromkeys(task_ids)] or _topmost(project):
            with others_go_on(unread):
                task = engine.refresh(task_id).task
                if not task.open:
                    raise Refused("pause", outcome.closed(task, "nobody works on it any more"))
                if not task.paused:
                    engine.commit(task_id, [TaskPaused()], actor="user")
                    paused.append({"task": task_id, "worker": engine.at_work(task_id)})
    code = max((error.exit_code for error in unread), default=0)
    if as_json:
        screen.print_json({"tasks": paused})
        return code
    for row in paused:
        waits = f": {screen.who(row['worker'])} waits before its next turn" if row["worker"] else ""
        click.echo(f"{row['task']} is paused{waits}")
    if not paused and not unread:
        click.echo("nothing is left to be paused")
    return code


def _topmost(project: Project) -> list[str]:
    """The open tasks that no open task gave away: to pause them is to pause all."""
    rows = {row.id: row for row in overview.read(project.temp) if row.open and row.kept}
    return [row.id for row in rows.values() if row.parent not in rows]
