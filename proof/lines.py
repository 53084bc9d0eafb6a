"""Which lines of a document may change when something happens: those of the facts that changed, and no other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from orchestrator import events as happened
from orchestrator.documents import kinds, render, unstamp
from orchestrator.documents.header import FACTS
from orchestrator.documents.markdown import BEGIN, END, plain
from orchestrator.events import Commit, Event, Kind
from orchestrator.task import Task
from orchestrator.transitions import follow
from proof.editor import BOX, WORD
from proof.saving import Saving

_EMPTY = re.compile(r"\s*(None|<!-- orchestrator:(begin|end) -->)?\s*")
_DERIVED = re.compile(r"[ \t]*[-*+][ \t]+\*\*c[0-9]+\*\*.*")
_HEADER = re.compile(rf"\*\*({'|'.join(FACTS)})[ \t]*(\*\*[ \t]*:|:[ \t]*\*\*).*", re.I)
_MARKED = re.compile(r"\*\*(.+?)\*\*")
_STEP = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+\S.*")
_DETAIL = re.compile(r"[ \t]+[-*+][ \t]+(Rationale|Refers to|Decided):.*", re.I)


def lines(kind: Kind, data: bytes) -> Counter[str]:
    return Counter(_ordered(kind, data))


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
    last.add(_last(kind, after) + "\r")
    return Counter(
        {line: count for line, count in missing.items() if line not in last and not _may_change(line, events, tasks)}
    )


def disordered(
    kind: Kind, before: bytes, after: bytes, savings: Sequence[Saving], events: Sequence[Event], tasks: Sequence[Task]
) -> list[str]:
    """Two lines that changed places though nothing that happened concerns either.

    Each is there once, where it should be and where it is; `tasks` as for `wronged`. Items stand by their sections, in
    the order of the first item of each: where one comes or goes, they may change places.
    """
    moving = any(isinstance(event, happened.ItemAdded | happened.ItemDropped) for event in events)
    expected = _ordered(kind, savings[-1].data if savings else before)
    found = _ordered(kind, after)
    singles = ({line for line, count in Counter(rows).items() if count == 1} for rows in (expected, found))
    once = {line for line in set.intersection(*singles) if line.strip() and not _may_change(line, events, tasks)}
    once = {line for line in once if not (moving and (BOX.fullmatch(line) or line.startswith("## ")))}
    places = {line: number for number, line in enumerate(expected)}
    rows = [line for line in found if line in once]
    return next(([one, other] for one, other in pairwise(rows) if places[one] > places[other]), [])


def _ordered(kind: Kind, data: bytes) -> list[str]:
    return unstamp(kind, data.decode())[0].split("\n")


def concerned(kind: Kind, events: Iterable[Event]) -> bool:
    """True unless all that happened was said to be in other documents."""
    texts = (happened.EditSetAside, happened.ProseWritten, happened.TextEdited)
    return any(not isinstance(event, texts) or event.document == kind for event in events)


def same(kind: Kind, before: bytes, after: bytes) -> bool:
    """But for the stamp."""
    return unstamp(kind, before.decode())[0] == unstamp(kind, after.decode())[0]


def taken_back(task: Task, commits: Iterable[Commit], savings: Sequence[Saving]) -> set[bytes]:
    """The words that somebody else's commits took out of the documents.

    `task`: as it was before them. Of people, only those count who saved a text without its stamp: of what they had not
    read they cannot be told.
    """
    bare = any(_stamped(saving.base) and not _stamped(saving.data) for saving in savings)
    found: set[bytes] = set()
    for commit in commits:
        after = follow(task, commit, task.id)
        if bare or commit.actor != "editor":
            found |= _words(task) - _words(after)
        task = after
    return found


def _stamped(data: bytes) -> bool:
    return b"<!-- orchestrator " in data or b'"sync"' in data


def _words(task: Task) -> set[bytes]:
    return {word for kind in kinds(task) for word in WORD.findall(render(task, kind).encode("utf-8", "replace"))}


def _own_headings(data: bytes) -> list[str]:
    """Those of the engine's own block, which come and go with what stands under them."""
    _, _, block = data.decode().partition(BEGIN)
    return [line for line in block.partition(END)[0].split("\n") if line.startswith("## ")]


def _last(kind: Kind, data: bytes) -> str:
    """A last line that was not closed: it is, as the others are, when something follows it."""
    return unstamp(kind, data.decode())[0].split("\n")[-1]


def _may_change(line: str, events: Sequence[Event], tasks: Iterable[Task]) -> bool:
    if any(always.fullmatch(line.rstrip("\r")) for always in (_EMPTY, _HEADER, _DERIVED)):
        return True
    if (box := BOX.fullmatch(line.rstrip("\r"))) and plain(box[4]) in _overtaken(events):
        return True
    return any(_concerns(event, line.rstrip("\r"), tasks) for event in events)


def _overtaken(events: Sequence[Event]) -> set[str]:
    """The wordings of items that were reworded once more after that."""
    found: set[str] = set()
    last: dict[str, str] = {}
    for event in events:
        if isinstance(event, happened.ItemReworded):
            if event.id in last:
                found.add(plain(last[event.id]))
            last[event.id] = event.text
    return found


def _concerns(event: Event, line: str, tasks: Iterable[Task]) -> bool:
    if isinstance(event, happened.NextStepsSet):
        return _STEP.fullmatch(line) is not None
    name = getattr(event, "id", None)
    if isinstance(event, happened.DecisionRecorded | happened.DecisionChanged) and _DETAIL.fullmatch(line):
        return True
    if name is None:
        return False
    if f"**{plain(name)}**" in plain(_MARKED.sub(lambda found: f"**{plain(found[1])}**", line)):
        return True
    items = [item for task in tasks for item in task.items if item.id == name]
    if box := BOX.fullmatch(line):
        return plain(box[4]) in {plain(item.text) for item in items}
    return bool(items) and line in {"## Items", *(f"## {item.section}" for item in items)}


def facts(task: Task) -> dict[str, Counter[bytes]]:
    """The words of what was recorded, each once."""
    found = {"items": [item.text for item in task.live_items], "next steps": task.next_steps}
    return {place: Counter(WORD.findall("\n".join(texts).encode())) for place, texts in found.items()}
