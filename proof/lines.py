"""Which lines of a document may change when something happens: those of the facts that changed, and no other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from orchestrator import events as happened
from orchestrator.documents import unstamp
from orchestrator.documents.header import FACTS
from orchestrator.documents.markdown import BEGIN, END, plain
from orchestrator.events import Event, Kind
from orchestrator.task import Task
from proof.editor import BOX
from proof.saving import Saving

_EMPTY = re.compile(r"\s*(None|<!-- orchestrator:(begin|end) -->)?\s*")
_DERIVED = re.compile(r"[ \t]*[-*+][ \t]+\*\*c[0-9]+\*\*.*")
_HEADER = re.compile(rf"\*\*({'|'.join(FACTS)})[ \t]*(\*\*[ \t]*:|:[ \t]*\*\*).*", re.I)
_STEP = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+\S.*")
_DETAIL = re.compile(r"[ \t]+[-*+][ \t]+(Rationale|Refers to|Decided):.*", re.I)


def lines(kind: Kind, data: bytes) -> Counter[str]:
    return Counter(unstamp(kind, data.decode())[0].split("\n"))


def wronged(
    kind: Kind, before: bytes, after: bytes, savings: Sequence[Saving], events: Sequence[Event], tasks: Sequence[Task]
) -> Counter[str]:
    """The lines that should be there and are not, though nothing that happened concerns them.

    `tasks`: as it was before, and after.
    """
    expected = lines(kind, before)
    for saving in savings:
        had, has = lines(kind, saving.base), lines(kind, saving.data)
        expected = (expected - (had - has)) + (has - had)
    missing = expected - lines(kind, after) - Counter(_own_headings(before))
    last = {_last(kind, data) for data in (before, *(saving.data for saving in savings))}
    return Counter(
        {line: count for line, count in missing.items() if line not in last and not _may_change(line, events, tasks)}
    )


def _own_headings(data: bytes) -> list[str]:
    """Those of the engine's own block, which come and go with what stands under them."""
    _, _, block = data.decode().partition(BEGIN)
    return [line.rstrip("\r") for line in block.partition(END)[0].split("\n") if line.startswith("## ")]


def _last(kind: Kind, data: bytes) -> str:
    """A last line that was not closed: it is, as the others are, when something follows it."""
    return unstamp(kind, data.decode())[0].split("\n")[-1]


def _may_change(line: str, events: Sequence[Event], tasks: Iterable[Task]) -> bool:
    if any(always.fullmatch(line.rstrip("\r")) for always in (_EMPTY, _HEADER, _DERIVED)):
        return True
    return any(_concerns(event, line.rstrip("\r"), tasks) for event in events)


def _concerns(event: Event, line: str, tasks: Iterable[Task]) -> bool:
    if isinstance(event, happened.NextStepsSet):
        return _STEP.fullmatch(line) is not None
    name = getattr(event, "id", None)
    if isinstance(event, happened.DecisionRecorded | happened.DecisionChanged) and _DETAIL.fullmatch(line):
        return True
    if name is None:
        return False
    if f"**{plain(name)}**" in plain(line):
        return True
    items = [item for task in tasks for item in task.items if item.id == name]
    if box := BOX.fullmatch(line):
        return plain(box[4]) in {plain(item.text) for item in items}
    return bool(items) and line in {"## Items", *(f"## {item.section}" for item in items)}
