"""The progress report: what is done, what stands in the way, what comes next."""

from orchestrator.documents.blockers import Blockers
from orchestrator.documents.decisions import Decisions
from orchestrator.documents.derived import CompletedWork, References
from orchestrator.documents.document import MarkdownDocument
from orchestrator.documents.standing import Standing
from orchestrator.documents.steps import NextSteps
from orchestrator.documents.workstreams import Workstreams
from orchestrator.task import Task


def _labels(task: Task) -> tuple[str, ...]:
    reason = ("Reason",) if task.reason else ()
    return ("Agent", "Task", "Phase", "Status", *reason, "Progress")


DOCUMENT = MarkdownDocument(
    "progress",
    title="Progress",
    labels=_labels,
    bindings=(
        Standing(),
        Workstreams(),
        CompletedWork(),
        Decisions(only="lightweight"),
        Blockers(),
        NextSteps(),
        References(),
    ),
    prose="Notes",
    when=lambda task: True,
)
