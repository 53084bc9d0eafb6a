"""What a worker sees of other tasks: what they wrote, how they stand, what they decided, which files they touch too.

All but what they wrote is read from their status documents, which are read again only when they changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import get_args

from orchestrator import evidence, files, overview
from orchestrator.engine import Engine
from orchestrator.errors import Damaged, UnknownTask
from orchestrator.events import ChildObserved, Commit, Life, ModelReplied, Told
from orchestrator.overview import Row
from orchestrator.task import Known, Task

_KNOWN: overview.Known = {}
_ARCHIVED: dict[Path, tuple[files.Identity, dict[str, float]]] = {}
"""By `.temp`: when the status documents in `completed/` were written."""
MOST_PEEKED = 64
"""So many journals of other tasks are looked at: each is a file or two that stays open."""
_DIGESTS: dict[str, tuple[object, tuple[str, ...]]] = {}
"""By task: of its decisions, as long as its document is the same."""
_LAG = 2.0
"""Seconds that the clock of a file system may be behind."""


@dataclass(frozen=True)
class Decided:
    """A decision of another task, as its status document says it."""

    task: str
    agent: str
    at: str
    text: str


@dataclass(frozen=True)
class Look:
    """The other tasks at a moment, and what of them the model was not told yet.

    `decided`: decisions, oldest first; `touched`: by task that this one gave away, the task now, and what people did to
    it; `moved`: one that this one refers to is not as it was.
    """

    rows: Mapping[str, Row] = field(default_factory=dict)
    decided: tuple[Decided, ...] = ()
    touched: tuple[tuple[Task, tuple[Commit, ...]], ...] = ()
    moved: bool = False


def look(engine: Engine, task: Task) -> Look:
    """What the task's model was not told of others."""
    temp = engine.folder.temp
    rows = {row.id: row for row in _lately(temp, task, task.started_at) if not row.problem}
    before = {row.task: row for row in task.others}
    return Look(
        rows,
        tuple(sorted(_news(rows.values(), task), key=lambda row: row.at)),
        tuple(_touched(engine, rows, before, task)),
        any(_moved(temp, row, rows) for name, row in before.items() if name in {ref.task for ref in task.references}),
    )


def told(temp: Path, seen: Look, task: Task, *, moves: bool) -> tuple[Told, ...]:
    """What is to be remembered once the model was told of it, as far as that is new.

    `moves`: also that tasks which this one refers to have moved.
    """
    before = {row.task: row for row in task.others}
    people = {child.id: child.revision for child, _ in seen.touched}
    referred = {row.task for row in task.references}
    found = []
    for name in sorted(seen.rows.keys() | referred):
        old, row = before.get(name, Known(name)), seen.rows.get(name)
        stands = old.stands if name not in referred or (old.stands and not moves) else _stands(temp, name, seen.rows)
        new = Known(
            name,
            old.decisions if row is None else _digests(row),
            stands,
            people.get(name, old.revision),
        )
        if new != old:
            found.append(Told(task=name, decisions=new.decisions, stands=new.stands, revision=new.revision))
    return tuple(found)


def opened(temp: Path, task: Task) -> tuple[Row, ...]:
    """The other open tasks, by start."""
    rows = (row for row in overview.opened(temp, _KNOWN) if row.id != task.id and row.open)
    return tuple(sorted(rows, key=overview.by_start))


def claims(engine: Engine, task: Task) -> frozenset[tuple[str, str | None]]:
    """What other tasks have written, otherwise than by commands, since the last message of this one's model.

    Where it works apart from others that is nothing.
    """
    if task.isolate:
        return frozenset()
    commits = engine.since(task.id, task.heard)
    replies = [commit.at for commit in commits if any(isinstance(event, ModelReplied) for event in commit.events)]
    since = replies[-1] if replies else task.started_at
    found: set[tuple[str, str | None]] = set()
    for row in _lately(engine.folder.temp, task, since):
        if row.text("updatedAt") >= since or row.folder.at_work(row.id):
            with suppress(Damaged, UnknownTask):  # it claims nothing
                found |= engine.wrote(row.id, since)
    return frozenset(found)


def observed(temp: Path, task: Task) -> Iterator[ChildObserved]:
    """What became of open tasks that this one gave away, where it has not heard of it yet."""
    for child in task.children:
        row = overview.find(temp, child.id, _KNOWN) if child.open else None
        if row is None or row.problem:
            continue
        status, revision = row.text("status"), row.data.get("revision")
        if status != child.status and status in get_args(Life) and isinstance(revision, int):
            yield ChildObserved.model_validate({"child": child.id, "status": status, "revision": revision})


