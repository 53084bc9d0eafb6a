"""graph: who gave work to whom, what came after what, and which tasks refer to each other."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from orchestrator import tree
from orchestrator.cli import outcome, screen
from orchestrator.cli.drawing import COLOURS, Edge, Node, drawing
from orchestrator.cli.project import Project, TaskId, others_go_on, pass_project
from orchestrator.cli.status import NOT_BEGUN
from orchestrator.errors import OrchestratorError, UnknownTask
from orchestrator.tree import Branch

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.task import Task


@click.command()
@click.argument("task_id", metavar="[ID]", required=False, type=TaskId())
@click.option("--all", "everything", is_flag=True, help="The archived ones too.")
@click.option("--svg", is_flag=True, help="A picture, instead of Mermaid.")
@click.option("--text", is_flag=True, help="In the picture, what each task is about, where one points at it.")
@pass_project
def command(project: Project, task_id: str | None, everything: bool, svg: bool, text: bool) -> int:
    """Draw how tasks hang together.

    All that are not done as a whole, or a task with all below it. An arrow leads from a task to each it gave away, a
    dashed one from a task to what came after it, and a dotted one to what it refers to.
    """
    unread: list[OrchestratorError] = []
    with project.engine() as engine:
        wanted = project.known(engine, task_id) if task_id else None
        branches, lost = _read(engine, [wanted] if wanted else engine.ids(), unread)
        shown = branches if wanted or everything else list(tree.under(branches, _going_on(branches)))
        nodes = [_node(engine, branch, lost, text=text) for branch in shown]
    if branches and not shown:
        screen.complain("no task is going on: --all draws those that are archived")
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


def _node(engine: Engine, branch: Branch[Task], lost: Container[str], *, text: bool) -> Node:
    task = branch.task
    if task is None:
        return Node(branch.id, screen.line(branch.agent), "unreadable" if branch.id in lost else NOT_BEGUN, "")
    stands = outcome.status(task, at_work=engine.at_work(task.id) is not None)
    about = task.description.strip().partition("\n")[0] if text else ""
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
    lines += [
        f'    {node.task}["{_quoted(node.agent)}<br/>{node.task} · {node.state}"]:::{node.kind}' for node in nodes
    ]
    lines += [f"    {edge.source} {_ARROWS[edge.kind]} {edge.target}" for edge in edges]
    kinds = {node.kind: COLOURS[node.kind] for node in nodes}
    lines += [
        f"    classDef {name} fill:{colour.fill},stroke:{colour.line},color:#202124" for name, colour in kinds.items()
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """As an entity whatever could end the text or begin markup."""
    return "".join(char if char.isalnum() or char in " -_.,:" else f"#{ord(char)};" for char in text)
