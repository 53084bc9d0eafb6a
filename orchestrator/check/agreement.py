"""Whether the documents of a task agree on what is done."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.check.finding import Finding, Fix
from orchestrator.check.task_files import Claim, TaskFiles, quoted
from orchestrator.documents.markdown import plain
from orchestrator.documents.workstreams import workstream_status

_NEAREST = {"workstreams": "checklist"}
"""What a claim is held against if that can be, rather than the strongest: it tells of the same in more detail."""
_ROW = re.compile(r"^[ \t]*[-*+][ \t]+\*\*((?:(?!\*\*).)+)\*\*[ \t]+\[([a-z_ -]+)\]", re.MULTILINE)


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

    Until then all items may be ticked; all workstreams may be completed, unless items are left.
    """
    if not task.ours or task.life == "completed" or not claim.done:
        return False
    return claim.source == "checklist" or (claim.source == "workstreams" and task.ticked == len(task.boxes or ()))


def workstream_rows(task: TaskFiles) -> Iterator[Finding]:
    """A workstream whose status in a Markdown document is not the one in the status document."""
    rows = {plain(row.id): row for row in task.workstreams}
    for text in task.markdown if rows else ():
        for found in _ROW.finditer(text.prose):
            row, word = rows.get(plain(found[1])), workstream_status(found[2])
            if task.status and row and row.word and word not in (row.word, None):
                says = f"workstream {quoted(row.id)} is {quoted(found[2])} here, but {quoted(row.said)} in the JSON"
                there = task.status.at("workstreams", row.place, "status")
                yield task.finding("workstream-status", "error", says, text.at_prose(found.start(1)), there)
