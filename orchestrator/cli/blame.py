"""blame: which commit wrote each line of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import documents, screen
from orchestrator.cli.project import Project, TaskId, pass_project

if TYPE_CHECKING:
    from orchestrator.revisions import Line


@click.command(epilog="JSON: {task, document, lines: [{line, text, revision, at, actor, receipt, tool}]}.")
@click.argument("task_id", metavar="ID", type=TaskId())
@click.argument("document", shell_complete=documents.complete)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, document: str, as_json: bool) -> None:
    """Show who wrote each line of a document, and when.

    The revision, the receipt of the call where an agent did, who made the commit, and its time. First, what people
    edited is recorded. The last line of a document, its stamp, is left out.
    """
    with project.engine() as engine:
        task = documents.bring_up(project, engine, task_id).task
    kind = documents.named(task, document)
    lines = project.revisions(task_id).blame(kind)
    if as_json:
        rows = [_json(number, line) for number, line in enumerate(lines, start=1)]
        screen.print_json({"task": task_id, "document": kind, "lines": rows})
    else:
        _show(lines)


def _json(number: int, line: Line) -> dict[str, Any]:
    return {
        "line": number,
        "text": line.text,
        "revision": line.revision,
        "at": line.at,
        "actor": line.actor,
        "receipt": line.call.id if line.call else None,
        "tool": line.call.tool if line.call else None,
    }


def _show(lines: list[Line]) -> None:
    """Beside each line who wrote it, where that is not who wrote the one above."""
    leads = [
        (
            f"r{line.revision}",
            f"{line.call.id} {line.call.tool}" if line.call else "",
            line.actor,
            screen.clock(line.at)[5:16],
        )
        for line in lines
    ]
    widths = [max((screen.measure(lead[place]) for lead in leads), default=0) for place in range(4)]
    above = None
    for line, lead in zip(lines, leads, strict=True):
        shown = lead if lead != above else ("",) * 4
        words = "  ".join(cell.ljust(width) for cell, width in zip(shown, widths, strict=True))
        text = screen.crop(line.text.removesuffix("\r"), screen.columns() - len(words) - 2)
        click.echo(f"{screen.dim(words)}  {text}" if text else screen.dim(words.rstrip()))
        above = lead
