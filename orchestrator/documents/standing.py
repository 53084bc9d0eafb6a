"""The line of a hand-made progress report that says how the task stands: kept true, where it is not in the header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.documents import header
from orchestrator.documents.draft import Draft
from orchestrator.documents.edits import Edits
from orchestrator.documents.markdown import Page
from orchestrator.documents.status_line import StatusLine, status_line
from orchestrator.task import Task


def read(page: Page) -> StatusLine | None:
    """The line that says it, None when none does."""
    return status_line(["" if number in page.code else line for number, line in enumerate(page.lines)])


class Standing:
    heading = ""

    def sections(self, task: Task) -> Mapping[str, Sequence[str]]:
        return {}

    def weave(self, edits: Edits, task: Task, known: Task | None) -> None:
        """Only once that changed, and only where the line says done of what is not, or the reverse."""
        if known is None or header.life(known) == header.life(task) or "Status" in header.read(edits.page):
            return
        said = read(edits.page)
        if said is not None and said.done != (header.life(task) == "completed"):
            line = edits.page.lines[said.line]
            before, _, after = line.rpartition(said.value)
            mark = before[len(before.rstrip("*_")) :]
            after = after if after.lstrip().startswith("|") else ""  # the other cells of a table
            edits.put(said.line, before + header.life(task) + (mark if mark in said.value else "") + after)

    def changes(self, draft: Draft, page: Page, shown: Page) -> None:
        """What somebody writes there is text: a status is not a person's to say."""
