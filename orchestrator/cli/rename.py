"""rename: a task gets another id."""

from __future__ import annotations

from contextlib import suppress

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, pass_project


@click.command(epilog="JSON: {task, previous, documents}.")
@click.argument("task_id", metavar="ID", type=TaskId())
@click.argument("to", metavar="[NEW]", required=False, type=TaskId())
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, to: str | None, as_json: bool) -> None:
    """Give a task another id, drawn when NEW is not given.

    Its documents, the files beside them, its journal and what other tasks say of it follow. Not while somebody works on
    it.
    """
    with project.engine() as engine:
        task = engine.rename(project.known(engine, task_id), to)
        with suppress(FileNotFoundError):
            engine.folder.disk.move(engine.folder.log(task_id), engine.folder.log(task.id))
    paths = [project.relative(path) for path in outcome.documents(project, task)]
    if as_json:
        screen.print_json({"task": task.id, "previous": task_id, "documents": paths})
        return
    click.echo(f"{task_id} is called {task.id} now:")
    for path in paths:
        click.echo(f"  {screen.line(path)}")
