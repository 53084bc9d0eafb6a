"""adopt: take over a `.temp` that agents kept by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from orchestrator import files
from orchestrator.cli import screen
from orchestrator.cli.project import Project, pass_project
from orchestrator.errors import OrchestratorError, Refused, StorageError

if TYPE_CHECKING:
    from orchestrator.engine.handmade import HandMade, Survey
    from orchestrator.task import Task

_SHOWN = 10
"""So many of the files that are left are named; --json has all."""


class Row(NamedTuple):
    """What became of a task. `notes`: what was not understood.

    `problem`: why it was left, without `task`; with it, why its documents are behind.
    """

    found: HandMade
    task: Task | None
    notes: tuple[str, ...] = ()
    problem: str | None = None


@click.command(
    epilog="JSON: {project, dry_run, adopted, left, kept, tasks: [{task, state, agent, description, archived, "
    "documents, new, companions, items, workstreams, notes, problem}], undefined, others}, see docs/cli.md."
)
@click.argument("path", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, path: Path | None, dry_run: bool, as_json: bool) -> int:
    """Take over the tasks in a .temp that agents kept by hand.

    PATH is the project, its .temp, or such a folder by another name. Every document keeps its words and gets a stamp;
    a task's missing documents are made. What is no task's stays as it is. Done again, it changes nothing.

    A status JSON that is broken is read as far as that goes, and kept as it was beside the one that is written: that is
    said, and is no failure. Exit code 1 when a task was left, because a document of it cannot be read at all, or when
    one cannot be written now: there is something to mend, and adopt to be done again.
    """
    project = project if path is None else _project(path)
    project.expect()
    try:
        seen, rows = _dry(project) if dry_run else _adopt(project)
    except OSError as error:
        raise StorageError(f"{error.filename}: {error.strerror}: what is there is not known") from None
    if as_json:
        screen.print_json(_json(project, seen, rows, dry_run))
    else:
        click.echo("\n".join(_told(project, seen, rows, dry_run)))
    return 1 if any(row.problem for row in rows) else 0


def _project(path: Path) -> Project:
    """The project at a path, of its `.temp`, or of a folder of documents that has another name."""
    from orchestrator.documents import identify

    folder = path.resolve()
    if (folder / ".temp").is_dir() or not any(identify(name) for name in files.names(folder)):
        return Project(folder.parent if folder.name == ".temp" else folder, path)
    return Project(folder.parent, path, folder)


def _dry(project: Project) -> tuple[Survey, list[Row]]:
    """Nothing is written, not even a lock."""
    from datetime import UTC, datetime

    from orchestrator.engine import adoption
    from orchestrator.engine.handmade import survey
    from orchestrator.events import Commit
    from orchestrator.transitions import follow

    seen = survey(project.temp)
    now = datetime.now(UTC).isoformat()
    rows = []
    for found in seen.found:
        try:
            events, _, notes = adoption.adopt(found, found.read(), screen.mask())
            commit = Commit(revision=1, at=now, actor="user", events=events)
            rows.append(Row(found, follow(None, commit, found.id), notes))
        except OrchestratorError as error:
            rows.append(_left(found, error))
    return seen, rows


def _adopt(project: Project) -> tuple[Survey, list[Row]]:
    from orchestrator.engine.handmade import survey

    rows = []
    with project.engine() as engine:
        seen = survey(project.temp)
        for task_id in seen.begun:
            engine.refresh(task_id)
        for found in seen.found:
            try:
                refreshed, notes = engine.adopt(found)
                if notes is None:
                    seen = replace(seen, kept=(*seen.kept, found.id))
                else:
                    rows.append(Row(found, refreshed.task, notes, refreshed.problem))
            except OrchestratorError as error:
                rows.append(_left(found, error))
    return seen, rows


def _left(found: HandMade, error: OrchestratorError) -> Row:
    return Row(found, None, problem=error.reason if isinstance(error, Refused) else str(error))


# -- what is told ------------------------------------------------------------------


def _json(project: Project, seen: Survey, rows: list[Row], dry_run: bool) -> dict[str, Any]:
    left = sum(row.task is None for row in rows)
    return {
        "project": str(project.workspace),
        "dry_run": dry_run,
        "adopted": len(rows) - left,
        "left": left,
        "kept": len(seen.kept),
        "tasks": [_row(row) for row in rows],
        "undefined": _undefined(project, rows),
        "others": list(seen.others),
    }


def _undefined(project: Project, rows: list[Row]) -> list[str]:
    """The agents without whose definitions the open tasks cannot go on."""
    from orchestrator.team.written import is_written

    needed = {row.task.agent for row in rows if row.task and row.task.open and not is_written(row.task)}
    return sorted(needed - {agent.name for agent in project.library().all()})


def _row(row: Row) -> dict[str, Any]:
    from orchestrator.documents import file_name

    task, found = row.task, row.found
    return {
        "task": found.id,
        "state": _state(row),
        "agent": task and task.agent,
        "description": task and task.description,
        "archived": found.archived,
        "documents": [file_name(kind, found.id) for kind in found.documents],
        "new": [file_name(kind, found.id) for kind in _new(row)],
        "companions": list(found.companions),
        "items": task and {"done": sum(item.checked for item in task.items), "total": len(task.items)},
        "workstreams": task
        and {"done": sum(part.status == "completed" for part in task.workstreams), "total": len(task.workstreams)},
        "notes": list(row.notes),
        "problem": row.problem,
    }


def _state(row: Row) -> str:
    return "left" if row.task is None else row.task.status


def _new(row: Row) -> list[str]:
    from orchestrator.documents import kinds

    return [kind for kind in kinds(row.task) if kind not in row.found.documents] if row.task else []


def _told(project: Project, seen: Survey, rows: list[Row], dry_run: bool) -> Iterator[str]:
    if rows:
        yield from _table(rows)
    adopted = sum(row.task is not None for row in rows)
    counts = {"would be adopted" if dry_run else "adopted": adopted, "left": len(rows) - adopted}
    counts["kept already"] = len(seen.kept)
    parts = [f"{number:,} {what}" for what, number in counts.items() if number]
    yield from screen.wrap(f"{', '.join(parts) or 'no tasks'} in {project.workspace}", screen.columns())
    if undefined := _undefined(project, rows):
        names = f"{', '.join(undefined)}: before their tasks can go on, write .claude/agents/NAME.md"
        yield from screen.wrap(screen.line(f"not defined here: {names}"), screen.columns())
    if seen.others:
        more = len(seen.others) - _SHOWN
        names = ", ".join(seen.others[:_SHOWN]) + (f" and {more:,} more: --json lists them" if more > 0 else "")
        yield from screen.wrap(screen.line(f"left as it is, of no task: {names}"), screen.columns())


_HEAD = ("TASK", "STATE", "ITEMS", "WORK", "AGENT")


def _table(rows: list[Row]) -> Iterator[str]:
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(screen.measure(line[place]) for line in lines) for place in range(len(_HEAD))]
    widths[-1] = min(widths[-1], screen.columns() - sum(widths[:-1]) - 2 * (len(_HEAD) - 1))
    for line, row in zip(lines, [None, *rows], strict=True):
        fitted = [screen.fit(cell, width) for cell, width in zip(line, widths, strict=True)]
        padded = [cell + " " * (width - screen.measure(cell)) for cell, width in zip(fitted, widths, strict=True)]
        shown = "  ".join(padded).rstrip()
        yield shown if row else screen.dim(shown)
        for words in _said(row) if row else ():
            yield from (f"        {screen.dim(part)}" for part in screen.wrap(words, screen.columns() - 8))


def _cells(row: Row) -> tuple[str, ...]:
    said = _row(row)
    done = (f"{said[key]['done']}/{said[key]['total']}" if said[key] else "" for key in ("items", "workstreams"))
    return (row.found.id, _state(row), *done, screen.line(said["agent"] or ""))


def _said(row: Row) -> Iterator[str]:
    """What is worth knowing of a task beside its line."""
    if row.problem:
        yield screen.line(row.problem)
    yield from map(screen.line, row.notes)
    if new := _new(row):
        yield f"made: {', '.join(new)}"
