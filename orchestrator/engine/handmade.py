"""What lies in a `.temp` that nobody keeps but people and their agents. Nothing here writes."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from orchestrator import documents, files
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
    """A task nobody keeps yet. `companions`: other files of its id; `elsewhere`: its documents in the other place."""

    id: str
    archived: bool
    home: Path
    kinds: tuple[Kind, ...]
    companions: tuple[str, ...]
    elsewhere: tuple[str, ...]

    def read(self) -> dict[Kind, str]:
        """The text of each document; raises Refused when one is none, is being written, or is in the other place."""
        if self.elsewhere:
            names = ", ".join(self.elsewhere)
            raise _refused(f"{names}: the task's other documents are not there: put all in one place, or rename some")
        return {kind: text for kind in self.kinds if (text := self._text(kind)) is not None}

    def _text(self, kind: Kind) -> str | None:
        name = documents.file_name(kind, self.id)
        path = self.home / name
        for _ in range(_ROUNDS):
            if is_settled(path):
                break
            time.sleep(SETTLE)
        else:
            raise _refused(f"{name} is just being written: adopt again once it is not")
        data = look(path)
        if isinstance(data, Unreadable):
            raise _refused(f"{name}: {data.reason}: put a text in its place")
        if data is None:
            return None
        if len(data) > LARGEST:
            raise _refused(f"{name} has {len(data):,} bytes, more than {LARGEST:,}: shorten or rename it")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise _refused(f"{name} is not UTF-8 text: write it as that, or give it another name") from None
        if "\0" in text:
            raise _refused(f"{name} holds zero bytes: put a text in its place")
        return text


def _refused(reason: str) -> Refused:
    return Refused("adopt", reason)


@dataclass(frozen=True)
class Survey:
    """What the names in a `.temp` say.

    `kept`: the tasks the engine keeps; `begun`: those of them that are not stamped yet. `others`: paths of what is no
    task's.
    """

    found: tuple[HandMade, ...]
    kept: tuple[str, ...]
    begun: tuple[str, ...]
    others: tuple[str, ...]


def survey(temp: Path, kept: Collection[str]) -> Survey:
    """Look what there is; `kept` are the tasks that have a journal. Raises OSError."""
    kinds: dict[str, dict[bool, list[Kind]]] = defaultdict(lambda: {False: [], True: []})
    beside: dict[str, list[str]] = defaultdict(list)
    others: list[str] = []
    places = {False: temp, True: temp / "completed"}
    for archived, home in places.items():
        for name in sorted(files.names(home)):
            path = os.path.relpath(home / name, temp)
            if identity := documents.identify(name):
                kinds[identity[1]][archived].append(identity[0])
            elif (task_id := owner(name)) is not None:
                beside[task_id].append(path)
            elif path not in _DIRECTORIES:
                others.append(path + "/" * (home / name).is_dir())
    found = []
    for task_id in sorted(kinds.keys() - {*kept}):
        archived = "task-status" in kinds[task_id][True] or not kinds[task_id][False]
        found.append(
            HandMade(
                task_id,
                archived,
                places[archived],
                tuple(kinds[task_id][archived]),
                tuple(beside[task_id]),
                tuple(_path(kind, task_id, not archived) for kind in kinds[task_id][not archived]),
            )
        )
    strangers = [path for task_id, paths in beside.items() if task_id not in kinds for path in paths]
    begun = [task_id for task_id in kept if _is_bare(temp, task_id)]
    return Survey(tuple(found), tuple(sorted(kept)), tuple(begun), tuple(sorted([*others, *strangers])))


def _path(kind: Kind, task_id: str, archived: bool) -> str:
    return "completed/" * archived + documents.file_name(kind, task_id)


def _is_bare(temp: Path, task_id: str) -> bool:
    """True when a task has a status document that was never published: the last to be."""
    for archived in (False, True):
        data = look(temp / _path("task-status", task_id, archived))
        if isinstance(data, bytes) and b'"sync": {' not in data[-65536:]:
            return True
    return False
