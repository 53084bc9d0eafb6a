"""Decisions that only one document says."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from math import ceil
from typing import NamedTuple

from orchestrator.check.finding import Finding, Witness
from orchestrator.check.task_files import TaskFiles, quoted
from orchestrator.check.text import Text
from orchestrator.documents.markdown import plain

_ROW = re.compile(r"^[ \t]*[-*+][ \t]+\*\*(D[0-9]+)\*\*:?[ \t]+(\S.*)$", re.MULTILINE)
_WORD = re.compile(r"\b[A-Z\d]{2,}\b|[^\W\d_]{2,}|\d+")
_INNER = re.compile(r"[a-z0-9_]")
_SMALL = re.compile(
    "a|an|and|any|are|as|at|be|been|but|by|can|could|did|do|does|each|for|from|had|has|have|if|in|into|is|it|its|"
    "may|might|must|of|on|or|our|shall|should|so|such|than|that|the|their|them|then|there|these|they|this|those|"
    "to|too|us|use|used|uses|using|was|we|were|what|when|where|which|while|who|will|with|would"
)
"""Words that tell nothing, so that they may be others."""
_STEM = 6
"""Letters by which two words are the same: `standardize`, `standardization`. What is a name counts as a whole."""
_NEAR = 5
"""Lines in which the words of a decision stand together, where it is told in other words."""
_MOST, _FEWEST = 0.6, 3
"""So many of its words have to stand there for it to be told in other words."""
_LISTED = 5
"""So many of the words that are not there are shown."""


def lone_decision(task: TaskFiles) -> Iterator[Finding]:
    """A decision of the status document that no other document tells of; and the other way round.

    Only where all of its words are is it told for sure: two tasks of a project have many words in common. Where most
    of them are, it may be told in other words: a note says where, and what is not there.
    """
    texts = [text for kind, text in task.texts.items() if kind not in ("task-status", "checklist") and text.content]
    status = task.status
    if status is None or not texts:
        return
    said = [(place, row["decision"]) for place, row in status.rows("decisions") if isinstance(row.get("decision"), str)]
    told = Told(texts)
    for place, decision in said:
        near = told.nearest(decision)
        if near and not near.lacks:
            continue
        where = status.at("decisions", place, "decision")
        yield _reworded(task, decision, where, near) if near else _untold(task, decision, where, texts)
    known = {plain(decision) for _, decision in said}
    for text in texts if task.kept else ():
        for found in _ROW.finditer(text.prose):
            if plain(found[2]) not in known:
                says = f"the decision {found[1]}, {quoted(found[2])}, is not in the status document"
                where = text.at_prose(found.start(1))
                yield task.finding("lone-decision", "warning", says, where, status.at("decisions"))


def _untold(task: TaskFiles, decision: str, where: Witness, texts: Sequence[Text]) -> Finding:
    """`texts`: where it might have been."""
    says = f"the decision {quoted(decision)} is in no other document"
    missing = next((text for text in texts if "architecture-notes" in text.shown), texts[0])
    return task.finding("lone-decision", "warning", says, where, Witness(missing.shown))


def _reworded(task: TaskFiles, decision: str, where: Witness, near: Nearest) -> Finding:
    """`near`: where most of it is told."""
    lacks = f"the nearest lines lack {_listed(near.lacks)}"
    says = f"the decision {quoted(decision)} is told in other words, if at all: {lacks}"
    return task.finding("lone-decision", "note", says, where, near.text.at_line(near.line))


def _listed(words: Sequence[str]) -> str:
    shown = [quoted(word) for word in words[:_LISTED]]
    last = shown.pop() if len(words) <= _LISTED else f"{len(words) - _LISTED} more"
    return f"{', '.join(shown)} and {last}" if shown else last


class Nearest(NamedTuple):
    """Where a document comes nearest to a decision. `line` counts from 0; `lacks`: words that are not there."""

    text: Text
    line: int
    lacks: tuple[str, ...]


class Told:
    """What documents tell, by their words."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = texts

    @cached_property
    def _whole(self) -> list[str]:
        return [" ".join(text.content.split()).casefold() for text in self._texts]

    @cached_property
    def _lines(self) -> list[tuple[Text, int, set[str]]]:
        """Those that are not empty, each with its number and its words; between two texts as many that say nothing."""
        found = []
        for text in self._texts:
            lines = enumerate(text.content.split("\n"))
            found += [(text, number, _forms(line)) for number, line in lines if line.strip()]
            found += [(text, 0, set[str]())] * _NEAR
        return found

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Which of the lines have a word."""
        found: dict[str, list[int]] = defaultdict(list)
        for place, (_, _, forms) in enumerate(self._lines):
            for form in forms:
                found[form].append(place)
        return found

    def nearest(self, decision: str) -> Nearest | None:
        """The lines that tell it, or most of it; None where none do. Nothing lacks where it stands word for word."""
        said = " ".join(decision.split()).casefold()
        for text, content in zip(self._texts, self._whole, strict=True):
            if _stands(said, content):
                return Nearest(text, 0, ())
        stems = _stems(decision)
        first, found = self._most(stems)
        if len(found) < max(ceil(_MOST * len(stems)), min(len(stems), _FEWEST), 1):
            return None
        text, number, _ = self._lines[first]
        return Nearest(text, number, tuple(word for stem, word in stems.items() if stem not in found))

    def _most(self, stems: Iterable[str]) -> tuple[int, set[str]]:
        """The first of the lines near each other that have most of the words, and which those are."""
        spots = sorted((place, stem) for stem in stems for place in self._places.get(stem, ()))
        within: dict[str, int] = {}
        best, low = (0, set[str]()), 0
        for place, stem in spots:
            within[stem] = within.get(stem, 0) + 1
            while spots[low][0] <= place - _NEAR:
                gone = spots[low][1]
                within[gone] -= 1
                if not within[gone]:
                    del within[gone]
                low += 1
            if len(within) > len(best[1]):
                best = spots[low][0], set(within)
        return best


def _stands(said: str, content: str) -> bool:
    """True when a text has that, and not only as a part of longer words."""
    at = content.find(said)
    while at >= 0 and _INNER.search(content[max(0, at - 1) : at] + content[at + len(said) : at + len(said) + 1]):
        at = content.find(said, at + 1)
    return at >= 0


def _stems(text: str) -> dict[str, str]:
    """The words of a decision that tell something, as they are looked for and as they are written."""
    words = ((_caseless(word), word) for word in _WORD.findall(text))
    return {_stem(low) if low[1:] == word[1:] else low: word for low, word in words if not _SMALL.fullmatch(low)}


def _forms(line: str) -> set[str]:
    """The words of a line, in each way in which they may be looked for."""
    words = [_caseless(word) for word in _WORD.findall(line)]
    return {*words, *map(_stem, words)}


def _caseless(word: str) -> str:
    """A word without its case, unless that is all that tells it from a small one: `IT`, `US`."""
    low = word.casefold()
    return word if word.isupper() and _SMALL.fullmatch(low) else low


def _stem(word: str) -> str:
    """What counts of a word; of what has digits, all of it."""
    return word.removesuffix("s")[:_STEM] if word.isalpha() else word
