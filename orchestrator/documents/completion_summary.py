"""The completion summary: what came of it."""

from orchestrator.documents.decisions import Decisions
from orchestrator.documents.derived import (
    CompletedWork,
    DroppedItems,
    FilesChanged,
    References,
    Result,
    Verification,
)
from orchestrator.documents.document import MarkdownDocument
from orchestrator.documents.header import life
from orchestrator.task import Task


def _labels(task: Task) -> tuple[str, ...]:
    resumed = ("Resumed",) if task.resumed else ()
    return ("Agent", "Task", "Status", "Completed", *resumed, "Usage")


DOCUMENT = MarkdownDocument(
    "completion-summary",
    title="Completion Summary",
    labels=_labels,
    bindings=(
        CompletedWork(),
        DroppedItems(optional=True),
        FilesChanged(),
        Decisions(),
        Verification(optional=True),
        References("Coordinated Tasks", optional=True),
        Result(),
    ),
    prose="Summary",
    otherwise=lambda task: task.summary,
    when=lambda task: life(task) == "completed",
)