def neighbours(engine: Engine, task: Task) -> list[tuple[Row, tuple[str, ...]]]:
    """The other open tasks, those that touch the same files first, with these files in this one's words.

    Of the latest tasks, what they changed is known from their journals; of others, what their status documents name.
    """
    rows = opened(engine.folder.temp, task)
    latest = {row.id for row in sorted(rows, key=lambda row: row.text("updatedAt"))[-MOST_PEEKED:]}
    mine = _touches(task)
    found = []
    for row in rows:
        theirs = _named([row.description], artifacts(row), ())
        with suppress(Damaged, UnknownTask):  # kept by hand: its documents say what they say
            theirs |= _touches(engine.peek(row.id)) if row.id in latest else set()
        found.append((row, _common(mine, theirs)))
    return sorted(found, key=lambda one: not one[1])


def _common(mine: Collection[str], theirs: Collection[str]) -> tuple[str, ...]:
    """Those of the first that may be one of the second: `user.js` may be `src/user.js`."""
    tails = {path.rpartition("/")[2] for path in theirs}
    near = (path for path in mine if path.rpartition("/")[2] in tails)
    return tuple(sorted(path for path in near if any(_same(path, other) for other in theirs)))


def _touches(task: Task) -> set[str]:
    """The files that a task names, plans or has changed."""
    texts = [task.description, *(row.text for row in task.instructions), *(item.text for item in task.live_items)]
    changed = [change.path for change in task.changes] + [row.path for row in task.pending if row.path]
    return _named(texts, [path for stream in task.workstreams for path in stream.artifacts], changed)


def artifacts(row: Row) -> list[str]:
    """What its workstreams are to produce."""
    rows = (stream.get("artifacts") for stream in row.rows("workstreams"))
    return [str(name) for names in rows if isinstance(names, list) for name in names]


def _named(texts: Iterable[str], planned: Iterable[str], changed: Iterable[str]) -> set[str]:
    found = {name for text in texts for name in evidence.named_files(text)}
    return found | {evidence.local(name).removeprefix("./") for name in planned} | set(changed)


def _same(one: str, other: str) -> bool:
    return one == other or one.endswith("/" + other) or other.endswith("/" + one)


def _news(rows: Iterable[Row], task: Task) -> Iterator[Decided]:
    """The decisions that were not told; of closed tasks those that were taken while this one was at work."""
    known = {digest for row in task.others for digest in row.decisions}
    for row in rows:
        for digest, decision in zip(_digests(row), row.rows("decisions"), strict=True):
            at = str(decision.get("timestamp") or "")
            if digest not in known and (row.open or at >= task.started_at):
                yield Decided(row.id, row.agent, at, str(decision.get("decision", "")))


def _touched(
    engine: Engine, rows: Mapping[str, Row], before: Mapping[str, Known], task: Task
) -> Iterator[tuple[Task, tuple[Commit, ...]]]:
    for child in task.children:
        if child.open and child.id in rows:
            known = before[child.id].revision if child.id in before else 0
            with suppress(Damaged, UnknownTask):
                now = engine.peek(child.id)
                commits = engine.since(child.id, known)
                if people := tuple(commit for commit in commits if commit.actor in ("user", "editor")):
                    yield now, people


def _lately(temp: Path, task: Task, since: str) -> Iterator[Row]:
    """The other tasks that are open, or were at that time; one that is moved just now maybe twice."""
    yield from (row for row in overview.opened(temp, _KNOWN) if row.id != task.id)
    yield from _ended(temp, since)


def _ended(temp: Path, since: str) -> Iterator[Row]:
    """The tasks that were archived since a time."""
    folder = temp / "completed"
    identity = files.identity(folder)
    if identity is None:
        return
    known, keep = _ARCHIVED.get(temp), files.settled(identity, overview.SETTLED)
    if known is None or known[0] != identity:
        old = known[1] if known else {}
        rows = (row for row in overview.rows(temp) if row.archived)
        known = identity, {row.id: old.get(row.id) or row.changed for row in rows}
        if keep:
            _ARCHIVED[temp] = known
    earliest = datetime.fromisoformat(since).timestamp() - _LAG
    for name, changed in known[1].items():
        if changed >= earliest and (row := overview.find(temp, name, _KNOWN)):
            yield row


def _moved(temp: Path, known: Known, rows: Mapping[str, Row]) -> bool:
    stands = _stands(temp, known.task, rows)
    return None not in (stands, known.stands) and stands != known.stands


def _stands(temp: Path, name: str, rows: Mapping[str, Row]) -> str | None:
    """How a task stands, in a few letters; None for one that cannot be read."""
    row = rows.get(name) or overview.find(temp, name, _KNOWN)
    return _short(row.signature) if row and not row.problem else None


def _digests(row: Row) -> tuple[str, ...]:
    """Of its decisions, in their order."""
    known = _DIGESTS.get(row.id)
    if known is None or known[0] is not row.data:
        keys = ("timestamp", "decision", "rationale")
        rows = (json.dumps([decision.get(key) for key in keys]) for decision in row.rows("decisions"))
        known = _DIGESTS[row.id] = row.data, tuple(map(_short, rows))
    return known[1]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
