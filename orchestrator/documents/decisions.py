"""Decisions: `- **D1** decision`, with why, what it rests on and when nested under it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from orchestrator.documents.draft import Draft
from orchestrator.documents.edits import Edits
from orchestrator.documents.markdown import Page, plain
from orchestrator.documents.rows import Listing, Row
from orchestrator.events import DecisionChanged, DecisionRecorded, Mode
from orchestrator.task import Task

_RATIONALE, _REFERS, _DECIDED = "Rationale", "Refers to", "Decided"


class Decisions(Listing):
    """`only`: the mode in which this document is the one that must say them."""

    heading = "Decisions"
    pattern = re.compile(r"([ \t]*[-*+][ \t]+)\*\*(D[0-9]+)\*\*:?[ \t]+(\S.*)")
    line = "- **{key}** {rest}"
    labels = (_RATIONALE, _REFERS, _DECIDED)
    fixed = (_DECIDED,)
    everywhere = True

    def __init__(self, only: Mode | None = None) -> None:
        super().__init__()
        self.only = only

    def sections(self, task: Task) -> Mapping[str, Sequence[str]]:
        return super().sections(task) if self.only in (None, task.mode) else {}

    def rows(self, task: Task) -> Sequence[Row]:
        return [
            Row(
                row.id,
                plain(row.decision),
                {
                    label: plain(value)
                    for label, value in (
                        (_RATIONALE, row.rationale),
                        (_REFERS, row.referenced_agent_work),
                        (_DECIDED, row.at),
                    )
                    if value and value.strip()
                },
            )
            for row in task.decisions
        ]

    def weave(self, edits: Edits, task: Task, known: Task | None) -> None:
        super().weave(edits, task, known if self.only in (None, task.mode) else task)

    def changes(self, draft: Draft, page: Page, shown: Page) -> None:
        before = self.read(shown)
        wanted = {row.key: row for row in self.rows(draft.told)}
        for key, said in self.read(page).items():
            new = _fields(said.row)
            event = DecisionChanged if key in wanted else DecisionRecorded
            if key not in wanted or new != _fields(before[key].row if key in before else wanted[key]):
                draft.propose(event(id=key, decision=new[0], rationale=new[1], referenced_agent_work=new[2]))
            decided = said.row.details.get(_DECIDED)
            if key in wanted and decided and not wanted[key].details.get(_DECIDED, "").startswith(decided):
                draft.refuse(f"when {key} was decided is not a person's to say; the time was put back")


def _fields(row: Row) -> tuple[str, str | None, str | None]:
    return plain(row.rest), row.details.get(_RATIONALE) or None, row.details.get(_REFERS) or None
