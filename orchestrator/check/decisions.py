"""Decisions that only one document says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from math import ceil

from orchestrator.check.finding import Finding, Witness
from orchestrator.check.task_files import TaskFiles, quoted
from orchestrator.check.text import Text
from orchestrator.documents.markdown import plain

_ROW = re.compile(r"^[ \t]*[-*+][ \t]+\*\*(D[0-9]+)\*\*:?[ \t]+(\S.*)$", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]{4,}|\b[A-Z\d]{2,}\b")
_STEM = 6
"""Letters by which two words are the same: `standardize`, `standardization`."""
_NEAR = 5
"""Lines in which the words of a decision stand together, where it is told in other words."""
_MOST, _FEWEST = 0.6, 3
"""So many of its words are needed. Of 123 decisions that agents wrote down, 16 are then told nowhere; of decisions of
other tasks of the same project 96.1 % are seen not to belong."""


def lone_decision(task: TaskFiles) -> Iterator[Finding]:
    """A decision of the status document that no other document tells of, in whatever words; and the other way round."""
    texts = [text for kind, text in task.texts.items() if kind not in ("task-status", "checklist") and text.content]
    status = task.status
    if status is None or not texts:
        return
    said = [(place, row["decision"]) for place, row in status.rows("decisions") if isinstance(row.get("decision"), str)]
    told = Told(texts) if said else None
    for place, decision in said:
        if told and decision.strip() and not told.tells(decision):
            says = f"the decision {quoted(decision)} is in no other document"
            missing = Witness(next((text for text in texts if "architecture-notes" in text.shown), texts[0]).shown)
            where = status.at("decisions", place, "decision")
            yield task.finding("lone-decision", "warning", says, where, missing)
    known = {plain(decision) for _, decision in said}
    for text in texts if task.kept else ():
        for found in _ROW.finditer(text.prose):
            if plain(found[2]) not in known:
                says = f"the decision {found[1]}, {quoted(found[2])}, is not in the status document"
                where = text.at_prose(found.start(1))
                yield task.finding("lone-decision", "warning", says, where, status.at("decisions"))


class Told:
    """What documents tell, by their words."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._whole = [" ".join(text.content.split()).casefold() for text in texts]
        self._texts = texts

    @cached_property
    def _windows(self) -> list[set[str]]:
        lines = [[_stems(line) for line in text.content.split("\n") if line.strip()] for text in self._texts]
        return [set().union(*rows[n : n + _NEAR]) for rows in lines for n in range(max(1, len(rows) - _NEAR + 1))]

    def tells(self, decision: str) -> bool:
        """True when a document says it as it is, or has most of its words near each other."""
        said = " ".join(decision.split()).casefold()
        if any(said in text for text in self._whole):
            return True
        stems = _stems(decision)
        needed = max(ceil(_MOST * len(stems)), min(len(stems), _FEWEST))
        return bool(stems) and any(len(stems & window) >= needed for window in self._windows)


def _stems(text: str) -> set[str]:
    return {word.casefold()[:_STEM] for word in _WORD.findall(text)}
