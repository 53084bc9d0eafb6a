"""cancel: close a task that will not be finished."""

from __future__ import annotations

import click

from orchestrator.cli import apart, outcome, screen
from orchestrator.cli.project import Project, TaskId, others_go_on, pass_project
from orchestrator.cli.words import Words
from orchestrator.errors import Refused


@click.command(
    epilog="JSON: {task, status, worker, command, documents, open, worktree}; open: those below it that stay so."
)
@click.argument("task_id", metavar="ID", type=TaskId(archived=False))
@click.argument("reason", type=Words(), default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, reason: str, as_json: bool) -> None:
    """Close a task that will not be finished, and archive it.

    A worker that is at it ends after its current call, with exit code 5, and archives it. A command that outlived its
    worker is killed. `reopen` takes it back.
    """
    from orchestrator import accounts, process

    with project.engine() as engine:
        task = engine.refresh(project.known(engine, task_id)).task
        if task.ended == "completed":
            raise Refused("cancel", outcome.closed(task, "there is nothing left to cancel"))
        before = task.ended
        if task.open:
            task = engine.cancel(task_id, reason.strip())
        holder = engine.at_work(task_id)
        commands = () if holder else engine.folder.running(task_id)
        for folder in commands:
            process.end(folder)
        if not task.archived and not holder:
            accounts.release(engine, task)
            task = engine.archive(task_id)
        left: list[str] = []
        with others_go_on([]):
            left.extend(row.id for row in accounts.below(engine, task) if row.open)
    where = apart.place(project, task)
    paths = [project.relative(path) for path in outcome.documents(project, task)]
    if as_json:
        stands = outcome.status(task, at_work=holder is not None)
        row = {"task": task.id, "status": stands, "worker": holder, "command": bool(commands), "documents": paths}
        screen.print_json({**row, "open": left, "worktree": apart.as_json(where)})
        return
    said = f"{task.id} {'was cancelled already' if before else 'is cancelled'}"
    ends = f"{screen.who(holder)} ends after its current call" if holder else "its command ends" if commands else ""
    click.echo(f"{said}: {ends}" if ends else said)
    if left:
        click.echo(f"what it gave away stays open: {', '.join(left)}")
    if where:
        click.echo(f"its work stays in {where.folder}, on the branch {where.branch}; to remove both:")
        for typed in where.removal(project):
            click.echo(screen.dim(f"  {typed}"))
