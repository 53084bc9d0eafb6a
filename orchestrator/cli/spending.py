"""What a task may use up and has used up, with all below it, and who and what for: as `show` tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.cli import outcome, screen

if TYPE_CHECKING:
    from orchestrator.costs import Cost
    from orchestrator.engine import Engine
    from orchestrator.task import Task

MOST = 12
"""Files of which it is told what they cost; the JSON has all."""
NO_FILE = "no file"
Section = tuple[str, list[tuple[str, str]]]
"""A heading, and rows of a mark and a text."""


class Spending(NamedTuple):
    """`below`: the tasks that this one gave away, and these; `agents`, `files`: what was spent, by their names."""

    task: Task
    below: Sequence[Task]
    agents: Mapping[str, Cost]
    files: Mapping[str, Cost]


def read(engine: Engine, task: Task) -> Spending:
    from orchestrator import accounts, costs

    below = list(accounts.below(engine, task))
    whole = [task, *below]
    files = costs.by_file(engine.since(row.id, 0) for row in whole)
    return Spending(task, below, costs.by_agent(whole), files)


def sections(spending: Spending) -> list[Section]:
    """What a person is shown: nothing of what is told elsewhere already."""
    task, below, agents, files = spending
    given = [(row.id, f"{row.agent}: {outcome.status(row, at_work=True)}, {outcome.cost([row])}") for row in below]
    told = [*_rows(agents)] if below else []
    paths = {path or NO_FILE: cost for path, cost in files.items()}
    dearest = dict([*paths.items()][:MOST]) if files.keys() - {""} else {}
    rest = [("", f"and {len(paths) - MOST} more")] if dearest and len(paths) > MOST else []
    return [
        ("Limits", _limits(task)),
        ("Given away", given),
        (f"Costs: {outcome.cost([task, *below])}", told),
        ("Costs by file", [*_rows(dearest), *rest]),
    ]


def as_json(spending: Spending) -> dict[str, Any]:
    """The keys `spent`, `held`, `children` and `costs`, see docs/cli.md."""
    from orchestrator import budget, costs

    task, below, agents, files = spending
    return {
        "spent": outcome.amount(budget.spent(task)),
        "held": outcome.amount(budget.held(task)),
        "children": [
            {
                "task": row.id,
                "agent": row.agent,
                "parent": row.parent,
                "status": row.ended or row.status,
                **_figures(costs.own(row)),
            }
            for row in below
        ],
        "costs": {
            "own": _figures(costs.own(task)),
            "total": _figures(costs.total(map(costs.own, [task, *below]))),
            "agents": [{"agent": name, **_figures(cost)} for name, cost in agents.items()],
            "files": [
                {"file": path or None, "tokens": round(cost.tokens), "cost_usd": round(cost.dollars, 6)}
                for path, cost in files.items()
            ],
        },
    }


def _figures(cost: Cost) -> dict[str, float]:
    return {"turns": cost.turns, "tokens": round(cost.tokens), "cost_usd": round(cost.dollars, 6)}


def _rows(found: Mapping[str, Cost]) -> list[tuple[str, str]]:
    turns = {name: f"{screen.count(cost.turns, 'turn')}, " if cost.turns else "" for name, cost in found.items()}
    return [
        ("·", f"{name}: {turns[name]}{cost.tokens:,.0f} tokens, {screen.dollars(cost.dollars)}")
        for name, cost in found.items()
    ]


def _limits(task: Task) -> list[tuple[str, str]]:
    """What of each limit is used, held and left."""
    from orchestrator import budget

    spent, held, left = budget.spent(task), budget.held(task), budget.left(task)
    rows = []
    for name, limit in task.limits.model_dump(exclude_none=True).items():
        used, taken, rest = (_said(name, max(0.0, getattr(row, name))) for row in (spent, held, left))
        under_way = f", {taken} held for requests under way" if getattr(held, name) else ""
        rows.append(("·", f"{name}: {used} of {_said(name, limit)} used{under_way}, {rest} left"))
    return rows


def _said(name: str, value: float) -> str:
    return screen.dollars(value) if name == "cost" else f"{round(value, 1):,.10g}"
