"""graph: who gave work to whom, what came after what, and which tasks refer to each other."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from orchestrator import tree
from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, others_go_on, pass_project
from orchestrator.cli.status import NOT_BEGUN
from orchestrator.errors import OrchestratorError, UnknownTask
from orchestrator.tree import Branch

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.task import Task


class Node(NamedTuple):
    task: str
    agent: str
    state: str
    about: str


class Edge(NamedTuple):
    source: str
    target: str
    kind: Literal["gives", "before", "refers"]


@click.command()
@click.argument("task_id", metavar="[ID]", required=False, type=TaskId())
@click.option("--all", "everything", is_flag=True, help="The archived ones too.")
@click.option("--svg", is_flag=True, help="A picture, instead of Mermaid.")
@pass_project
def command(project: Project, task_id: str | None, everything: bool, svg: bool) -> int:
    """Draw how tasks hang together.

    All that are not done as a whole, or a task with all below it. An arrow leads from a task to each it gave away, a
    dashed one from a task to what came after it, and a dotted one to what it refers to.
    """
    unread: list[OrchestratorError] = []
    with project.engine() as engine:
        wanted = project.known(engine, task_id) if task_id else None
        branches, lost = _read(engine, [wanted] if wanted else engine.ids(), unread)
        shown = branches if wanted or everything else list(tree.under(branches, _going_on(branches)))
        nodes = [_node(engine, branch, lost) for branch in shown]
    edges = list(_edges(shown))
    click.echo(drawing(nodes, edges) if svg else mermaid(nodes, edges), nl=False)
    return max((error.exit_code for error in unread), default=0)


def _read(
    engine: Engine, task_ids: Iterable[str], unread: list[OrchestratorError]
) -> tuple[list[Branch[Task]], set[str]]:
    """These tasks and all they gave away; and which cannot be read: that is told, and they have a place too."""
    lost: dict[str, None] = {}

    def look(task_id: str) -> Task | None:
        with others_go_on(unread), suppress(UnknownTask):  # what is given away may not be begun
            lost[task_id] = None
            task = engine.refresh(task_id).task
            del lost[task_id]
            return task
        return None

    tasks = sorted(tree.read(look, task_ids), key=lambda task: (task.started_at, task.id))
    branches = list(tree.grow(tasks))
    there = set(engine.ids())
    placed = {branch.id for branch in branches}
    branches += (Branch(name, "", None, None, name) for name in lost if name in there and name not in placed)
    return branches, there.intersection(lost)


def _going_on(branches: Sequence[Branch[Task]]) -> set[str]:
    """The tops of the trees that are not archived as a whole."""
    return {branch.top for branch in branches if branch.task is None or not branch.task.archived}


def _node(engine: Engine, branch: Branch[Task], lost: Container[str]) -> Node:
    task = branch.task
    if task is None:
        return Node(branch.id, screen.line(branch.agent), "unreadable" if branch.id in lost else NOT_BEGUN, "")
    stands = outcome.status(task, at_work=engine.at_work(task.id) is not None)
    about = task.description.strip().partition("\n")[0]
    return Node(task.id, screen.line(task.agent), stands, screen.line(about))


def _edges(branches: Sequence[Branch[Task]]) -> Iterator[Edge]:
    ids = {branch.id for branch in branches}
    gives = [Edge(branch.parent, branch.id, "gives") for branch in branches if branch.parent is not None]
    kin = {frozenset(edge[:2]) for edge in gives}
    yield from gives
    tasks = [branch.task for branch in branches if branch.task is not None]
    for task in tasks:
        for child in task.children:
            yield from (Edge(name, child.id, "before") for name in child.after if name in ids and child.id in ids)
    refers = {(task.id, row.task) for task in tasks for row in task.references if row.task in ids}
    yield from (Edge(*pair, "refers") for pair in sorted(refers) if frozenset(pair) not in kin)


_ARROWS = {"gives": "-->", "before": "-. then .->", "refers": "-.->"}


def mermaid(nodes: Sequence[Node], edges: Sequence[Edge]) -> str:
    """A flowchart; https://mermaid.js.org/syntax/flowchart.html."""
    lines = ["flowchart TD"]
    lines += [f'    {node.task}["{_quoted(node.agent)}<br/>{node.task} · {node.state}"]' for node in nodes]
    lines += [f"    {edge.source} {_ARROWS[edge.kind]} {edge.target}" for edge in edges]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """As an entity whatever could end the text or begin markup."""
    return "".join(char if char.isalnum() or char in " -_.,:" else f"#{ord(char)};" for char in text)


