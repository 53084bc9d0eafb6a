"""Lists made from other facts: nobody edits them, and they come back when they are removed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from orchestrator import evidence
from orchestrator.documents.draft import Draft
from orchestrator.documents.edits import Edits
from orchestrator.documents.file_names import file_name
from orchestrator.documents.markdown import Page, plain
from orchestrator.documents.rows import Listing, Row
from orchestrator.mentions import moved, relocate
from orchestrator.task import Task


class CompletedWork(Listing):
    """The ticked items, with the receipts that prove them."""

    heading = "Completed Work"
    pattern = re.compile(r"([ \t]*[-*+][ \t]+)\*\*(c[0-9]+)\*\*[ \t]+(\S.*)")
    line = "- **{key}** {rest}"
    vanishing = True

    def rows(self, task: Task) -> Sequence[Row]:
        return [
            Row(item.id, plain(item.text) + (f" ({', '.join(item.evidence)})" if item.evidence else ""))
            for item in task.live_items
            if item.checked
        ]


class DroppedItems(Listing):
    """The items that left the checklist, and why."""

    heading = "Dropped Items"
    pattern = CompletedWork.pattern
    line = CompletedWork.line
    vanishing = True

    def rows(self, task: Task) -> Sequence[Row]:
        return [Row(item.id, f"{plain(item.text)}: {plain(item.dropped)}") for item in task.items if item.dropped]


class References(Listing):
    """The documents of other tasks that this one builds on."""

    heading = "References"
    pattern = re.compile(r"([ \t]*[-*+][ \t]+)`\.temp/(?:completed/)?([a-z-]+-[A-Z0-9]{6}\.(?:md|json))`(.*)")
    line = "- `.temp/{rest}`"
    everywhere = True

    def rows(self, task: Task) -> Sequence[Row]:
        rows = [(file_name(row.document, row.task), row.moved) for row in task.references]
        return [Row(name, f"completed/{name}" if moved else name) for name, moved in rows]

    def same(self, said: str, wanted: str) -> bool:
        return True  # `paths.relocate` has seen to where it lies


class FilesChanged(Listing):
    """What the task did to files, all in all."""

    heading = "Files Changed"
    pattern = re.compile(r"([ \t]*[-*+][ \t]+)`(.+)` – (\w+(?:, perhaps by (?:another task|somebody else))?)")
    line = "- `{key}` – {rest}"

    def rows(self, task: Task) -> Sequence[Row]:
        kinds = {"modified": "changed"}
        found, gone = evidence.net(task.changes).values(), moved(task)
        return [
            Row(
                plain(relocate(change.path, gone)),
                kinds.get(change.kind, change.kind) + (", perhaps by somebody else" if change.shared else ""),
            )
            for change in found
        ]


class Verification(Listing):
    """The commands that had to pass, with how each ended the last time it was run."""

    heading = "Verification"
    pattern = re.compile(r"([ \t]*[-*+][ \t]+)`(.+)` – (.*)")
    line = "- `{key}` – {rest}"

    def rows(self, task: Task) -> Sequence[Row]:
        ran = {receipt.command: receipt for receipt in task.receipts if receipt.command is not None}
        rows = []
        for command in task.verify:
            receipt = ran.get(command)
            if receipt is None:
                ended = "required"
            elif receipt.exit_code == 0:
                ended = f"passed ({receipt.id})"
            else:
                ended = f"failed with exit code {receipt.exit_code} ({receipt.id})"
            rows.append(Row(plain(command), ended))
        return rows


class Result:
    """The declared result, as a block of JSON."""

    heading = "Result"

    def sections(self, task: Task) -> Mapping[str, Sequence[str]]:
        return {} if task.result is None else {self.heading: ["```json", *_said(task), "```"]}

    def _fence(self, page: Page) -> range | None:
        under = page.section(self.heading) or range(0)
        return next((range(top + 1, bottom) for top, bottom in page.fences if top in under), None)

    def weave(self, edits: Edits, task: Task, known: Task | None) -> None:
        if task.result is None or (known is not None and known.result == task.result):
            return
        said, wanted = self._fence(edits.page), _said(task)
        if said is None:
            edits.place(self.heading, self.sections(task)[self.heading])
        elif _inside(edits.page, said) != wanted:
            for line in said:
                edits.cut(line)
            edits.add(said.start - 1, wanted)

    def changes(self, draft: Draft, page: Page, shown: Page) -> None:
        said, before = (self._fence(each) for each in (page, shown))
        if said and before and _inside(page, said) != _inside(shown, before):
            draft.refuse("the result is what the agent declared; it was put back")


def _said(task: Task) -> list[str]:
    return json.dumps(task.result, indent=2, ensure_ascii=False).split("\n")


def _inside(page: Page, lines: range) -> list[str]:
    return [page.lines[line].rstrip("\r") for line in lines]
