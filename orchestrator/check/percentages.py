"""Percentages that are reported, and those that are counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from orchestrator.check.finding import Finding, Fix, Witness
from orchestrator.check.task_files import TaskFiles

_LINE = re.compile(
    r"^[ \t>*#_-]*(?:(?:Overall|Total|Current)[ \t]+)?"
    r"(?:Progress|Completion|Percent(?:age)?)(?:[ \t]+(?:Status|Complete))?[ \t*_]*:[ \t*_~]*"
    r"(?:(\d+(?:\.\d+)?)[ \t]*%|(\d+)[ \t]*(?:of|/)[ \t]*(\d+)(?=[ \t]*(?:(items)|tasks|workstreams|\(|\r?$)))",
    re.IGNORECASE | re.MULTILINE,
)
_KEYS = ("progress", "percentage", "percentComplete", "completionPercentage", "overallProgress")
_ROUNDED = 1.0
"""So many percent are lost by rounding."""


class Count(NamedTuple):
    """`says`: what was counted, as part of a sentence."""

    done: int
    total: int
    says: str
    find: Callable[[], Witness]


class Reported(NamedTuple):
    """`part` of so many, or percent when `whole` is None; of `items` and nothing else, or of what fits."""

    part: float
    whole: int | None
    items: bool
    says: str
    find: Callable[[], Witness]

    def fits(self, count: Count) -> bool:
        if self.whole is not None:
            return (self.part, self.whole) == (count.done, count.total)
        return count.total > 0 and abs(100 * count.done / count.total - self.part) <= _ROUNDED


def percentage(task: TaskFiles) -> Iterator[Finding]:
    """What is reported is neither how much of the checklist is ticked nor how many workstreams are completed."""
    items = list(_items(task))
    counts = items + list(_workstreams(task))
    for said in _reported(task):
        counted = next((count for count in counts if count.total), None)
        if counted and not any(said.fits(count) for count in (items if said.items else counts)):
            says = f"{said.says} is reported, but {counted.says}"
            fix: Fix | None = "refresh" if said.whole is not None else None
            yield task.finding("percentage", "error", says, said.find(), counted.find(), fix=fix)


def _items(task: TaskFiles) -> Iterator[Count]:
    if task.boxes is not None:
        total = len(task.boxes)
        yield Count(task.ticked, total, f"{task.ticked} of {total} items are ticked", task.first_box)


def _workstreams(task: TaskFiles) -> Iterator[Count]:
    if task.workstreams and task.status:
        done, total = sum(row.word == "completed" for row in task.workstreams), len(task.workstreams)
        says = f"{done} of {total} workstreams are completed"
        yield Count(done, total, says, partial(task.status.at, "workstreams"))


def _reported(task: TaskFiles) -> Iterator[Reported]:
    for key in _KEYS if task.status else ():
        said = str(task.data.get(key, "")).strip().removesuffix("%").strip()
        if task.status and re.fullmatch(r"\d+(?:\.\d+)?", said):
            percent = float(said) * (100 if 0 < float(said) < 1 else 1)
            yield Reported(percent, None, False, f'"{key}": {said}', partial(task.status.at, key))
    for text in task.markdown:
        for found in _LINE.finditer(text.prose):
            if found[1]:
                yield Reported(float(found[1]), None, False, f"{found[1]}%", partial(text.at_prose, found.start(1)))
            else:
                says = f"{found[2]} of {found[3]}"
                yield Reported(
                    float(found[2]), int(found[3]), bool(found[4]), says, partial(text.at_prose, found.start(2))
                )
