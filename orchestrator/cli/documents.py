"""The documents of a task, as a person names and edits them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from orchestrator.cli import screen
from orchestrator.cli.project import Project
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.engine import Engine, Refreshed
    from orchestrator.events import Commit, Kind
    from orchestrator.task import Task


def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Those that begin so, for a shell to complete."""
    return [name for name in ("plan", "checklist", "progress", "notes", "summary", "status") if name.startswith(begun)]


def named(task: Task, name: str) -> Kind:
    """The document whose name, or a word of it, begins so."""
    from orchestrator.documents import KINDS, kinds

    found = [kind for kind in KINDS if any(word.startswith(name) for word in (kind, *kind.split("-")))]
    if len(found) != 1:
        what = "no document" if not found else "more than one document"
        raise UsageError(f"{name!r} names {what}: there are {', '.join(found or KINDS)}")
    if found[0] not in kinds(task):
        raise UsageError(f"task {task.id} has no {found[0]}: it keeps {', '.join(kinds(task))}")
    return found[0]


def bring_up(project: Project, engine: Engine, task_id: str) -> Refreshed:
    """The task brought up to date: says what people edited, and what was put back."""
    project.known(engine, task_id)
    before = engine.since(task_id, 0)[-1].revision
    refreshed = engine.refresh(task_id)
    _warn(refreshed.restored, engine.since(task_id, before), refreshed.problem)
    return refreshed


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
