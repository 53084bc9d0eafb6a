"""Documents and journals that cannot be read, and documents or journals that are not there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from orchestrator import overview
from orchestrator.check.finding import Finding, Witness
from orchestrator.check.task_files import TaskFiles
from orchestrator.errors import Damaged, StorageError, UnknownTask
from orchestrator.history import History


def unreadable(task: TaskFiles) -> Iterator[Finding]:
    """A document that cannot be read, or not as a whole."""
    for kind, text in task.texts.items():
        where, problem, remedy = Witness(text.shown), text.problem, "mend it, or take it away"
        if kind == "task-status" and task.json and problem is None and text.content.strip():
            problem, where = task.json.problem, task.json.broken or where
            if task.status:
                remedy = "mend it, or `orchestrator adopt` takes over what can be read of it"
        if problem is None and not text.content.strip():
            problem = "it is empty"
        if problem is not None:
            remedy = f"`orchestrator show {task.id}` puts it back" if task.kept else remedy
            yield task.finding("unreadable", "error", f"{kind} cannot be read, {problem}: {remedy}", where, where)


def missing(task: TaskFiles) -> Iterator[Finding]:
    """A document that the engine published and that is not there: nothing is known of what it says."""
    for kind in task.missing:
        says = f"its {kind} is missing, and could not be looked at: `orchestrator show {task.id}` puts it back"
        journal = Witness(task.listing.journals[task.id][0])
        yield task.finding("missing", "error", says, Witness(task.path(kind)), journal)


def no_journal(task: TaskFiles) -> Iterator[Finding]:
    """Documents that the engine wrote, whose journal is not there any more; a copy made by git never had journals."""
    if task.status and task.keeping == "gone":
        journal = task.listing.journal(f"{'completed/' * task.archived}{task.id}.jsonl")
        says = overview.ABSENT["gone"].format(task=task.id, journal=journal)
        yield task.finding("no-journal", "error", says, task.status.at("sync"), Witness(journal))


def half_renamed(task: TaskFiles) -> Iterator[Finding]:
    """Documents under an id that their task had before: its renaming is not finished."""
    if task.status and task.keeping == "renamed":
        folder = task.listing.folder
        name = folder.renaming[task.id]
        journal = task.listing.journal(f"{'completed/' * folder.journals[name]}{name}.jsonl")
        says = overview.ABSENT["renamed"].format(task=task.id, name=name)
        yield task.finding("half-renamed", "error", says, task.status.at("sync"), Witness(journal))


def damaged(task: TaskFiles) -> Iterator[Finding]:
    """A journal that has a bad line, or cannot be read at all: its task is read-only."""
    if not task.kept:
        return
    try:
        deque(History(task.listing.temp, task.id).read(), maxlen=0)
    except UnknownTask:  # renamed since it was listed
        return
    except StorageError as error:
        journal, against = task.listing.journals[task.id][0], task.status.at("sync") if task.status else task.home
        said, line = (error.said, error.line) if isinstance(error, Damaged) else (f"not to be read, {error}", None)
        yield task.finding("damaged", "error", f"its journal is {said}", Witness(journal, line), against, fix=None)
