"""resume: go on with tasks that were interrupted, stopped at a limit, or blocked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, Unpack

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.outcome import Outcome
from orchestrator.cli.project import Project, TaskId, others_go_on, pass_project
from orchestrator.cli.work import Orders, Output, Shift, check_price, lift, limits, names, orders, view
from orchestrator.errors import BadKey, Busy, OrchestratorError, StorageError, TaskIsCancelled, UsageError

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.models import Model
    from orchestrator.task import Task


Mode = Literal["full", "lightweight"]
modes = click.option("--mode", type=click.Choice(["full", "lightweight"]), help="All documents from now on, or few.")


@click.command(epilog="JSON: {tasks: [as of run]}, see docs/cli.md.")
@click.argument("ids", metavar="[ID]...", nargs=-1, type=TaskId(archived=False))
@click.option("--all", "everything", is_flag=True, help="Every task that can be resumed, side by side.")
@modes
@orders
@pass_project
def command(
    project: Project,
    ids: tuple[str, ...],
    everything: bool,
    mode: Mode | None,
    **given: Unpack[Orders],
) -> int:
    """Go on with tasks where they stopped.

    That is the only one that can be resumed, those named by ID, or --all. With nothing to resume the exit code is 0.
    What an open task gave away goes on with that one. A paused one goes on only when it is named.

    --max-turns, --max-tokens, --max-seconds and --max-cost set new limits. What is completed or cancelled, and not
    archived yet, is archived.
    """
    if not ids and not project.temp.exists():
        return _nothing(project, given["output"])
    unread: list[OrchestratorError] = []
    with project.engine() as engine:
        tasks, taken, paused = (_named(project, engine, ids), [], 0) if ids else _resumable(project, engine, unread)
        if not ids and not everything and len(tasks) > 1:
            _choose(tasks, err=given["output"] != "text")
            raise UsageError(f"{len(tasks)} tasks can be resumed: name one, or say --all")
        ends = go_on(project, engine, tasks, mode, given, taken if everything or not tasks else [])
    if not ends and not unread and not paused:
        return _nothing(project, given["output"])
    return max(tell(project, ends, given["output"]), StorageError.exit_code if unread else 0)


def _nothing(project: Project, output: Output) -> int:
    if output == "text":
        click.echo(f"nothing to resume in {project.workspace}")
    return tell(project, [], output)


def _choose(tasks: list[Task], *, err: bool) -> None:
    columns = screen.columns(err=err)
    agents = [screen.fit(task.agent, columns // 3) for task in tasks]
    width = max(map(screen.measure, agents))
    for task, agent in zip(tasks, agents, strict=True):
        gap = " " * (width - screen.measure(agent))
        click.echo(f"{task.id}  {agent}{gap}  {screen.fit(task.description, columns - width - 10)}", err=err)


def _in_mode(engine: Engine, task: Task, mode: Mode | None) -> Task:
    from orchestrator.events import ModeChanged

    if mode is None or not task.open or task.mode == mode:
        return task
    return engine.commit(task.id, [ModeChanged(mode=mode)], actor="user")


def tell(project: Project, ends: list[Outcome], output: Output) -> int:
    """Say how the tasks ended; returns the exit code."""
    return outcome.tell(project, ends, output, {"tasks": [outcome.as_json(project, end) for end in ends]})


def _named(project: Project, engine: Engine, ids: tuple[str, ...]) -> list[Task]:
    known = [project.known(engine, task_id) for task_id in dict.fromkeys(ids)]
    tasks = [engine.refresh(task_id).task for task_id in known]
    for task in tasks:
        if task.archived and task.ended == "cancelled":
            raise TaskIsCancelled(f"task {task.id} was cancelled: reopen it first: {project.typed('reopen', task.id)}")
    expect_model(project, engine, [task for task in tasks if task.open])
    return [continued(engine, task) for task in tasks]


def expect_model(project: Project, engine: Engine, tasks: list[Task]) -> None:
    """Raises UsageError or BadKey where nobody works on one of these and no model can be asked, before any change."""
    if free := [task for task in tasks if not engine.at_work(task.id)]:
        _model(project, free, project.settings().provider)


def continued(engine: Engine, task: Task) -> Task:
    """A task that a person has named goes on, though it was paused or parked."""
    from orchestrator.events import TaskContinued

    kept = task.open and (task.paused or task.parked)
    return engine.commit(task.id, [TaskContinued()], actor="user") if kept else task


def _resumable(
    project: Project, engine: Engine, unread: list[OrchestratorError]
) -> tuple[list[Task], list[Outcome], int]:
    """The tasks that nobody works on, and how it stands with those that somebody does; what cannot be read is told.

    Archived ones are left out, and open ones that an open task gave away: their workers are that one's. So are paused
    ones, which are told; how many that are is the last of what this returns.
    """
    from orchestrator import overview

    rows = overview.read(project.temp)
    archived = {row.id for row in rows if row.archived} - {row.id for row in rows if not row.archived}
    found: dict[str, tuple[Task, str | None]] = {}
    for task_id in engine.ids():
        with others_go_on(unread):
            if task_id not in archived and not (task := engine.refresh(task_id).task).archived:
                found[task.id] = task, engine.at_work(task_id)
    free, taken, paused = [], [], 0
    for task, holder in found.values():
        above = found.get(task.parent or "")
        if task.open and above and above[0].open:
            continue
        if holder:
            taken.append(Outcome(task.id, task, Busy(task.id, holder), 0.0))
        elif task.open and task.paused:
            paused += 1
            screen.complain(f"task {task.id} is paused: go on with: {project.typed('continue', task.id)}")
        else:
            free.append(task)
    return free, taken, paused


def go_on(
    project: Project,
    engine: Engine,
    tasks: list[Task],
    mode: Mode | None,
    given: Orders,
    taken: Iterable[Outcome] = (),
) -> list[Outcome]:
    """Work on the open tasks, side by side, and archive the closed ones. `taken`: those that others work on."""
    tasks = [_in_mode(engine, task, mode) for task in tasks]
    report = view(project, given["output"])
    ends = [*taken, *(_archived(engine, task) for task in tasks if not task.open)]
    for end in ends:
        report.ended(end)
    waiting = [task for task in tasks if task.open]
    if not waiting:
        return ends
    settings = project.settings()
    for task in waiting:
        check_price(limits(given, task.limits), names(settings).full(task.model))
    shift = Shift(project, engine, _model(project, waiting, settings.provider), given, settings, report)
    if lift(given):
        for task in waiting:
            shift.team.allow(task.id, limits(given, task.limits))
    return ends + shift.work([task.id for task in waiting])


def _model(project: Project, tasks: list[Task], provider: str) -> Model:
    """The model that is asked; without a key, the demo's tasks have one of their own."""
    from orchestrator import demo
    from orchestrator.models import connect

    try:
        return connect(provider)
    except BadKey:
        if all(demo.TASKS.get(task.agent) == task.description for task in tasks):
            keep = screen.quoted(os.path.relpath(project.workspace))
            raise BadKey(f"no API key, but this is the demo: go on with: orchestrator demo --keep {keep}") from None
        raise


def _archived(engine: Engine, task: Task) -> Outcome:
    try:
        return Outcome(task.id, engine.archive(task.id), None, 0.0)
    except OrchestratorError as error:
        return Outcome(task.id, task, error, 0.0)
