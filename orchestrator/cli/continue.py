"""continue: have a task go on that was paused, or give it more to do, and see it done."""

from __future__ import annotations

import json
from typing import Literal, Unpack

import click

from orchestrator.cli import screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.cli.resume import continued, expect_model, go_on, modes, tell
from orchestrator.cli.work import Orders, orders, text
from orchestrator.errors import UsageError


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
    """Have a task go on: one that was paused, or with more to do.

    With INSTRUCTION, which is read from standard input where it is -, the task has more to do; a closed one is opened
    again. Where nobody is at work, the task goes on as `resume` does it. Where somebody is, nothing is begun: the agent
    goes on, and hears of it at its next turn.
    """
    more = None if instruction is None else text(instruction, "instruction", after="id")
    said, heard = "goes on", "was waiting"
    with project.engine() as engine:
        task = engine.refresh(project.known(engine, task_id)).task
        if more is None and not task.open:
            raise UsageError(f"task {task_id} is {task.ended}: what more is there to do? Give it after the id")
        expect_model(project, engine, [task])
        if more is not None:
            task = engine.instruct(task_id, more)
            said, heard = f"has more to do, item {task.items[-1].id}", "hears of it at its next turn"
        changed = more is not None or task.paused or task.parked
        task = continued(engine, task)
        if changed and (holder := engine.at_work(task_id)):
            if given["output"] == "text":
                click.echo(f"{task.id} {said}: {screen.who(holder)} {heard}")
            else:
                click.echo(json.dumps({"task": task.id, "status": task.status, "worker": holder}))
            return 0
        click.echo(f"{task.id} {said}", err=given["output"] != "text")
        ends = go_on(project, engine, [task], mode, given)
    return tell(project, ends, given["output"])
