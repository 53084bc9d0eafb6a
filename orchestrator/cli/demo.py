"""demo: two agents at real work on a small project, without a key."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator import overview
from orchestrator.cli import outcome, screen
from orchestrator.cli.outcome import Outcome
from orchestrator.cli.permit import Permit
from orchestrator.cli.progress import Progress
from orchestrator.cli.project import Project
from orchestrator.errors import Interrupted

if TYPE_CHECKING:
    from orchestrator.task import Task


@click.command(epilog="JSON: {directory, kept, scripted, seconds, tasks: [as of run]}, see docs/cli.md.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Work in DIR and leave it there: a new or empty directory, or that of an interrupted demo, which goes on.",
)
@click.option("--live", is_flag=True, help="With a real model: needs ANTHROPIC_API_KEY, and asks before each command.")
@click.option("--yes", is_flag=True, help="With --live: run every command unasked.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document at the end; progress on stderr.")
def command(keep: Path | None, live: bool, yes: bool, as_json: bool) -> None:
    """See two agents at work, without a key.

    They build the database part of a small clinic project: an architect designs the associations, a worker writes
    models and migrations after its decisions.
    """
    import tempfile

    with ExitStack() as stack:
        directory = (
            keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orchestrator-demo-")))
        ).resolve()
        project = Project(directory)
        finished, begun = _finished(project), time.monotonic()
        opening = ["This demo is finished already: nothing is run again."] if finished else _opening(project, live)
        try:
            tasks = _play(project, stack, opening, live=live, yes=yes or not live, as_json=as_json)
        except KeyboardInterrupt:
            raise Interrupted(_how_to_resume(keep, live, yes)) from None
        seconds = 0.0 if finished else time.monotonic() - begun
        _show(project, tasks, seconds, kept=keep is not None, live=live, as_json=as_json)


def _finished(project: Project) -> bool:
    from orchestrator import demo

    return {row.text("agentId") for row in overview.read(project.temp) if row.archived} >= set(demo.TASKS)


def _play(
    project: Project, stack: ExitStack, opening: list[str], *, live: bool, yes: bool, as_json: bool
) -> list[Task]:
    from orchestrator import demo
    from orchestrator.models import Names, connect
    from orchestrator.permissions import Permissions
    from orchestrator.settings import Settings

    settings = project.settings() if live else Settings()
    if live:
        connect(settings.provider)  # raises BadKey before anything is begun
    demo.prepare(project.workspace)
    progress = Progress(project.workspace, err=as_json)
    for text in opening:
        progress.say(text)
    return demo.run(
        project.workspace,
        model=(lambda: connect(settings.provider)) if live else stack.enter_context(demo.scripted(project.workspace)),
        report=progress,
        permit=Permit(Permissions(settings.allow, everything=yes), progress),
        names=Names(settings.models, settings.model),
    )


def _opening(project: Project, live: bool) -> list[str]:
    model = "A real model answers." if live else "The model is scripted."
    node = [] if shutil.which("node") else ["Node is not installed: a smaller check stands in for the project's own."]
    return [
        click.style(model, bold=True) + " Every tool call, file and process is real.",
        *node,
        screen.dim(f"workspace {project.workspace}"),
        "",
    ]


def _how_to_resume(keep: Path | None, live: bool, yes: bool) -> str:
    if keep is None:
        return "interrupted, the directory is removed: with --keep DIR a demo can be resumed"
    options = f"{' --live' if live else ''}{' --yes' if yes else ''}"
    return f"interrupted, nothing is lost; resume with: orchestrator demo --keep {screen.quoted(str(keep))}{options}"


def _show(project: Project, tasks: list[Task], seconds: float, *, kept: bool, live: bool, as_json: bool) -> None:
    if as_json:
        screen.print_json(_json(project, tasks, seconds, kept=kept, live=live))
        return
    screen.title("Archived")
    for task in tasks:
        click.echo(f"  {click.style(task.id, fg='cyan')}  {click.style(task.agent, bold=True)}")
        click.echo(screen.dim(f"          {outcome.cost([task])}"))
        outcome.show_text(task.summary or "", indent=10)
        for path in outcome.documents(project, task):
            click.echo(screen.dim(f"          {screen.line(project.relative(path))}"))
    screen.title("What changed in the project")
    outcome.show_tree(outcome.changes(tasks))
    numbers = f"{outcome.cost(tasks)}, {seconds:.1f} s" if seconds else f"finished earlier: {outcome.cost(tasks)}"
    click.echo(f"\n{click.style('✓', fg='green')} {numbers}")
    if kept:
        click.echo(f"  kept in {project.workspace}: `orchestrator show {tasks[-1].id}` there shows the task")
    else:
        click.echo("  The directory is removed now: `orchestrator demo --keep DIR` leaves it to look at.")


def _json(project: Project, tasks: list[Task], seconds: float, *, kept: bool, live: bool) -> dict[str, Any]:
    ends = [Outcome(task.id, task, None, seconds) for task in tasks]
    return {
        "directory": str(project.workspace),
        "kept": kept,
        "scripted": not live,
        "seconds": round(seconds, 3),
        "tasks": [outcome.as_json(project, end) for end in ends],
    }
