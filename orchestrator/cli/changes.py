"""changes: what a task did to the files of the workspace, as a patch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from orchestrator.cli import screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.cli.selection import select, unrecorded

if TYPE_CHECKING:
    from orchestrator.contents import Contents
    from orchestrator.evidence import NetChange

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_HEAD = ("diff --git ", "index ", "new file ", "deleted file ", "--- ", "+++ ")


@click.command(epilog="JSON: {task, files: [{path, change, before, after, shared, kept, binary, patch}]}.")
@click.argument("task_id", metavar="ID", type=TaskId())
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, paths: tuple[str, ...], as_json: bool) -> int:
    """Show what a task did to files, all in all.

    To those at PATH, or to all. Piped, it is a patch: orchestrator changes ID | git apply --reverse. A file whose
    content was not kept, or that somebody else may have changed, is not in it: it is named on standard error, and makes
    the exit code 1.
    """
    with project.engine() as engine:
        task = engine.refresh(project.known(engine, task_id)).task
        selected = select(project, task, (*task.changes, *unrecorded(project, engine, task)), paths)
        found = [File(change, engine.folder.contents) for change in selected]
        runs = not engine.at_work(task_id) and bool(engine.folder.running(task_id))
    if as_json:
        screen.print_json({"task": task_id, "files": [file.as_json() for file in found]})
    else:
        for file in found:
            file.show()
        if not found and not runs:
            click.echo(f"{task_id} changed no file, all in all", err=True)
    if runs:
        typed = project.typed("stop", task_id)
        screen.complain(f"a command that outlived its worker still runs, and what it did is not told: {typed} ends it")
    return 0 if not runs and all(file.kept and not file.shared for file in found) else 1


class File:
    """One file that a task changed, with its contents as far as they were kept."""

    def __init__(self, change: NetChange, contents: Contents) -> None:
        self._change = change
        self.shared = change.shared
        self._before = contents.read(change.before) if change.before else None
        self._after = contents.read(change.after) if change.after else None
        missing = (change.before and self._before is None, change.after and self._after is None)
        self.kept = not any(missing)

    def as_json(self) -> dict[str, object]:
        from orchestrator.patch import is_binary

        change, binary = self._change, is_binary(self._before, self._after)
        return {
            "path": change.path,
            "change": change.kind,
            "before": change.before,
            "after": change.after,
            "shared": change.shared,
            "kept": self.kept,
            "binary": binary if self.kept else None,
            "patch": None if binary or not self.kept else self._patch().decode("utf-8", "replace"),
        }

    def show(self) -> None:
        """Bytes for whoever reads a pipe; for a person harmless lines in colour."""
        from orchestrator.patch import is_binary

        change = self._change
        if self.shared:
            perhaps = "perhaps by somebody else: while a command ran, or after it"
            screen.complain(f"{change.path} was {change.kind}, {perhaps}")
        elif not self.kept:
            screen.complain(f"{change.path} was {change.kind}; what it held was not kept")
        elif not sys.stdout.isatty():
            sys.stdout.buffer.write(self._patch())
        elif is_binary(self._before, self._after):
            sizes = [f"{len(data):,} bytes" for data in (self._before, self._after) if data is not None]
            click.secho(f"{screen.line(change.path)} was {change.kind}, binary: {' → '.join(sizes)}", bold=True)
        else:
            self._show_lines()

    def _patch(self) -> bytes:
        from orchestrator.patch import patch

        return patch(self._change.path, self._before, self._after)

    def _show_lines(self) -> None:
        head = True
        for row in screen.plain(self._patch().decode("utf-8", "replace")).split("\n")[:-1]:
            head = head and row.startswith(_HEAD)
            click.echo(click.style(row, bold=True) if head else click.style(row, fg=_COLOURS.get(row[:1])))