WIDE, HIGH, GAP, STEP = 210, 52, 24, 104
"""Of a box, and between two: points."""
_STROKES = {"gives": "", "before": ' stroke-dasharray="7 4"', "refers": ' stroke-dasharray="2 4"'}
_FILLS = {"archived": "#e6f4ea", "completed": "#e6f4ea", "in-progress": "#e8f0fe", "blocked": "#fef7e0"}


def drawing(nodes: Sequence[Node], edges: Sequence[Edge]) -> str:
    """An SVG: each task under the one that gave it away, above its own."""
    places = _places(nodes, edges)
    columns = max((x for x, _ in places.values()), default=0) + 1
    rows = max((y for _, y in places.values()), default=0) + 1
    width, height = columns * (WIDE + GAP) + GAP, rows * STEP + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
        f' height="{height:g}" font-family="sans-serif" font-size="13">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#5f6368"/></marker></defs>',
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
    ]
    parts += [_line(edge, places) for edge in edges]
    parts += [_box(node, *places[node.task]) for node in nodes]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _places(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[str, tuple[float, int]]:
    """Column and row of each: a leaf takes the next column, whoever gave work away stands over the middle of it."""
    below: dict[str, list[str]] = {node.task: [] for node in nodes}
    for edge in edges:
        if edge.kind == "gives":
            below[edge.source].append(edge.target)
    order = {node.task: number for number, node in enumerate(nodes)}
    places: dict[str, tuple[float, int]] = {}

    def put(task_id: str, row: int, column: float) -> float:
        places[task_id] = (column, row)
        end = column
        for child in sorted(below[task_id], key=order.__getitem__):
            if child not in places:
                end = put(child, row + 1, end)
        if end > column:
            places[task_id] = ((column + end - 1) / 2, row)
        return max(end, column + 1)

    given, free = {edge.target for edge in edges if edge.kind == "gives"}, 0.0
    for node in [*(node for node in nodes if node.task not in given), *nodes]:
        if node.task not in places:
            free = put(node.task, 0, free)
    return places


def _line(edge: Edge, places: dict[str, tuple[float, int]]) -> str:
    (x1, y1), (x2, y2) = (_corner(*places[name]) for name in edge[:2])
    if y1 == y2:
        left = x1 < x2
        start, end = (x1 + (WIDE if left else 0), y1 + HIGH / 2), (x2 + (0 if left else WIDE), y2 + HIGH / 2)
    else:
        down = y1 < y2
        start, end = (x1 + WIDE / 2, y1 + (HIGH if down else 0)), (x2 + WIDE / 2, y2 + (0 if down else HIGH))
    middle = (start[1] + end[1]) / 2
    path = f"M{start[0]:g} {start[1]:g}C{start[0]:g} {middle:g} {end[0]:g} {middle:g} {end[0]:g} {end[1]:g}"
    return f'<path d="{path}" fill="none" stroke="#5f6368"{_STROKES[edge.kind]} marker-end="url(#tip)"/>'


def _box(node: Node, column: float, row: int) -> str:
    from html import escape

    x, y = _corner(column, row)
    fill = _FILLS.get(node.state, "#f1f3f4")
    return (
        f'<g><title>{escape(node.about)}</title><rect x="{x:g}" y="{y:g}" width="{WIDE}" height="{HIGH}" rx="7"'
        f' fill="{fill}" stroke="#5f6368"/><text x="{x + 12:g}" y="{y + 22:g}" font-weight="bold">'
        f'{escape(screen.fit(node.agent, 26))}</text><text x="{x + 12:g}" y="{y + 40:g}" fill="#5f6368">'
        f"{node.task} · {escape(node.state)}</text></g>"
    )


def _corner(column: float, row: int) -> tuple[float, float]:
    return GAP + column * (WIDE + GAP), GAP + row * STEP
