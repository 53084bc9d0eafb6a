"""status: the tasks there are, read from their documents alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from orchestrator import overview, tree
from orchestrator.cli import screen, spending
from orchestrator.cli.project import Project, pass_project
from orchestrator.overview import Row
from orchestrator.tree import Branch

if TYPE_CHECKING:
    from orchestrator.costs import Cost

MOST = 100
"""So many tasks are listed unless all are asked for: those that changed last. The others are not even read."""
NOT_BEGUN = "not begun"
"""The state of a task that another one gave away, and that is still to be created."""
MARKS = {
    "kept": "",
    "renamed": " (being renamed)",
    "gone": " (journal gone)",
    "copy": " (copy)",
    "by hand": " (by hand)",
}
"""What is said of who keeps a task."""
COLOURS = {
    "in-progress": "cyan",
    "interrupted": "yellow",
    "paused": "yellow",
    "blocked": "yellow",
    "stopped": "yellow",
    "completed": "green",
}


@click.command(
    epilog="JSON: {project, tasks: [{task, agent, parent, state, phase, items, cost_usd, total_cost_usd, updated, "
    "description, archived, by_hand, problem}]}, with --costs also costs: {agents, files}; see docs/cli.md."
)
@click.option("--all", "everything", is_flag=True, help=f"The archived ones too, and more than {MOST}.")
@click.option("--costs", is_flag=True, help="What they cost by agent and by file, too, from their journals.")
@click.option("--json", is_flag=True, help="One JSON document, with the archived ones.")
@pass_project
def command(project: Project, everything: bool, costs: bool, json: bool) -> None:
    """List the tasks of this project.

    Only reads, and without --costs only the documents, and so works while agents run.

    A task is *interrupted* when it is in progress and its worker is gone: `orchestrator resume` goes on with it. A
    *paused* one waits until a person has it go on: `orchestrator continue`.
    """
    rows = list(overview.rows(project.temp))
    if json:
        ordered = sorted(rows, key=overview.by_start)
        spent = {"costs": spending.shares(*_costs(project, ordered))} if costs else {}
        screen.print_json({"project": str(project.workspace), "tasks": as_json(ordered), **spent})
        return
    unarchived = [row for row in rows if not row.archived]
    shown = rows if everything else unarchived
    if len(shown) > MOST and not everything:
        shown = sorted(shown, key=lambda row: row.changed)[-MOST:]
    if shown:
        click.echo("\n".join(table(sorted(shown, key=overview.by_start), {row.id for row in rows})))
    elif not rows:
        click.echo(f'no tasks in {project.workspace}: begin with `orchestrator run AGENT "task"`')
    left = {"that changed longer ago": len(unarchived) - len(shown), "archived": len(rows) - len(unarchived)}
    if not everything and any(left.values()):
        words = ", ".join(f"{count} {what}" for what, count in left.items() if count)
        click.echo(screen.dim(f"{words}: --all lists them"))
    if costs:
        agents, files = _costs(project, shown)
        screen.section("Costs by agent", spending.by_name(agents))
        screen.section("Costs by file", spending.by_file(files))


def _costs(project: Project, rows: Iterable[Row]) -> tuple[Mapping[str, Cost], Mapping[str, Cost]]:
    """By agent and by file; who keeps tasks by hand keeps no count."""
    return spending.of_all(project.temp, [row.id for row in rows if row.kept])


def state(row: Row) -> str:
    """What to call the state a task is in."""
    if row.problem:
        return "unreadable"
    if row.archived:
        return "cancelled" if row.text("status") == "cancelled" else "archived"
    if row.paused:
        return "paused"
    return "interrupted" if row.interrupted else row.text("status") or "unknown"


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The tasks as docs/cli.md describes them, those that nobody has begun at the end."""
    branches = [branch for branch in tree.grow(rows) if branch.task is None]
    blank = dict.fromkeys(_row_json(rows[0])) if branches else {}
    more = {"phase": "", "updated": "", "description": "", "archived": False, "by_hand": False}
    given = ({"task": row.id, "agent": row.agent, "parent": row.parent, "state": NOT_BEGUN} for row in branches)
    return [*map(_row_json, rows), *({**blank, **more, **row} for row in given)]


