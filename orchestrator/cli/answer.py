"""answer: what a task asks."""

from __future__ import annotations

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.cli.words import Words
from orchestrator.cli.work import text
from orchestrator.errors import Refused


@click.command(epilog="JSON: {task, question, status, worker}.")
@click.argument("task_id", metavar="ID", type=TaskId(archived=False))
@click.argument("answer", type=Words(), required=False)
@click.option("--question", type=Words(), metavar="B1", help="Which one it answers, where the task asks several.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, answer: str | None, question: str | None, as_json: bool) -> None:
    """Answer what a task asks: the result of the call that asked.

    Without ANSWER, or with -, it is read from standard input. Where nobody is at work on the task, `resume` goes on.
    """
    from orchestrator import questions
    from orchestrator.events import BlockerResolved

    said = text(answer, "answer", after="id")
    with project.engine() as engine:
        task = engine.refresh(project.known(engine, task_id)).task
        asked = questions.meant(task, question)
        if not task.open:
            reopen = project.typed("reopen", task_id)
            raise Refused("answer", outcome.closed(task, f"nobody waits for it; reopen it first: {reopen}"))
        words = screen.mask()(said)
        task = engine.commit(task_id, [BlockerResolved(id=asked.id, resolution=words)], actor="user")
        holder = engine.at_work(task_id)
        leading = outcome.leading(engine, task).id
        led = None if leading == task.id else engine.at_work(leading)
        way_on = outcome.ways_on(project, engine, task)[0]
    if as_json:
        screen.print_json({"task": task.id, "question": asked.id, "status": task.status, "worker": holder})
    elif holder and not outcome.ends(task):
        click.echo(f"{task.id} has its answer: {screen.who(holder)} goes on")
    elif led:
        click.echo(f"{task.id} has its answer: {screen.who(led)}, at work on {leading}, goes on with it")
    else:
        click.echo(f"{task.id} has its answer; go on with: {way_on}")
