"""continue: have a task go on that was paused, or give it more to do, and see it done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Unpack

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, others_go_on, pass_project
from orchestrator.cli.resume import Mode, continued, expect_model, go_on, modes, tell
from orchestrator.cli.words import Words
from orchestrator.cli.work import Orders, orders, text
from orchestrator.errors import OrchestratorError, UsageError

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.task import Task


@click.command(epilog="JSON: as of resume; where somebody is at work {task, status, worker}.")
@click.argument("task_id", metavar="ID", type=TaskId(), required=False)
@click.argument("instruction", type=Words(), required=False)
@click.option("--all", "everything", is_flag=True, help="Every task that a person has paused.")
@modes
@orders
@pass_project
def command(
    project: Project,
    task_id: str | None,
    instruction: str | None,
    everything: bool,
    mode: Mode | None,
    **given: Unpack[Orders],
) -> int:
    """Have a task go on: one that was paused, or with more to do.

    With INSTRUCTION, which is read from standard input where it is -, the task has more to do; a closed one is opened
    again. Where nobody is at work, the task goes on as `resume` does it. Where somebody is, nothing is begun: the agent
    goes on, and hears of it at its next turn.
    """
    if (task_id is None) != everything:
        raise UsageError("which task? Name it, or give --all")
    with project.engine() as engine:
        if task_id is None:
            return _all(project, engine, mode, given)
        if instruction and instruction.upper() in engine.ids():
            raise UsageError(f"{instruction} is a task, too: one at a time, or --all that are paused")
        return _one(project, engine, task_id, instruction, mode, given)


def _one(
    project: Project, engine: Engine, task_id: str, instruction: str | None, mode: Mode | None, given: Orders
) -> int:
    from orchestrator.team.written import is_written

    more = None if instruction is None else text(instruction, "instruction", after="id")
    said, heard = "goes on", "was waiting"
    task = engine.refresh(project.known(engine, task_id)).task
    if more is not None and is_written(task):
        raise UsageError(f"task {task_id} is a written team, which nobody leads: give one of its tasks more to do")
    if more is None and not task.open:
        raise UsageError(outcome.closed(task, "what more is there to do? Give it after the id"))
    expect_model(project, engine, [task])
    if more is not None:
        task = engine.instruct(task_id, more)
        said, heard = f"has more to do, item {task.items[-1].id}", "hears of it at its next turn"
    changed = more is not None or task.paused or task.parked
    task = continued(engine, task)
    if holder := engine.at_work(task_id):
        row = {"task": task.id, "status": task.status, "worker": holder}
        if given["output"] == "json":
            screen.print_json(row)
        elif given["output"] == "stream-json":
            click.echo(json.dumps(row))
        elif outcome.ends(task):
            told = "" if more is None else f"{task.id} {said}; "
            click.echo(told + outcome.ending(project, task, holder))
            click.echo(screen.dim(f"go on with: {outcome.way_on(project, engine, task)}"))
        elif changed:
            click.echo(f"{task.id} {said}: {screen.who(holder)} {heard}")
        else:
            click.echo(f"{task.id} is not paused: {screen.who(holder)} is at work")
        return 0
    click.echo(f"{task.id} {said}", err=given["output"] != "text")
    return tell(project, go_on(project, engine, [task], mode, given), given["output"])


def _all(project: Project, engine: Engine, mode: Mode | None, given: Orders) -> int:
    """Those whose worker waits, here or elsewhere, and those that nobody works on; not what was never paused."""
    unread: list[OrchestratorError] = []
    paused: list[Task] = []
    for task_id in engine.ids():
        with others_go_on(unread):
            if (task := engine.refresh(task_id).task).open and task.paused:
                paused.append(task)
    if not paused and not unread:
        click.echo(f"nothing is paused in {project.workspace}", err=given["output"] != "text")
    # what an open task gave away goes on with that one
    leads = {
        lead.id: lead for task in paused if not engine.at_work(task.id) for lead in [outcome.leading(engine, task)]
    }
    expect_model(project, engine, [*leads.values()])
    for task in paused:
        with others_go_on(unread):
            task = continued(engine, task)
            holder = engine.at_work(task.id)
            waited = f": {screen.who(holder)} was waiting" if holder else ""
            click.echo(f"{task.id} goes on{waited}", err=given["output"] != "text")
    free = [engine.refresh(lead).task for lead in leads if not engine.at_work(lead)]
    ends = go_on(project, engine, free, mode, given) if free else []
    code = max((error.exit_code for error in unread), default=0)
    return max(tell(project, ends, given["output"]), code)
