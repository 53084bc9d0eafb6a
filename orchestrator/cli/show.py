"""show: one task, or one of its documents, brought up to date first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.errors import StorageError, UsageError

if TYPE_CHECKING:
    from orchestrator.events import Commit, Kind
    from orchestrator.task import Task


def _document_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    return [name for name in ("plan", "checklist", "progress", "notes", "summary", "status") if name.startswith(begun)]


@click.command(
    epilog="JSON: the task, or with DOCUMENT {task, document, path, text} or {task, receipt}; see docs/cli.md."
)
@click.argument("task_id", metavar="ID", type=TaskId())
@click.argument("document", required=False, shell_complete=_document_names)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, document: str | None, as_json: bool) -> None:
    """Show a task, one of its documents, or what a call did.

    DOCUMENT is plan, checklist, progress, notes, summary or status, or a receipt that they cite, such as R9. First,
    what people edited is recorded, and documents that are missing or stale are put back.
    """
    with project.engine() as engine:
        project.known(engine, task_id)
        before = engine.since(task_id, 0)[-1].revision
        refreshed = engine.refresh(task_id)
        task, holder = refreshed.task, engine.at_work(task_id)
        _warn(refreshed.restored, engine.since(task_id, before), refreshed.problem)
    if document is not None and re.fullmatch(r"[Rr][0-9]+", document):
        _show_receipt(task, document.upper(), as_json)
    elif document is not None:
        _show_document(project, task, _kind(task, document), as_json)
    elif as_json:
        screen.print_json(_json(project, task, holder, refreshed.problem))
    else:
        _show_task(project, task, holder)


def _warn(restored: Iterable[Kind], commits: Iterable[Commit], problem: str | None) -> None:
    from orchestrator.events import EditSetAside, TextEdited

    events = [event for commit in commits if commit.actor == "editor" for event in commit.events]
    aside = [event for event in events if isinstance(event, EditSetAside)]
    worded = [event.document for event in events if isinstance(event, TextEdited)]
    changes = len(events) - len(aside) - len(worded)
    recorded = [f"{changes} change{'s' if changes > 1 else ''}"] if changes else []
    # of a document that is set aside, the text that remains is not what was written
    if kinds := [kind for kind in worded if kind not in {event.document for event in aside}]:
        recorded.append(f"the wording of {', '.join(kinds)}")
    if names := ", ".join(restored):
        screen.complain(f"restored: {names}")
    if recorded:
        screen.complain(f"recorded what was edited by hand: {' and '.join(recorded)}")
    for event in aside:
        screen.complain(f"an edit of {event.document} is set aside as {event.name}: {screen.phrase(event.reason)}")
    if problem:
        screen.complain(problem)


def _kind(task: Task, name: str) -> Kind:
    """The document whose name, or a word of it, begins so."""
    from orchestrator.documents import KINDS, kinds

    found = [kind for kind in KINDS if any(word.startswith(name) for word in (kind, *kind.split("-")))]
    if len(found) != 1:
        what = "no document" if not found else "more than one document"
        raise UsageError(f"{name!r} names {what}: there are {', '.join(found or KINDS)}")
    if found[0] not in kinds(task):
        raise UsageError(f"task {task.id} has no {found[0]}: it keeps {', '.join(kinds(task))}")
    return found[0]


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
    _section("Evidence of", [("·", text) for text in cited])
    _section("Files", [(outcome.mark(row), row.path) for row in receipt.files])
    _section("Output", [("", f".temp/.orchestrator/outputs/{receipt.output}")] if receipt.output else [])


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


def _show_task(project: Project, task: Task, holder: str | None) -> None:
    name, agent = click.style(task.id, fg="cyan"), click.style(screen.line(task.agent), bold=True)
    click.echo(f"{name}  {agent}")
    _show_state(project, task, holder)
    outcome.show_text(task.description, most=6)
    started = f"started {screen.age(task.started_at)}"
    outcome.show_text(f"{started}, {outcome.cost([task])}, revision {task.revision}", dim=True)
    _section("Instructions", [("·", row.text) for row in task.instructions])
    _section("Workstreams", [(_box(row.status), f"{row.id}: {row.description}") for row in task.workstreams])
    done = sum(item.checked for item in task.live_items)
    items = [
        (_box("completed" if item.checked else "pending"), _item(item.text, item.evidence)) for item in task.live_items
    ]
    _section(f"Items {done}/{len(task.live_items)}", items)
    _section("Decisions", [(row.id, f"{row.decision}\n{row.rationale or ''}") for row in task.decisions])
    blockers = [(row.id, f"{row.text}\n{_resolved(row.resolution)}") for row in task.blockers]
    _section("Blockers", blockers)
    _section("Next steps", [("·", step) for step in task.next_steps])
    references = [("·", f"{row.document} of {row.task}{' (archived)' if row.moved else ''}") for row in task.references]
    _section("References", references)
    _section("Set aside", [("·", name) for name in task.set_aside])
    _section("Summary", [("", task.summary)] if task.summary else [])
    _section("Documents", [("", project.relative(path)) for path in outcome.documents(project, task)])


def _show_state(project: Project, task: Task, holder: str | None) -> None:
    phase = f", phase {task.phase}" if task.open else ""
    why = f", {screen.who(holder)} is at work" if holder else f": {task.reason}" if task.reason else ""
    outcome.show_text(outcome.status(task, at_work=holder is not None) + phase + why)
    if task.open and not holder:
        click.echo(screen.dim(f"  go on with: {project.resume(task.id, *outcome.higher_limits(task))}"))
    elif task.ended == "cancelled" and not holder:
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


def _section(heading: str, rows: Sequence[tuple[str, str]]) -> None:
    """A heading with its rows, a text's first line beside its mark and the others, dim, below; nothing when empty."""
    if not rows:
        return
    screen.title(heading)
    widest = max(len(click.unstyle(mark)) for mark, _ in rows)
    gap = 2 + widest + (1 if widest else 0)
    for mark, text in rows:
        first, _, rest = text.partition("\n")
        lead = "  " + mark + " " * (gap - 2 - len(click.unstyle(mark)))
        for number, part in enumerate(screen.wrap(screen.line(first), screen.columns() - gap) or [""]):
            click.echo((lead if number == 0 else " " * gap) + part)
        for part in screen.wrap(screen.line(rest), screen.columns() - gap):
            click.echo(" " * gap + screen.dim(part))
