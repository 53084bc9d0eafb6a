"""why: why a task is where it is, and what would get it further."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from orchestrator.cli import apart, outcome, screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.cli.status import NOT_BEGUN
from orchestrator.errors import OrchestratorError, UnknownTask, UsageError

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.task import Child, Task

MOST = 12
"""Lines of what is missing; the checklist has the others."""
_ENDS = "still at work, and ends after its current call"


@click.command(epilog="JSON: {task, status, why: [text], missing: [text], next: [command]}.")
@click.argument("task_id", metavar="ID", type=TaskId())
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, as_json: bool) -> None:
    """Say why a task is where it is, and what gets it further."""
    from orchestrator.transitions import apply_all
    from orchestrator.worker import others

    with project.engine() as engine:
        task = engine.refresh(project.known(engine, task_id)).task
        # what it will hear of those it gave work to, once it goes on
        task = apply_all(task, tuple(others.observed(project.temp, task)), actor="engine", at=task.updated_at)
        holder = engine.at_work(task_id)
        why = list(_reasons(project, engine, task, holder))
        lacks = list(_lacks(task, at_work=holder is not None))
        then = list(_commands(project, engine, task, at_work=holder is not None))
    status = outcome.status(task, at_work=holder is not None)
    if as_json:
        screen.print_json({"task": task.id, "status": status, "why": why, "missing": lacks, "next": then})
        return
    click.echo(f"{click.style(task.id, fg='cyan')}  {click.style(screen.line(task.agent), bold=True)} is {status}")
    for reason in why:
        outcome.show_text(reason)
    if lacks:
        outcome.show_text("to be done it lacks:")
        for line in lacks[:MOST]:
            outcome.show_text(f"- {line}")
        if len(lacks) > MOST:
            outcome.show_text(f"and {len(lacks) - MOST} things more")
    for typed in then:
        click.echo(screen.dim(f"  → {typed}"))


def _reasons(project: Project, engine: Engine, task: Task, holder: str | None) -> Iterator[str]:
    from orchestrator.team.written import is_written
    from orchestrator.worker import orphans

    if task.open:
        yield from _stands(engine, task, holder)
        if not holder and not is_written(task):
            try:
                project.library().find(task.agent)
            except UsageError as error:  # it is not there, or no definition
                yield str(error)
        if (where := apart.place(project, task)) and not holder:
            yield f"its work is in {where.folder}, on the branch {where.branch}"
    elif task.ended == "cancelled":
        yield f"a person cancelled it{f': {task.reason}' if task.reason else ''}"
        if holder:
            yield f"{screen.who(holder)} is {_ENDS}"
    else:
        proofs = {name for item in task.live_items for name in item.evidence}
        said = f"{screen.count(len(task.live_items), 'item')} checked, by {screen.count(len(proofs), 'receipt')}"
        yield f"the engine found all of it done: {said}"
    if not holder and engine.folder.running(task.id):
        yield f"its command still runs: it outlived its worker; {project.typed('stop', task.id)} ends it"
    elif not holder and orphans.started(engine, task):
        shown = f"{project.typed('changes', task.id)} shows what it did to files"
        yield f"how its command ended is not recorded yet; {shown}"


def _lacks(task: Task, *, at_work: bool) -> Iterator[str]:
    """What is missing until it is done, but for what `_reasons` gives already."""
    from orchestrator.completion import missing

    if task.open:
        told = tuple(f"{row.id} “" for row in task.blockers if not at_work and row.text in (task.reason or ""))
        yield from (line for line in missing(task) if not line.startswith(told))


def _stands(engine: Engine, task: Task, holder: str | None) -> Iterator[str]:
    """What it does, or what keeps it from doing anything."""
    from orchestrator.questions import unanswered
    from orchestrator.worker.pulse import pauses

    if paused := pauses(engine, task):
        yield "a person has paused it" if paused == task.id else f"a person has paused {paused}, which gave it away"
    since = f"since {screen.clock(task.updated_at)}, {screen.age(task.updated_at)}"
    calls = [intent for intent in task.pending if intent.delegated is None]
    named = [f"{intent.tool} {intent.command or intent.path}" for intent in calls if intent.command or intent.path]
    doing = named or [intent.tool for intent in calls]
    waiting = [child for child in task.children if child.open and child.call in {row.call for row in task.pending}]
    if holder:
        ends = outcome.ends(task)
        yield f"{screen.who(holder)} is {_ENDS if ends else 'at work'}"
        if doing:
            yield f"it runs {', '.join(doing)}, {since}"
        elif not waiting and not paused and not ends:
            yield f"it waits for the model, {since}"
    elif task.status == "in-progress" and not task.epoch:
        yield "by its documents it was in progress when it was adopted; nobody has worked on it since"
    elif task.status == "in-progress":
        at = f" in {', '.join(doing)}" if doing else ""
        yield f"its worker is gone{at}; the last that was heard of it was {screen.age(task.updated_at)}"
    elif task.status == "pending":
        yield "nobody has begun it"
    elif task.reason:
        yield outcome.because(task.status, task.reason)
    elif task.status == "stopped" and (task.epoch or not task.by_hand or task.phase == "reopened"):
        yield "it was reopened"
    for row in unanswered(task):
        yield f"it asks {'its parent' if row.to == 'parent' else 'a person'}, {row.id}: {row.text}"
    for child in waiting or [child for child in task.children if child.open]:
        yield f"it waits for {child.id} ({child.agent}), {_child(engine, task, child)}"


def _child(engine: Engine, task: Task, child: Child) -> str:
    """How one stands that it gave away."""
    try:
        below = engine.refresh(child.id).task
        stands = outcome.status(below, at_work=engine.at_work(child.id) is not None)
    except UnknownTask:
        after = ", ".join(row.id for row in task.children if row.id in child.after and row.open)
        return f"which is {NOT_BEGUN}{f': it comes after {after}' if after else ''}"
    except OrchestratorError as error:
        return f"which cannot be read: {error}"
    if below.reason is None:
        return f"which is {stands}"
    return f"which is {outcome.because(stands, below.reason)}"


def _commands(project: Project, engine: Engine, task: Task, *, at_work: bool) -> Iterator[str]:
    from orchestrator.questions import unanswered
    from orchestrator.worker.pulse import pauses

    if task.ended == "cancelled":
        if at_work:
            yield project.typed("wait", task.id)
        yield project.typed("reopen", task.id)
    elif task.ended == "completed":
        yield project.typed("show", task.id)
    elif not at_work or outcome.ends(task):
        if at_work:
            yield project.typed("wait", task.id)
        yield from outcome.ways_on(project, engine, task)
    elif asked := [row.id for row in unanswered(task) if row.to == "person"]:
        yield from outcome.answers(project, task, asked)
    elif paused := pauses(engine, task):
        yield project.typed("continue", paused)
    else:
        yield project.typed("log", task.id, "--follow")