def _row_json(row: Row) -> dict[str, Any]:
    items = row.items
    return {
        "task": row.id,
        "agent": row.agent,
        "parent": row.parent,
        "state": state(row),
        "phase": row.text("phase"),
        "items": None if items is None else {"done": items[0], "total": items[1]},
        "cost_usd": row.cost,
        "total_cost_usd": row.total_cost,
        "updated": _updated(row),
        "description": row.description,
        "archived": row.archived,
        "by_hand": row.keeping == "by hand",
        "problem": _unread(row) or row.absent,
    }


def _unread(row: Row) -> str | None:
    """Why a document cannot be read: the status document, or else the checklist."""
    if row.problem:
        return screen.phrase(row.problem)
    return f"its checklist cannot be read: {screen.phrase(row.illegible)}" if row.illegible else None


def _updated(row: Row) -> str:
    return row.text("updatedAt") or row.text("startedAt")


def table(rows: Sequence[Row], known: Collection[str]) -> Iterator[str]:
    """The lines that list tasks, each followed by those it gave away. `known`: what is there, listed or not."""
    branches = list(tree.grow(rows, known))
    whole = [_HEAD, *map(_cells, branches)]
    priced = screen.columns() >= _PRICED and any(line[4] for line in whole[1:])
    left_out = {place for place, shown in ((4, priced), (5, screen.columns() >= _DATED)) if not shown}
    whole = [tuple(cell for place, cell in enumerate(line) if place not in left_out) for line in whole]
    head, *lines = whole
    widths = [max(screen.measure(line[place]) for line in whole) for place in range(len(head))]
    room = screen.columns() - widths[0] - sum(widths[3:]) - 2 * (len(head) - 1)
    widths[2] = min(widths[2], max(room - widths[1], min(_STATE, room - _AGENT), _WORD))
    widths[1] = min(widths[1], room - widths[2])
    yield screen.dim(_joined(head, widths))
    for branch, line in zip(branches, lines, strict=True):
        coloured = click.style(screen.fit(line[2], widths[2]), fg=_colour(branch.task))
        yield _joined((line[0], _agent(branch, widths[1]), coloured, *line[3:]), widths)
        if about := _about(branch.task):
            yield f"        {screen.dim(screen.fit(about, screen.columns() - 8))}"


_WORD, _STATE, _AGENT = len("interrupted…"), 24, 22
"""Columns: a state has the first, whatever the agent's name; and the second, where that leaves the name the third."""
_PRICED, _DATED = 80, 60
"""Columns from which on there is room for what a task costs, and for when it changed."""
_HEAD = ("TASK", "AGENT", "STATE", "ITEMS", "COST", "UPDATED")


def _cells(branch: Branch[Row]) -> tuple[str, ...]:
    row, agent = branch.task, _agent(branch, screen.UNLIMITED)
    if row is None:
        return branch.id, agent, NOT_BEGUN, "", "", ""
    done = "?" if row.illegible else "" if row.items is None else f"{row.items[0]}/{row.items[1]}"
    cost = "" if row.total_cost is None else screen.dollars(row.total_cost)
    phase = row.text("phase")
    what = state(row) if not phase or not row.open else f"{state(row)}: {phase}"
    return row.id, agent, screen.line(what), done, cost, screen.age(_updated(row))


def _agent(branch: Branch[Row], columns: int) -> str:
    row, head = branch.task, branch.lines
    tail = "" if row is None or row.problem else MARKS[row.keeping]
    return head + (screen.fit(branch.agent, columns - len(head) - len(tail)) + tail).strip()


def _colour(row: Row | None) -> str | None:
    return None if row is None else COLOURS.get(state(row))


def _about(row: Row | None) -> str:
    if row is None:
        return ""
    for asked in row.rows("blockers"):
        if asked.get("asks") and not asked.get("resolution"):
            return f"asks {'its parent' if asked['asks'] == 'parent' else 'a person'}: {asked.get('text')}"
    said = row.absent if row.keeping in ("gone", "renamed") else None  # of a copy the word behind the agent is enough
    return _unread(row) or said or row.description.strip().partition("\n")[0]


def _joined(cells: tuple[str, ...], widths: list[int]) -> str:
    pairs = zip(cells, widths, strict=True)
    return "  ".join(cell + " " * (width - screen.measure(click.unstyle(cell))) for cell, width in pairs).rstrip()
