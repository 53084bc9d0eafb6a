"""The plan: what is to be done, in workstreams and in words."""

from orchestrator.documents.derived import References
from orchestrator.documents.document import MarkdownDocument
from orchestrator.documents.workstreams import Workstreams

DOCUMENT = MarkdownDocument(
    "plan",
    title="Plan",
    labels=lambda task: ("Agent", "Task", "Mode", "Phase", "Status"),
    bindings=(Workstreams(), References()),
    prose="Plan",
)
