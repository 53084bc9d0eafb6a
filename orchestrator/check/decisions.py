"""Decisions that only one document says."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.check.claims import TaskFiles, quoted
from orchestrator.check.finding import Finding, Witness
from orchestrator.check.text import Text
from orchestrator.documents.markdown import plain

_ROW = re.compile(r"^[ \t]*[-*+][ \t]+\*\*(D[0-9]+)\*\*:?[ \t]+(\S.*?)\s*$", re.MULTILINE)
_WORD = re.compile(r"[^\W_]{3,}")
_BLANK = re.compile(r"\n(?:[ \t]*\r?\n)+|\n(?=#)")
_SAID = 0.6
"""Where that part of a decision's words stand in one paragraph, the decision is said there."""
_STEM = 5
"""Characters by which two words are the same: `standardize`, `standardization`."""


def lone_decision(task: TaskFiles) -> Iterator[Finding]:
    """A decision of the status document that no other document tells of, in whatever words; and the other way round."""
    texts = [text for kind, text in task.texts.items() if kind not in ("task-status", "checklist") and text.content]
    status = task.status
    if status is None or not texts:
        return
    said = [(place, row["decision"]) for place, row in status.rows("decisions") if isinstance(row.get("decision"), str)]
    told = [stems for text in texts for stems in _paragraphs(text)] if said else []
    for place, decision in said:
        stems = _stems(decision)
        if stems and not any(len(stems & paragraph) >= _SAID * len(stems) for paragraph in told):
            says = f"the decision {quoted(decision)} is in no other document"
            best = next(
                (task.texts[kind] for kind in ("architecture-notes", "progress") if kind in task.texts), texts[0]
            )
            where = status.at("decisions", place, "decision")
            yield task.finding("lone-decision", "warning", says, where, Witness(best.shown))
    known = {plain(decision) for _, decision in said}
    for text in texts if task.kept else ():
        for found in _ROW.finditer(text.prose):
            if plain(found[2]) not in known:
                says = f"the decision {found[1]}, {quoted(found[2])}, is not in the status document"
                where = text.at_prose(found.start(1))
                yield task.finding("lone-decision", "warning", says, where, status.at("decisions"))


def _paragraphs(text: Text) -> Iterator[set[str]]:
    return map(_stems, _BLANK.split(text.content))


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _WORD.findall(text.casefold())}
