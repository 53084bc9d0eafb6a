"""at: the tasks there were at a time, from their journals alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestrator import overview
from orchestrator.cli import screen, status
from orchestrator.cli.moment import Moment
from orchestrator.cli.project import Project, pass_project
from orchestrator.errors import StorageError, UsageError

if TYPE_CHECKING:
    from orchestrator.task import Task


class Past(overview.Row):
    """A task as it was, under the id it has now."""

    def __init__(self, task_id: str, task: Task, folder: overview.Folder) -> None:
        super().__init__(task_id, task.archived, folder)
        self._task = task

    @property
    def had(self) -> list[str]:
        """The names of the documents it had, under the id it has now."""
        from orchestrator.documents import file_name, kinds

        return [file_name(kind, self.id) for kind in kinds(self._task)]

    @property
    def interrupted(self) -> bool:
        """Whether its worker was alive then is not known."""
        return False

    @property
    def paused(self) -> bool:
        """Whether one that gave it away was, is to be seen there."""
        return self.open and self.data.get("paused") is True

    def _text(self, kind: str, suffix: str) -> bytes | None:
        from orchestrator.documents import render

        return render(self._task, kind).encode("utf-8", "surrogatepass")


@click.command(epilog="JSON: {project, at, tasks}, the tasks as those of `status`, and the documents of each.")
@click.argument("moment", metavar="TIME", type=Moment(revisions=False))
@click.option("--all", "everything", is_flag=True, help="Those that were archived by then too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with the archived ones.")
@pass_project
def command(project: Project, moment: str, everything: bool, as_json: bool) -> int:
    """List the tasks as they were at a time.

    TIME is ISO 8601, a date (as it began) or 19:40 (today); without a zone it is local. Only reads the journals: tasks
    kept by hand have none. A journal that is damaged before that time, or gone, is named, and makes the exit code 1.
    """
    folder = overview.Folder(project.temp)
    rows, failed = [], False
    for task_id in folder.journals:
        try:
            rows.append(Past(task_id, project.revisions(task_id).at(moment), folder))
        except UsageError:  # it was not there yet, or was renamed since it was listed
            continue
        except StorageError as error:
            screen.complain(str(error))
            failed = True
    for row in overview.rows(project.temp):
        if row.keeping == "gone":
            screen.complain(str(row.absent))
            failed = True
    rows.sort(key=overview.by_start)
    if as_json:
        had = {row.id: row.had for row in rows}
        tasks = [{**said, "documents": had.get(said["task"], [])} for said in status.as_json(rows)]
        screen.print_json({"project": str(project.workspace), "at": moment, "tasks": tasks})
        return int(failed)
    shown = [row for row in rows if everything or not row.archived]
    if shown:
        click.echo("\n".join(status.table(shown, folder.journals)))
    elif not rows and not failed:
        click.echo(f"no tasks yet at {screen.clock(moment)}")
    if left := len(rows) - len(shown):
        click.echo(screen.dim(f"{left} archived by then: --all lists them"))
    if rows:
        for what, words in (("one of them", ["ID"]), ("a document of it", ["ID", "plan"])):
            typed = project.typed("show", *words, "--at", screen.clock(moment, "T"))
            click.echo(screen.dim(f"{what}: {typed}"))
    return int(failed)
