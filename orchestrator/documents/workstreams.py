"""Workstreams: `- **id** [status] description`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.documents.draft import Draft
from orchestrator.documents.header import status_word
from orchestrator.documents.markdown import Page, plain
from orchestrator.documents.rows import Listing, Row
from orchestrator.events import Status, WorkstreamAdded, WorkstreamChanged
from orchestrator.task import Task

_REST = re.compile(r"\[([^\]]*)\][ \t]*(.*)")


def workstream_status(text: str) -> Status | None:
    """The status of a workstream that somebody's word means."""
    word = status_word(text)
    return word if word in ("pending", "in-progress", "completed", "blocked") else None


class Workstreams(Listing):
    heading = "Workstreams"
    pattern = re.compile(r"([ \t]*[-*+][ \t]+)\*\*((?:(?!\*\*).)+)\*\*[ \t]+(\[[^\]]*\].*)")
    line = "- **{key}** {rest}"
    everywhere = True

    def rows(self, task: Task) -> Sequence[Row]:
        return [Row(plain(row.id), f"[{row.status}] {plain(row.description)}".strip()) for row in task.workstreams]

    def same(self, said: str, wanted: str) -> bool:
        return _read(said) == _read(wanted)

    def changes(self, draft: Draft, page: Page, shown: Page) -> None:
        before = self.read(shown)
        by_key = {plain(row.id): row for row in draft.task.workstreams}
        for key, said in self.read(page).items():
            status, description = _read(said.row.rest)
            if key not in by_key:
                if status is not None:
                    draft.propose(WorkstreamAdded(id=key, description=description, status=status))
                continue
            old = _read(before[key].row.rest) if key in before else (by_key[key].status, plain(by_key[key].description))
            if status is None:
                draft.refuse(
                    f"{key} has no status {said.row.rest!r}; there are pending, in-progress, completed, blocked"
                )
            elif status != old[0]:
                draft.propose(WorkstreamChanged(id=by_key[key].id, status=status))
            if description != old[1]:
                draft.propose(WorkstreamChanged(id=by_key[key].id, description=description))


def _read(rest: str) -> tuple[Status | None, str]:
    match = _REST.fullmatch(rest)
    return (workstream_status(match[1]), plain(match[2])) if match else (None, plain(rest))
