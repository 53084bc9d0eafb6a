"""fork: a new task goes on from what another one was."""

from __future__ import annotations

import click

from orchestrator.cli import documents, outcome, screen
from orchestrator.cli.moment import Moment
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.errors import Damaged


@click.command(epilog="JSON: {task, forked: {task, revision}, documents}.")
@click.argument("task_id", metavar="ID", type=TaskId())
@click.option("--at", type=Moment(), help="From that revision, r5, or that time; else from now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, at: int | str | None, as_json: bool) -> None:
    """Start a new task from what a task was.

    With its documents, evidence and history up to there; its conversation begins anew from them, and nothing is spent
    yet. Files of the workspace stay as they are. The two tasks refer to each other.
    """
    with project.engine() as engine:
        try:
            now = documents.bring_up(project, engine, task_id).task.revision
        except Damaged:
            if at is None:
                raise
        revision = now if at is None else project.revisions(task_id).at(at).revision
        task = engine.fork(task_id, revision)
    paths = [project.relative(path) for path in outcome.documents(project, task)]
    if as_json:
        forked = {"task": task_id, "revision": revision}
        screen.print_json({"task": task.id, "forked": forked, "documents": paths})
        return
    click.echo(f"{task.id} is forked from {task_id} at r{revision}:")
    for path in paths:
        click.echo(f"  {screen.line(path)}")
    click.echo(screen.dim(f"go on with: {project.resume(task.id)}"))
