"""What a task may use up and has used up, with all below it, and who and what for: as `show` tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator import tree
from orchestrator.cli import outcome, screen
from orchestrator.cli.project import others_go_on

if TYPE_CHECKING:
    from orchestrator.costs import Cost
    from orchestrator.engine import Engine
    from orchestrator.errors import OrchestratorError
    from orchestrator.events import Commit
    from orchestrator.task import Task

MOST = 12
"""Files of which it is told what they cost; the JSON has all."""
NO_FILE = "no file"
Section = tuple[str, list[tuple[str, str]]]
"""A heading, and rows of a mark and a text."""


class Spending(NamedTuple):
    """`below`: the tasks that this one gave away, and these; `stand`: how these stand, by id; `agents`, `files`: what
    was spent, by their names."""

    task: Task
    below: Sequence[Task]
    stand: Mapping[str, str]
    agents: Mapping[str, Cost]
    files: Mapping[str, Cost]


def read(engine: Engine, task: Task) -> Spending:
    from orchestrator import accounts, costs

    below = list(accounts.below(engine, task))
    whole = [task, *below]
    files = costs.by_file(engine.since(row.id, 0) for row in whole)
    stand = {row.id: outcome.status(row, at_work=engine.at_work(row.id) is not None) for row in below}
    return Spending(task, below, stand, costs.by_agent(whole), files)


def of_all(temp: Path, task_ids: Iterable[str]) -> tuple[Mapping[str, Cost], Mapping[str, Cost]]:
    """What these tasks cost by agent and by file, from their journals alone; what cannot be read is told."""
    from orchestrator import costs, revisions

    found: list[tuple[Task, list[Commit]]] = []
    unread: list[OrchestratorError] = []
    for task_id in task_ids:
        with others_go_on(unread):
            found.append(revisions.read(temp, task_id))
    return costs.by_agent(task for task, _ in found), costs.by_file(commits for _, commits in found)


def sections(spending: Spending) -> list[Section]:
    """What a person is shown: nothing of what is told elsewhere already."""
    task, below, stand, agents, files = spending
    begun = {child.id for row in below for child in row.children}
    given = [
        (branch.lines + row.id, f"{row.agent}: {stand[row.id]}, {outcome.cost([row])}")
        for branch in tree.grow(below, elsewhere=begun)
        if (row := branch.task)
    ]
    return [
        ("Limits", _limits(task)),
        ("Given away", given),
        (f"Costs: {outcome.cost([task, *below])}", by_name(agents) if below else []),
        ("Costs by file", by_file(files)),
    ]


def by_file(files: Mapping[str, Cost]) -> list[tuple[str, str]]:
    """Of the dearest files; nothing where no file was changed."""
    paths = {path or NO_FILE: cost for path, cost in files.items()}
    dearest = dict([*paths.items()][:MOST]) if files.keys() - {""} else {}
    rest = [("", f"and {len(paths) - MOST} more")] if dearest and len(paths) > MOST else []
    return [*by_name(dearest), *rest]


def as_json(spending: Spending) -> dict[str, Any]:
    """The keys `spent`, `held`, `children` and `costs`, see docs/cli.md."""
    from orchestrator import budget, costs

    task, below, stand, agents, files = spending
    return {
        "spent": outcome.amount(budget.spent(task)),
        "held": outcome.amount(budget.held(task)),
        "children": [
            {
                "task": row.id,
                "agent": row.agent,
                "parent": row.parent,
                "status": row.ended or stand[row.id],
                **_figures(costs.own(row)),
            }
            for row in below
        ],
        "costs": {
            "own": _figures(costs.own(task)),
            "total": _figures(costs.total(map(costs.own, [task, *below]))),
            **shares(agents, files),
        },
    }


def shares(agents: Mapping[str, Cost], files: Mapping[str, Cost]) -> dict[str, Any]:
    """The keys `agents` and `files`."""
    return {
        "agents": [{"agent": name, **_figures(cost)} for name, cost in agents.items()],
        "files": [
            {"file": path or None, "tokens": round(cost.tokens), "cost_usd": round(cost.dollars, 6)}
            for path, cost in files.items()
        ],
    }


def _figures(cost: Cost) -> dict[str, float]:
    return {"turns": cost.turns, "tokens": round(cost.tokens), "cost_usd": round(cost.dollars, 6)}


def by_name(found: Mapping[str, Cost]) -> list[tuple[str, str]]:
    """A mark and a text for each."""
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
