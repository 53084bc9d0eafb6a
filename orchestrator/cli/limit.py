"""limit: what a task, with all that it gives away, may use up."""

from __future__ import annotations

from typing import Unpack

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.cli.work import Bounds, bounds, check_price, lift, limits, names
from orchestrator.errors import Refused


@click.command(epilog="JSON: {task, limits, tokens, cost_usd}: the two are what is used up so far.")
@click.argument("task_id", metavar="ID", type=TaskId(archived=False))
@bounds
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, as_json: bool, **given: Unpack[Bounds]) -> None:
    """Set what a task may use up; without options, tell it.

    Tokens and cost are those of the task and of all it gave away. A worker that is at it heeds it at its next turn; one
    that stopped goes on with `resume`.
    """
    from orchestrator import budget
    from orchestrator.events import LimitsChanged

    with project.engine() as engine:
        task = engine.refresh(project.known(engine, task_id)).task
        if lift(given):
            if not task.open:
                raise Refused("limit", f"task {task_id} is {task.ended}: it uses up nothing any more")
            now = limits(given, task.limits)
            check_price(now, names(project.settings()).full(task.model))
            task = engine.commit(task_id, [LimitsChanged(limits=now)], actor="user")
    spent = budget.spent(task)
    if as_json:
        used = {"tokens": int(spent.tokens), "cost_usd": round(spent.cost, 6)}
        screen.print_json({"task": task.id, "limits": task.limits.model_dump(), **used})
        return
    click.echo(f"{task.id} may use: {outcome.limits(task.limits.model_dump()) or 'whatever it takes'}")
    told = f"turns {task.turns:,}, tokens {spent.tokens:,.0f}, cost {screen.dollars(spent.cost)}"
    outcome.show_text(f"so far: {told}", dim=True)
