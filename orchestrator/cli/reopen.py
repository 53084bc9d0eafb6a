"""reopen: a closed task is open again."""

from __future__ import annotations

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.errors import Refused


@click.command(epilog="JSON: {task, status, worker, documents}.")
@click.argument("task_id", metavar="ID", type=TaskId())
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, as_json: bool) -> None:
    """Open a completed, cancelled or archived task again.

    Its documents come back from .temp/completed/, without the completion summary: a later one is written anew. The
    task is stopped; `resume` goes on with it, and `continue` gives it more to do.
    """
    with project.engine() as engine:
        task = engine.refresh(project.known(engine, task_id)).task
        if task.open:
            holder = engine.at_work(task_id)
            stands = outcome.status(task, at_work=holder is not None)
            at_it = f"{screen.who(holder or '')} is at work on it: {project.typed('log', task_id, '--follow')}"
            then = at_it if holder else project.resume(task_id)
            raise Refused("reopen", f"task {task_id} is {stands}, so it is open: {then}")
        task = engine.reopen(task_id)
        holder = engine.at_work(task_id)
    paths = [project.relative(path) for path in outcome.documents(project, task)]
    if as_json:
        screen.print_json({"task": task.id, "status": task.status, "worker": holder, "documents": paths})
        return
    click.echo(f"{task.id} is open again:")
    for path in paths:
        click.echo(f"  {screen.line(path)}")
    if holder:
        click.echo(outcome.ending(project, task, holder))
    click.echo(screen.dim(f"go on with: {project.resume(task.id, *outcome.higher_limits(task, task.needed))}"))
