"""archive: move a closed task's documents to `completed/`."""

from __future__ import annotations

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.errors import Refused


@click.command(epilog="JSON: {task, status, documents}.")
@click.argument("task_id", metavar="ID", type=TaskId(archived=False))
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, as_json: bool) -> None:
    """Archive a completed or cancelled task.

    When it is not completed, what is missing is said.
    """
    with project.engine() as engine:
        from orchestrator.completion import missing

        task = engine.refresh(project.known(engine, task_id)).task
        if task.open:
            lacking = "; ".join(missing(task)) or f"its agent has not called Finish: {project.resume(task_id)}"
            stands = outcome.status(task, at_work=engine.at_work(task_id) is not None)
            raise Refused("archive", f"task {task_id} is {stands}, not completed: {lacking}")
        task = engine.archive(task_id)
    paths = [project.relative(path) for path in outcome.documents(project, task)]
    if as_json:
        screen.print_json({"task": task.id, "status": outcome.status(task, at_work=False), "documents": paths})
        return
    click.echo(f"{task.id} is archived:")
    for path in paths:
        click.echo(f"  {screen.line(path)}")
