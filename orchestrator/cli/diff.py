"""diff: what changed in a task's documents between two revisions."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from orchestrator.cli import documents, screen
from orchestrator.cli.moment import Moment
from orchestrator.cli.project import Project, TaskId, pass_project

if TYPE_CHECKING:
    from orchestrator.events import Kind
    from orchestrator.task import Task

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


class _Change(NamedTuple):
    kind: Kind
    change: str
    diff: str


@click.command(epilog="JSON: {task, from, to, documents: [{document, change, diff}]}.")
@click.argument("task_id", metavar="ID", type=TaskId())
@click.argument("before", metavar="A", type=Moment())
@click.argument("after", metavar="[B]", type=Moment(), required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, before: int | str, after: int | str | None, as_json: bool) -> None:
    """Show what changed in the documents of a task.

    Between A and B, each a revision, r5, or a time; without B up to now, and first, what people edited is recorded. The
    last line of a document, its stamp, is left out.
    """
    if after is None:
        with project.engine() as engine:
            after = documents.bring_up(project, engine, task_id).task.revision
    revisions = project.revisions(task_id)
    old, new = revisions.at(before), revisions.at(after)
    changes = list(_changes(old, new))
    if as_json:
        rows = [{"document": row.kind, "change": row.change, "diff": row.diff} for row in changes]
        screen.print_json({"task": task_id, "from": old.revision, "to": new.revision, "documents": rows})
        return
    for row in changes:
        for number, line in enumerate(screen.plain(row.diff).split("\n")[:-1]):
            click.echo(click.style(line, bold=True) if number < 2 else click.style(line, fg=_COLOURS.get(line[:1])))
    if not changes:
        click.echo(f"no document of {task_id} changed between r{old.revision} and r{new.revision}", err=True)


def _changes(old: Task, new: Task) -> Iterator[_Change]:
    from orchestrator.documents import KINDS, file_name, kinds, render

    for kind in KINDS:
        was, then = (render(task, kind) if kind in kinds(task) else None for task in (old, new))
        if was == then:
            continue
        above, below = (
            f"{file_name(kind, task.id)} r{task.revision}" if body is not None else "/dev/null"
            for task, body in ((old, was), (new, then))
        )
        change = "created" if was is None else "deleted" if then is None else "modified"
        lines = difflib.unified_diff(_lines(was), _lines(then), above, below)
        whole = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
        yield _Change(kind, change, "".join(whole))


def _lines(body: str | None) -> list[str]:
    """Each with its newline, which is all that ends one."""
    return [] if body is None else io.StringIO(body, newline="\n").readlines()
