"""limit: what a task, with all that it gives away, may use up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.cli.work import Bounds, bounds, check_price, lift, limits, names
from orchestrator.errors import Refused

if TYPE_CHECKING:
    from orchestrator.budget import Amount


@click.command(epilog="JSON: {task, limits, turns, tokens, seconds, cost_usd, held}: what is used so far.")
@click.argument("task_id", metavar="ID", type=TaskId(archived=False))
@bounds
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, as_json: bool, **given: Unpack[Bounds]) -> None:
    """Set what a task may use up; without options, tell it.

    A limit holds for the task and for all it gave away, together. A worker that is at it heeds it at its next request;
    one that stopped goes on with `resume`.
    """
    from orchestrator import accounts, budget
    from orchestrator.usage import TURNS

    with project.engine() as engine:
        task = engine.refresh(project.known(engine, task_id)).task
        if lift(given):
            if not task.open:
                raise Refused("limit", outcome.closed(task, "it uses up nothing any more"))
            now = limits(given, task.limits)
            check_price(now, names(project.settings()).full(task.model))
            task = accounts.allow(engine, task_id, now)
    spent, held = budget.spent(task), budget.held(task)
    if as_json:
        used = outcome.amount(spent)
        screen.print_json({"task": task.id, "limits": task.limits.model_dump(), **used, "held": outcome.amount(held)})
        return
    alone = [f"turns {TURNS} of its own"] if task.limits.turns is None else []
    may = ", ".join([*filter(None, [outcome.limits(task.limits.model_dump())]), *alone])
    click.echo(f"{task.id} may use: {may}")
    outcome.show_text(f"so far: {_said(spent)}, seconds {spent.seconds:,.0f}", dim=True)
    if held != budget.NOTHING:
        outcome.show_text(f"and requests under way may take: {_said(held)}", dim=True)


def _said(amount: Amount) -> str:
    return f"turns {amount.turns:,.0f}, tokens {amount.tokens:,.0f}, cost {screen.dollars(amount.cost)}"
