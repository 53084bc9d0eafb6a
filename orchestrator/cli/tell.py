"""tell: a message to whoever works on a task."""

from __future__ import annotations

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.cli.words import Words
from orchestrator.cli.work import text
from orchestrator.errors import Refused


@click.command(epilog="JSON: {task, status, worker}.")
@click.argument("task_id", metavar="ID", type=TaskId(archived=False))
@click.argument("message", type=Words(), required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, message: str | None, as_json: bool) -> None:
    """Tell the agent of a task something, at its next turn.

    Without MESSAGE, or with -, it is read from standard input. It adds nothing to what the task has to do: `continue`
    does.
    """
    from orchestrator.events import MessageReceived

    said = text(message, "message", after="id")
    with project.engine() as engine:
        task = engine.refresh(project.known(engine, task_id)).task
        if not task.open:
            raise Refused("tell", outcome.closed(task, "nobody works on it; `continue` gives it more to do"))
        task = engine.commit(task_id, [MessageReceived(text=screen.mask()(said))], actor="user")
        holder = engine.at_work(task_id)
    if as_json:
        screen.print_json({"task": task.id, "status": task.status, "worker": holder})
    else:
        goes_on = holder and not outcome.ends(task)
        click.echo(f"{task.id} hears of it {'at its next turn' if goes_on else 'when it is resumed'}")
