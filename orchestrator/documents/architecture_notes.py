"""The architecture notes: what was decided, and why."""

from orchestrator.documents.decisions import Decisions
from orchestrator.documents.document import MarkdownDocument

DOCUMENT = MarkdownDocument(
    "architecture-notes",
    title="Architecture Notes",
    labels=lambda task: ("Agent", "Task"),
    bindings=(Decisions(),),
    prose="Notes",
)
