"""Documents: pure functions of a task, which can be read back. A kind is a file beside this one with `DOCUMENT = …`.

Two laws hold for each: `diff(task, kind, render(task, kind))` is empty, and so is, once its events are applied,
`diff(task', kind, text)`.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from orchestrator.documents.document import Document
from orchestrator.documents.draft import Diff
from orchestrator.documents.file_names import file_name, parts
from orchestrator.documents.stamp import Stamp, stamp_markdown, stamp_status, unstamp_markdown, unstamp_status
from orchestrator.events import Kind
from orchestrator.task import Task

__all__ = [
    "KINDS",
    "Diff",
    "Stamp",
    "diff",
    "file_name",
    "identify",
    "kinds",
    "render",
    "stamp",
    "unstamp",
]


def _found() -> dict[Kind, Document]:
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    documents: list[Document] = [module.DOCUMENT for module in modules if hasattr(module, "DOCUMENT")]
    return {one.kind: one for one in sorted(documents, key=lambda one: (one.kind == "task-status", one.kind))}


_DOCUMENTS = _found()
KINDS: tuple[Kind, ...] = tuple(_DOCUMENTS)
"""All kinds, the status last: it lists the digests of the others and so is the manifest of the set."""


def kinds(task: Task) -> tuple[Kind, ...]:
    """The documents the task has now, the status last."""
    return tuple(kind for kind in KINDS if kind in task.texts or _DOCUMENTS[kind].exists(task))


def identify(name: str) -> tuple[Kind, str] | None:
    """The kind and task of a file's name, None when it is no document's."""
    found = parts(name)
    return found if found and found[0] in KINDS else None


def render(task: Task, kind: Kind) -> str:
    """The body of a document: its text without the stamp. Only the status depends on the revision."""
    return _DOCUMENTS[kind].render(task)


def diff(task: Task, kind: Kind, text: str) -> Diff:
    """What somebody's body of a document says otherwise than `render`, as events `apply` accepts from an editor."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return Diff(refused=(f"{file_name(kind, task.id)}: it is not UTF-8",))
    return _DOCUMENTS[kind].diff(task, text)


def stamp(task: Task, kind: Kind, body: str) -> str:
    """The text of a document: the body with the revision and digest it was last published with.

    The status also carries those of the other documents, and so is the manifest of the set.
    """
    revision = task.documents[kind].revision
    if kind != "task-status":
        return stamp_markdown(task.id, revision, body)
    return stamp_status(body, revision, {name: row for name, row in task.documents.items() if name != kind})


def unstamp(kind: Kind, text: str) -> tuple[str, Stamp | None]:
    """The body and the stamp of a document's text; raises ValueError for a status that is broken JSON."""
    return unstamp_status(text) if kind == "task-status" else unstamp_markdown(text)
