"""Whether the documents of a task agree on what is done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from orchestrator.check.finding import Finding, Fix, Severity
from orchestrator.check.task_files import Claim, TaskFiles, WorkstreamSaid, quoted
from orchestrator.check.text import Text
from orchestrator.documents.markdown import plain
from orchestrator.documents.workstreams import workstream_status

_NEAREST = {"workstreams": "checklist"}
"""What a claim is held against if that can be, rather than the strongest: it tells of the same in more detail."""
_ROW = re.compile(r"^[ \t]*[-*+][ \t]+\*\*((?:(?!\*\*).)+)\*\*[ \t]+\[([a-z_ -]+)\]", re.MULTILINE)
_TYPED = re.compile(
    r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+(?=.{,200}$)(?:\[.\]\ufe0f?[ \t]+)?([^:=→–—|(\n]{1,80})"
    r"(?:[:=→–—(]|(?<=[ \t])-+>?[ \t])[^\w\n]*"
    r"((?i:not|in|to|partially)[ _-](?i:started|progress|do|completed|done)|[A-Za-z]+)[^\w\n]*$",
    re.MULTILINE,
)
"""How people write it: `- api: pending`, `1. **The API** – in progress 🔄`; a line that says nothing else."""


def disagreement(task: TaskFiles) -> Iterator[Finding]:
    """Some documents say that the task is done and others that it is not: each of the fewer, against the strongest."""
    claims = [claim for claim in task.claims if not _in_flight(task, claim)]
    done, left = ([claim for claim in claims if claim.done is way] for way in (True, False))
    if not done or not left:
        return
    odd, others = (done, left) if len(done) < len(left) else (left, done)
    for claim in odd:
        near = _NEAREST.get(claim.source)
        best = next((one for one in others if one.source == near), others[0])
        fix: Fix | None = None if claim.source == "summary" else "refresh"
        says = f"{claim.says}, but {best.says}"
        yield task.finding(claim.source, "error", says, claim.witness, best.witness, fix=fix)


def _in_flight(task: TaskFiles, claim: Claim) -> bool:
    """True for what is no claim yet: of its own tasks the engine says when they are completed.

    Until then all items may be ticked; all workstreams may be completed, unless items are left. Those may be left too
    where the engine has written it so: a task gets more to do, or what proved an item is taken back.
    """
    if not task.ours or task.life == "completed" or not claim.done:
        return False
    if claim.source == "workstreams" and task.ticked != len(task.boxes or ()):
        return task.kept and task.edited.isdisjoint((task.path("task-status"), task.path("checklist")))
    return claim.source in ("checklist", "workstreams")


def workstream_rows(task: TaskFiles) -> Iterator[Finding]:
    """A workstream whose status in a Markdown document is not the one in the status document.

    A progress document may be a log: of what people write there of a workstream, only the last line is still so.
    """
    rows = {plain(row.id): row for row in task.workstreams}
    typed: list[tuple[Text, re.Match[str]]] = []
    for text in task.markdown if rows else ():
        for found in _ROW.finditer(text.prose):
            yield from _differs(task, text, found, rows.get(plain(found[1])), "error")
        typed += ((text, found) for found in _TYPED.finditer(text.prose))
    named = _named(task.workstreams) if typed else {}
    last: dict[str, re.Match[str]] = {}
    for text, found in typed:
        row = named.get(_key(found[1]))
        if text is not task.texts.get("progress"):
            yield from _differs(task, text, found, row, "warning")
        elif row and workstream_status(found[2]):
            last[row.id] = found
    for found in last.values():
        yield from _differs(task, task.texts["progress"], found, named.get(_key(found[1])), "warning")


def _differs(
    task: TaskFiles, text: Text, found: re.Match[str], row: WorkstreamSaid | None, severity: Severity
) -> Iterator[Finding]:
    word = workstream_status(found[2])
    if task.status and row and row.word and word not in (row.word, None):
        says = f"workstream {quoted(row.id)} is {quoted(found[2])} here, but {quoted(row.said)} in the JSON"
        there = task.status.at("workstreams", row.place, "status")
        fix: Fix | None = "refresh" if severity == "error" else None  # what people write so is no fact of the engine's
        yield task.finding("workstream-status", severity, says, text.at_prose(found.start(1)), there, fix=fix)


def _named(rows: Sequence[WorkstreamSaid]) -> dict[str, WorkstreamSaid | None]:
    """By id and by name; None for what several are called. Of an id that is there twice the last row counts."""
    found: dict[str, WorkstreamSaid | None] = {}
    for row in rows:
        key = _key(row.name)
        before = found.get(key, row)
        found[key] = row if before and before.id == row.id else None
    return found | {_key(row.id): row for row in rows}


def _key(name: str) -> str:
    """What of a name counts where people write it: no marks, no case, and a hyphen is a space."""
    return re.sub(r"[-_\s*`~]+", " ", name).strip().casefold()
