"""Documents: pure functions of a task, which can be read back.

Two laws hold for each: `diff(task, kind, render(task, kind))` is empty, and so is, once its events are applied,
`diff(task', kind, text)`.
"""

from __future__ import annotations

from orchestrator.documents import architecture_notes, checklist, completion_summary, plan, progress, task_status
from orchestrator.documents.document import Document
from orchestrator.documents.draft import Diff
from orchestrator.documents.file_names import KINDS, file_name, identify
from orchestrator.documents.stamp import Stamp, stamp, stamp_status, unstamp, unstamp_status
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
    "stamp_status",
    "unstamp",
    "unstamp_status",
]

_DOCUMENTS: dict[Kind, Document] = {
    module.DOCUMENT.kind: module.DOCUMENT
    for module in (plan, checklist, progress, architecture_notes, completion_summary, task_status)
}
_LIGHTWEIGHT: tuple[Kind, ...] = ("checklist", "progress", "task-status")


def kinds(task: Task) -> tuple[Kind, ...]:
    """The documents the task has now, the status last."""
    return tuple(kind for kind in KINDS if _exists(task, kind))


def _exists(task: Task, kind: Kind) -> bool:
    if kind in task.texts:
        return True
    if kind == "completion-summary":
        return not task.open
    return task.mode == "full" or kind in _LIGHTWEIGHT


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
