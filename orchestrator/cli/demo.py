"""demo: two agents at real work on a small project, without a key."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator import overview
from orchestrator.cli import outcome, screen
from orchestrator.cli.outcome import Outcome
from orchestrator.cli.permit import Permit
from orchestrator.cli.project import Project
from orchestrator.cli.work import Output, interruptible, output_option, view
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.task import Task


@click.command(epilog="JSON: {directory, kept, scripted, seconds, tasks: [as of run]}, see docs/cli.md.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Work in DIR and leave it there: a new or empty directory, or that of an interrupted demo, which goes on.",
)
@click.option("--team", is_flag=True, help="A lead gives work to three agents, and two of these to three more.")
@click.option("--live", is_flag=True, help="With a real model: needs ANTHROPIC_API_KEY, and asks before each command.")
@click.option("--yes", is_flag=True, help="With --live: run every command unasked.")
@output_option
def command(keep: Path | None, team: bool, live: bool, yes: bool, output: Output) -> None:
    """See agents at work, without a key.

    Two build the database part of a small clinic project: an architect designs the associations, a worker writes
    models and migrations after its decisions. With --team, a lead has it designed, built, tested and reviewed.
    """
    import shutil
    import tempfile

    from orchestrator import demo

    if team and not shutil.which("rg"):
        raise UsageError("the demo of a team needs ripgrep: install it, or see two agents at work without --team")

    asked = demo.TEAM if team else demo.TASKS

    with ExitStack() as stack:
        directory = (
            keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orchestrator-demo-")))
        ).resolve()
        project = Project(directory)
        _refuse_another(project, team)
        finished, begun = _finished(project, asked), time.monotonic()
        opening = ["This demo is finished already: nothing is run again."] if finished else _opening(project, live)
        with interruptible(_how_to_resume(keep, team, live, yes)):
            tasks = _play(project, stack, opening, asked, live=live, yes=yes or not live, output=output)
        seconds = 0.0 if finished else time.monotonic() - begun
        _show(project, tasks, seconds, kept=keep is not None, live=live, output=output)


def _refuse_another(project: Project, team: bool) -> None:
    agents = {row.text("agentId") for row in overview.read(project.temp)}
    if agents and ("lead" in agents) != team:
        with_it, them = ("without", "two agents") if team else ("with", "a team")
        raise UsageError(
            f"{project.workspace} holds the demo of {them}: go on {with_it} --team, or name another directory"
        )


def _finished(project: Project, asked: Mapping[str, str]) -> bool:
    return {row.text("agentId") for row in overview.read(project.temp) if row.archived} >= set(asked)


def _play(
    project: Project,
    stack: ExitStack,
    opening: list[str],
    asked: Mapping[str, str],
    *,
    live: bool,
    yes: bool,
    output: Output,
) -> list[Task]:
    from orchestrator import demo
    from orchestrator.models import Names, connect
    from orchestrator.permissions import Permissions
    from orchestrator.settings import Settings

    settings = project.settings() if live else Settings()
    if live:
        connect(settings.provider)  # raises BadKey before anything is begun
    demo.prepare(project.workspace)
    if output != "stream-json":
        click.echo("\n".join(opening), err=output == "json")
    with closing(view(project, output)) as report:
        return demo.run(
            project.workspace,
            asked,
            model=(lambda: connect(settings.provider))
            if live
            else stack.enter_context(demo.scripted(project.workspace, asked)),
            report=report,
            permit=Permit(Permissions(settings.allow, everything=yes), report),
            names=Names(settings.models, settings.model),
        )


def _opening(project: Project, live: bool) -> list[str]:
    model = "A real model answers." if live else "The model is scripted."
    import shutil

    node = [] if shutil.which("node") else ["Node is not installed: a smaller check stands in for the project's own."]
    return [
        click.style(model, bold=True) + " Every tool call, file and process is real.",
        *node,
        screen.dim(f"workspace {project.workspace}"),
        "",
    ]


def _how_to_resume(keep: Path | None, team: bool, live: bool, yes: bool) -> str:
    if keep is None:
        return "the directory is removed: with --keep DIR a demo can be resumed"
    options = f"{' --team' if team else ''}{' --live' if live else ''}{' --yes' if yes else ''}"
    return f"nothing is lost; resume with: orchestrator demo --keep {screen.quoted(str(keep))}{options}"


def _show(project: Project, tasks: list[Task], seconds: float, *, kept: bool, live: bool, output: Output) -> None:
    ends = [Outcome(task.id, task, None, seconds) for task in tasks]
    if output == "stream-json":
        for end in ends:
            view(project, output).ended(end)
    if output == "json":
        about = {"directory": str(project.workspace), "kept": kept, "scripted": not live, "seconds": round(seconds, 3)}
        screen.print_json({**about, "tasks": [outcome.as_json(project, end) for end in ends]})
    if output != "text":
        return
    screen.title("Archived")
    for task in tasks:
        click.echo(f"  {click.style(task.id, fg='cyan')}  {click.style(task.agent, bold=True)}")
        outcome.show_text(outcome.cost([task]), indent=10, dim=True)
        outcome.show_text(task.summary or "", indent=10)
        for path in outcome.documents(project, task):
            click.echo(screen.dim(f"          {screen.line(project.relative(path))}"))
    screen.title("What changed in the project")
    outcome.show_tree(outcome.changes(tasks))
    numbers = f"{outcome.cost(tasks)}, {seconds:.1f} s" if seconds else f"finished earlier: {outcome.cost(tasks)}"
    click.echo(f"\n{click.style('✓', fg='green')} {numbers}")
    if kept:
        *_, asked = (task.id for task in tasks if task.parent is None)
        outcome.show_text(f"kept in {project.workspace}: `orchestrator show {asked}` there shows the task")
    else:
        outcome.show_text("The directory is removed now: `orchestrator demo --keep DIR` leaves it to look at.")
