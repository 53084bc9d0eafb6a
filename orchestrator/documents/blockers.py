"""Blockers: `- **B1** text`; struck through when resolved, followed by how."""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.documents.draft import Draft
from orchestrator.documents.markdown import Page, plain
from orchestrator.documents.rows import Listing, Row
from orchestrator.events import BlockerRaised, BlockerResolved
from orchestrator.task import Task

_RESOLVED = re.compile(r"~~(.*?)~~[ \t]*(?:resolved\b:?)?[ \t]*(.*)", re.I)
_BY_HAND = "by hand"


class Blockers(Listing):
    heading = "Blockers"
    pattern = re.compile(r"([ \t]*[-*+][ \t]+)\*\*(B[0-9]+)\*\*:?[ \t]+(\S.*)")
    line = "- **{key}** {rest}"
    everywhere = True

    def rows(self, task: Task) -> Sequence[Row]:
        return [
            Row(
                row.id,
                plain(row.text)
                if row.resolution is None
                else f"~~{plain(row.text)}~~ resolved: {plain(row.resolution) or _BY_HAND}",
            )
            for row in task.blockers
        ]

    def same(self, said: str, wanted: str) -> bool:
        return _read(said) == _read(wanted)

    def changes(self, draft: Draft, page: Page, shown: Page) -> None:
        before = self.read(shown)
        wanted = {row.key: row for row in self.rows(draft.told)}
        for key, said in self.read(page).items():
            text, resolution = _read(said.row.rest)
            if key not in wanted:
                draft.propose(BlockerRaised(id=key, text=text))
                old_text, old_resolution = text, None
            else:
                old_text, old_resolution = _read(before[key].row.rest if key in before else wanted[key].rest)
            if text != old_text:
                draft.refuse(f"{key} cannot be reworded: strike it through and raise another; the text was put back")
            if resolution is None and old_resolution is not None:
                draft.refuse(f"{key} is resolved and cannot be reopened: raise another")
            elif resolution is not None and resolution != old_resolution:
                draft.propose(BlockerResolved(id=key, resolution=resolution))


def _read(rest: str) -> tuple[str, str | None]:
    match = _RESOLVED.fullmatch(rest)
    return (plain(match[1]), plain(match[2]) or _BY_HAND) if match else (plain(rest), None)
