"""What lies in a `.temp` that nobody keeps but people and their agents. Nothing here writes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator import documents, files, overview
from orchestrator.engine.absorption import SETTLE, Unreadable, is_settled, look
from orchestrator.engine.folder import owner
from orchestrator.errors import Refused
from orchestrator.events import Kind

LARGEST = 4 * 1024 * 1024
"""Bytes of a document: what is longer nobody keeps by hand, and it would be written anew at every change."""
_ROUNDS = 25
_DIRECTORIES = ("completed", ".orchestrator")


@dataclass(frozen=True)
class HandMade:
    """A task nobody keeps yet; it is where its status document is. `strays`: files of it that are in the other place.

    `companions`: the files that are no documents. `doubled`: documents that are in both places. `around`: all tasks
    there are, and whether they are archived.
    """

    id: str
    archived: bool
    documents: Mapping[Kind, Path]
    companions: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    around: Mapping[str, bool] = field(default_factory=dict, compare=False, repr=False)

    def read(self) -> dict[Kind, str]:
        """The text of each document; raises Refused when one is none, is being written, or is there twice."""
        if self.doubled:
            names = ", ".join(self.doubled)
            raise _refused(f"{names}: in .temp and in completed/, two tasks of one id; rename the files of one of them")
        return {kind: text for kind, path in self.documents.items() if (text := _text(path)) is not None}


def _text(path: Path) -> str | None:
    """What a document says, None when it is gone; raises Refused."""
    for _ in range(_ROUNDS):
        if is_settled(path):
            break
        time.sleep(SETTLE)
    else:
        raise _refused(f"{path.name} is just being written: adopt again once it is not")
    data = look(path)
    if isinstance(data, Unreadable):
        raise _refused(f"{path.name}: {data.reason}: put a text in its place, or rename it")
    if data is None:
        return None
    if len(data) > LARGEST:
        raise _refused(f"{path.name} has {len(data):,} bytes, more than {LARGEST:,}: shorten or rename it")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _refused(f"{path.name} is not UTF-8 text: write it as that, or rename it") from None
    if "\0" in text:
        raise _refused(f"{path.name} holds zero bytes: put a text in its place, or rename it")
    return text


def _refused(reason: str) -> Refused:
    return Refused("adopt", reason)


@dataclass(frozen=True)
class Survey:
    """What the names in a `.temp` say.

    `kept`: the tasks the engine keeps; `begun`: those of them that are not stamped yet, or being renamed. `others`:
    files of no task, and those with the id of a kept one that are not where it is.
    """

    found: tuple[HandMade, ...]
    kept: tuple[str, ...]
    begun: tuple[str, ...]
    others: tuple[str, ...]


def survey(temp: Path) -> Survey:
    """Look what there is. Raises OSError."""
    folder = overview.Folder(temp)
    kept = folder.journals
    kinds: dict[str, dict[bool, list[Kind]]] = defaultdict(lambda: {False: [], True: []})
    beside: dict[str, dict[bool, list[str]]] = defaultdict(lambda: {False: [], True: []})
    others: list[str] = []
    for archived, home in ((False, temp), (True, temp / "completed")):
        for name in files.names(home):
            identity = documents.identify(name)
            task_id = identity[1] if identity else owner(name)
            path = "completed/" * archived + name
            if task_id is None or task_id in kept:
                if path not in _DIRECTORIES and kept.get(task_id or "") != archived:
                    others.append(path)
            elif identity:
                kinds[task_id][archived].append(identity[0])
            else:
                beside[task_id][archived].append(path)
    for task_id in beside.keys() - kinds.keys():
        others += beside[task_id][False] + beside[task_id][True]
    renaming = folder.renaming if kinds else {}
    found = [_found(temp, task_id, kinds[task_id], beside[task_id]) for task_id in sorted(kinds.keys() - renaming)]
    around = {**kept, **{row.id: row.archived for row in found}}
    found = [replace(row, around=around) for row in found]
    bare = {task_id for task_id, archived in kept.items() if _is_bare(temp, task_id, archived)}
    begun = sorted(bare.union(renaming.values()))
    return Survey(tuple(found), tuple(sorted(kept)), tuple(begun), tuple(sorted(others)))


def _found(temp: Path, task_id: str, kinds: Mapping[bool, list[Kind]], beside: Mapping[bool, list[str]]) -> HandMade:
    archived = "task-status" in kinds[True] or not kinds[False]
    paths = {kind: _path(kind, task_id, place) for place in (not archived, archived) for kind in kinds[place]}
    return HandMade(
        task_id,
        archived,
        {kind: temp / path for kind, path in sorted(paths.items())},
        tuple(sorted(beside[False] + beside[True])),
        tuple(sorted([_path(kind, task_id, not archived) for kind in kinds[not archived]] + beside[not archived])),
        tuple(documents.file_name(kind, task_id) for kind in kinds[False] if kind in kinds[True]),
    )


def _path(kind: Kind, task_id: str, archived: bool) -> str:
    return "completed/" * archived + documents.file_name(kind, task_id)


def _is_bare(temp: Path, task_id: str, archived: bool) -> bool:
    """True when a task has a status document that was never published: the last to be."""
    data = look(temp / _path("task-status", task_id, archived))
    return isinstance(data, bytes) and b'"sync": {' not in data
