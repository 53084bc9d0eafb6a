"""show: one task, or one of its documents, brought up to date first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import apart, documents, outcome, screen, spending
from orchestrator.cli.moment import Moment
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.errors import StorageError, UsageError

if TYPE_CHECKING:
    from orchestrator.events import Kind
    from orchestrator.task import Task


@click.command(
    epilog="JSON: the task, or with DOCUMENT {task, document, path, text} or {task, receipt}; see docs/cli.md."
)
@click.argument("task_id", metavar="ID", type=TaskId())
@click.argument("document", required=False, shell_complete=documents.complete)
@click.option("--at", type=Moment(), help="As it was at that revision, r5, or that time.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, document: str | None, at: int | str | None, as_json: bool) -> None:
    """Show a task, one of its documents, or what a call did.

    DOCUMENT is plan, checklist, progress, notes, summary or status, or a receipt that they cite, such as R9. First,
    what people edited is recorded, and documents that are missing or stale are put back; with --at only the journal is
    read.
    """
    problem = holder = spent = where = None
    ways_on: list[str] = []
    if at is not None:
        task = project.revisions(task_id).at(at)
        holder = task.holder if task.status == "in-progress" else None
    else:
        with project.engine() as engine:
            refreshed = documents.bring_up(project, engine, task_id)
            task, problem, holder = refreshed.task, refreshed.problem, engine.at_work(task_id)
            ways_on = outcome.ways_on(project, engine, task) if task.open and not holder else []
            spent = spending.read(engine, task) if document is None else None
            where = apart.place(project, task)
    if document is not None and re.fullmatch(r"[Rr][0-9]+", document):
        _show_receipt(task, document.upper(), as_json)
    elif document is not None:
        show_text = _show_document if at is None else _show_document_then
        show_text(project, task, documents.named(task, document), as_json)
    elif as_json:
        more = {"worktree": apart.as_json(where), **spending.as_json(spent)} if spent else {}
        screen.print_json(_json(project, task, holder, problem) | more)
    else:
        _show_task(project, task, holder, ways_on, then=at is not None)
        screen.section("Worktree", [("", where.folder), ("", f"branch {where.branch}")] if where else [])
        for heading, rows in spending.sections(spent) if spent else ():
            screen.section(heading, rows)


def _show_receipt(task: Task, name: str, as_json: bool) -> None:
    receipt = next((row for row in task.receipts if row.id == name), None)
    if receipt is None:
        raise UsageError(f"task {task.id} has no receipt {name}")
    if as_json:
        screen.print_json({"task": task.id, "receipt": receipt.model_dump(mode="json")})
        return
    code = "" if receipt.exit_code is None else f", exit code {receipt.exit_code}"
    click.echo(f"{click.style(receipt.id, fg='cyan')}  {click.style(receipt.tool, bold=True)}  {receipt.outcome}{code}")
    for row in screen.plain(receipt.command or "").splitlines():
        click.echo(f"  {row}")
    cited = [item.text for item in task.live_items if name in item.evidence]
    screen.section("Evidence of", [("·", text) for text in cited])
    screen.section("Files", [outcome.mark(row) for row in receipt.files])
    screen.section("Output", [("", f".temp/.orchestrator/outputs/{receipt.output}")] if receipt.output else [])


def _show_document(project: Project, task: Task, kind: Kind, as_json: bool) -> None:
    from orchestrator import files
    from orchestrator.documents import file_name

    path = project.temp / ("completed" if task.archived else "") / file_name(kind, task.id)
    try:
        text = (files.read(path) or b"").decode("utf-8", "replace")
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from None
    if as_json:
        screen.print_json({"task": task.id, "document": kind, "path": project.relative(path), "text": text})
    else:
        click.echo(screen.plain(text), nl=not text.endswith("\n"))


def _show_document_then(project: Project, task: Task, kind: Kind, as_json: bool) -> None:
    from orchestrator.documents import file_name, render, stamp
    from orchestrator.revisions import is_exact

    body = render(task, kind)
    text, exact = stamp(task, kind, body), is_exact(task, kind, body)
    if as_json:
        path = project.relative(project.temp / ("completed" if task.archived else "") / file_name(kind, task.id))
        row = {"task": task.id, "document": kind, "path": path, "revision": task.revision, "exact": exact, "text": text}
        screen.print_json(row)
        return
    click.echo(screen.plain(text), nl=not text.endswith("\n"))
    if not exact:
        screen.complain(f"the {kind} was worded otherwise by the orchestrator of r{task.revision}: this says the same")


def _json(project: Project, task: Task, holder: str | None, problem: str | None) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "task": task.id,
        "agent": task.agent,
        "description": task.description,
        "status": outcome.status(task, at_work=holder is not None),
        "reason": task.reason,
        "phase": task.phase,
        "mode": task.mode,
        "revision": task.revision,
        "started": task.started_at,
        "updated": task.updated_at,
        "completed": task.completed_at,
        "forked": task.forked and asdict(task.forked),
        "worker": holder,
        "turns": task.turns,
        "usage": outcome.usage(task),
        "limits": task.limits.model_dump(),
        "workstreams": [asdict(row) for row in task.workstreams],
        "items": [asdict(row) for row in task.items],
        "decisions": [asdict(row) for row in task.decisions],
        "blockers": [asdict(row) for row in task.blockers],
        "instructions": [{"at": row.at, "text": row.text} for row in task.instructions],
        "next_steps": list(task.next_steps),
        "references": [asdict(row) for row in task.references],
        "set_aside": list(task.set_aside),
        "summary": task.summary,
        "result": task.result,
        "documents": [project.relative(path) for path in outcome.documents(project, task)],
        "problem": problem,
    }


def _show_task(project: Project, task: Task, holder: str | None, ways_on: list[str], *, then: bool) -> None:
    name, agent = click.style(task.id, fg="cyan"), click.style(screen.line(task.agent), bold=True)
    click.echo(f"{name}  {agent}")
    if then:
        click.echo(screen.dim(f"  as it was at r{task.revision}, {screen.clock(task.updated_at)}"))
    _show_state(project, task, holder, ways_on, then)
    outcome.show_text(task.description, most=6)
    started = f"started {screen.age(task.started_at)}"
    outcome.show_text(f"{started}, {outcome.cost([task])}, revision {task.revision}", dim=True)
    screen.section("Instructions", [("·", row.text) for row in task.instructions])
    screen.section("Workstreams", [(_box(row.status), f"{row.id}: {row.description}") for row in task.workstreams])
    done = sum(item.checked for item in task.live_items)
    items = [
        (_box("completed" if item.checked else "pending"), _item(item.text, item.evidence)) for item in task.live_items
    ]
    screen.section(f"Items {done}/{len(task.live_items)}", items)
    screen.section("Decisions", [(row.id, f"{row.decision}\n{row.rationale or ''}") for row in task.decisions])
    blockers = [(row.id, f"{row.text}\n{_resolved(row.resolution)}") for row in task.blockers]
    screen.section("Blockers", blockers)
    screen.section("Next steps", [("·", step) for step in task.next_steps])
    references = [("·", f"{row.document} of {row.task}{' (archived)' if row.moved else ''}") for row in task.references]
    screen.section("References", references)
    screen.section("Set aside", [("·", name) for name in task.set_aside])
    screen.section("Summary", [("", task.summary)] if task.summary else [])
    screen.section("Documents", [("", project.relative(path)) for path in outcome.documents(project, task)])


def _show_state(project: Project, task: Task, holder: str | None, ways_on: list[str], then: bool) -> None:
    phase = f", phase {task.phase}" if task.open else ""
    status, why = outcome.status(task, at_work=holder is not None), ""
    if holder:
        why = f", {screen.who(holder)} is at work"
    elif task.reason:
        why = f"; {outcome.because(task.status, task.reason)}" if status == "paused" else f": {task.reason}"
    outcome.show_text(status + phase + why)
    for way_on in ways_on:
        click.echo(screen.dim(f"  go on with: {way_on}"))
    if task.ended == "cancelled" and not holder and not then:
        click.echo(screen.dim(f"  open it again with: {project.typed('reopen', task.id)}"))


def _box(status: str) -> str:
    mark, colour = {"completed": ("✓", "green"), "in-progress": ("▸", "cyan"), "blocked": ("■", "yellow")}.get(
        status, ("·", None)
    )
    return click.style(mark, fg=colour)


def _item(text: str, evidence: Sequence[str]) -> str:
    return f"{text} ({', '.join(evidence)})" if evidence else text


def _resolved(resolution: str | None) -> str:
    return f"resolved: {resolution}" if resolution else "open"
