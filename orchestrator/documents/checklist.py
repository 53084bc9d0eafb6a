"""The checklist: the one document whose boxes are items."""

from orchestrator.documents.document import MarkdownDocument
from orchestrator.documents.items import Items

DOCUMENT = MarkdownDocument(
    "checklist",
    title="Checklist",
    labels=lambda task: ("Agent", "Task", "Status"),
    bindings=(Items(),),
    when=lambda task: True,
)
