"""continue: give a task more to do, and see it done."""

from __future__ import annotations

import json
from typing import Literal, Unpack

import click

from orchestrator.cli import screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.cli.resume import go_on, modes, tell
from orchestrator.cli.work import Orders, orders, text


@click.command(epilog="JSON: as of resume; where somebody is at work {task, status, worker}.")
@click.argument("task_id", metavar="ID", type=TaskId())
@click.argument("instruction", required=False)
@modes
@orders
@pass_project
def command(
    project: Project,
    task_id: str,
    instruction: str | None,
    mode: Literal["full", "lightweight"] | None,
    **given: Unpack[Orders],
) -> int:
    """Give a task more to do, and go on with it as `resume` does.

    A closed task is opened again. Without INSTRUCTION, or with -, it is read from standard input.

    Where somebody is at work on the task, nothing is begun: the agent hears of it at its next turn.
    """
    more = text(instruction, "instruction", after="id")
    with project.engine() as engine:
        task = engine.instruct(project.known(engine, task_id), more)
        recorded = f"{task.id} has more to do, item {task.items[-1].id}"
        if holder := engine.at_work(task_id):
            if given["output"] == "text":
                click.echo(f"{recorded}: {screen.who(holder)} hears of it at its next turn")
            else:
                click.echo(json.dumps({"task": task.id, "status": task.status, "worker": holder}))
            return 0
        click.echo(recorded, err=given["output"] != "text")
        ends = go_on(project, engine, [task], mode, given)
    return tell(project, ends, given["output"])
