"""What a `.temp` folder holds, read from the documents alone: no lock, no write, no engine. Fast to import."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any, Literal, NamedTuple

from orchestrator import files
from orchestrator.errors import StorageError
from orchestrator.locks import is_locked

_STATUS = re.compile(r"task-status-([A-Z0-9]{6})\.json\Z", re.ASCII)
_ID = re.compile(r"[A-Z0-9]{6}\Z", re.ASCII)
LOST = "its status document is missing; `orchestrator show` with its id brings it back"
_AGENT = ("agentid", "agent", "agentname")
_DESCRIPTION = ("description", "taskdescription", "task", "title", "taskname")
"""What people call `agentId` and `description`, but for case, hyphens and underscores; the first counts."""
_BOX = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[(.)\ufe0f?\][ \t]+\S", re.MULTILINE)

Keeping = Literal["kept", "renamed", "gone", "copy", "by hand"]
"""Who keeps a task: the engine, that has its journal, under another id perhaps; nobody, for that is gone, or never was
here; or people."""
ABSENT: dict[Keeping, str] = {
    "renamed": "task {task} is called {name} now, and its renaming is not finished: `orchestrator show {name}` goes on "
    "with it",
    "gone": "the journal of task {task} is gone: bring {journal} back from a backup, or `orchestrator adopt` takes its "
    "documents over, from revision 1",
    "copy": "the journal of task {task} is not here, as in a copy made by git: bring {journal} along, or "
    "`orchestrator adopt` takes its documents over, from revision 1",
}
"""Why the engine does not keep what it wrote under this id, and what to do."""

Known = dict[str, tuple[files.Identity, "Read"]]
"""What status documents held, by path: one that is still the same file is not read again."""
Read = tuple[dict[str, Any], str | None]
SETTLED = 0.05
"""Seconds after which a document that is changed once more cannot look the same: clocks of file systems tick."""


class Folder:
    """The names in a `.temp`. Each directory is listed once, when it is first asked for: there may be thousands.

    `known`: for those who ask again and again.
    """

    def __init__(self, temp: Path, known: Known | None = None) -> None:
        self.temp = temp
        self.known = known
        self._journals = temp / ".orchestrator" / "journal"
        self._locks = temp / ".orchestrator" / "locks"

    @cached_property
    def open(self) -> list[str]:
        return names(self.temp)

    @cached_property
    def completed(self) -> list[str]:
        return names(self.temp / "completed")

    @cached_property
    def journals(self) -> dict[str, bool]:
        """The tasks that the engine keeps, and whether they are archived."""
        return {
            name.removesuffix(".jsonl"): archived
            for folder, archived in ((self._journals, False), (self._journals / "completed", True))
            for name in names(folder)
            if name.endswith(".jsonl") and name[0] != "."
        }

    @cached_property
    def renaming(self) -> dict[str, str]:
        """The former ids of tasks whose documents may be under them still, and what these tasks are called now."""
        found: dict[str, str] = {}
        for task_id, archived in self.journals.items():
            with suppress(OSError):
                data = files.read(self._journals / ("completed" * archived) / f"{task_id}.jsonl") or b""
                *_, since = data.rpartition(b'"type":"MoveDone"')
                renamed = re.findall(rb'"type":"TaskRenamed","id":"[A-Z0-9]{6}","previous":"([A-Z0-9]{6})"', since)
                found.update((name.decode(), task_id) for name in renamed)
        return found

    @cached_property
    def _epochs(self) -> dict[str, int]:
        """The newest lease of each task that ever had a worker."""
        found: dict[str, int] = {}
        for name in names(self._locks):
            task_id, _, epoch = name.partition(".lease-")
            if epoch.isdecimal():
                found[task_id] = max(int(epoch), found.get(task_id, 0))
        return found

    def at_work(self, task_id: str) -> bool:
        """True when the task's last worker is alive."""
        epoch = self._epochs.get(task_id)
        return epoch is not None and is_locked(self._locks / f"{task_id}.lease-{epoch}")


class Given(NamedTuple):
    """A task that another one gave away."""

    id: str
    agent: str


class Row:
    """One task as its status document tells it, which is read when it is first asked for."""

    def __init__(self, task_id: str, archived: bool, folder: Folder) -> None:
        self.id = task_id
        self.archived = archived
        self.folder = folder

    @property
    def path(self) -> Path:
        """Where its status document is."""
        return self._home / f"task-status-{self.id}.json"

    @property
    def data(self) -> dict[str, Any]:
        """The document, empty when it cannot be read."""
        return self._read[0]

    @property
    def problem(self) -> str | None:
        """Why the document cannot be read."""
        return self._read[1]

    @cached_property
    def _read(self) -> Read:
        if self.folder.known is None:
            return self._parsed()
        path = f"{self._home}/task-status-{self.id}.json"
        identity = files.identity(path, follow=True)
        found = self.folder.known.get(path)
        if found is not None and found[0] == identity:
            return found[1]
        keep = identity is not None and files.settled(identity, SETTLED)
        read = self._parsed()
        if identity is not None and keep:
            self.folder.known[path] = identity, read
        return read

    def _parsed(self) -> Read:
        try:
            text = self._text("task-status", ".json")
            data = None if text is None else json.loads(text.decode())
        except OSError as error:
            return {}, error.strerror
        except (ValueError, RecursionError) as error:
            return {}, str(error).splitlines()[0]
        if text is None:
            return {}, LOST
        return (data, None) if isinstance(data, dict) else ({}, "it is not a JSON object")

    def _text(self, kind: str, suffix: str) -> bytes | None:
        """What one of its documents holds; raises OSError."""
        return files.read(self._home / f"{kind}-{self.id}{suffix}", follow=True)

    @property
    def changed(self) -> float:
        """When the document was last written, seconds since the epoch; infinite when that cannot be told."""
        try:
            return os.stat(f"{self._home}/task-status-{self.id}.json").st_mtime
        except OSError:
            return inf

    def text(self, key: str) -> str:
        """A top-level value as text, empty when absent."""
        value = self.data.get(key)
        return value if isinstance(value, str) else "" if value is None else str(value)

    def rows(self, key: str) -> list[dict[str, Any]]:
        """A top-level list of objects, empty when it is something else."""
        value = self.data.get(key)
        return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []

    @property
    def agent(self) -> str:
        return agent(self.data)

    @property
    def description(self) -> str:
        return description(self.data)

    @property
    def parent(self) -> str | None:
        """The task that gave this one away."""
        return self.text("parentTask") or None

    @cached_property
    def children(self) -> tuple[Given, ...]:
        """Tasks that it gave away, in that order; one that nobody has begun while its workstream goes on."""
        if not self.kept or not self.open:
            return ()
        given = {
            name: str(row.get("assignedAgent") or "")
            for row in self.rows("workstreams")
            for name in _named(row)
            if row.get("status") == "in-progress" or name in self.folder.journals
        }
        return tuple(Given(*pair) for pair in given.items())

    @property
    def cost(self) -> float | None:
        """US dollars, None where no price is known."""
        return _dollars(self.data.get("usage"))

    @property
    def total_cost(self) -> float | None:
        """The same, with all that it gave away."""
        usage = self.data.get("usage")
        total = _dollars(usage.get("withBelow")) if isinstance(usage, dict) else None
        return self.cost if total is None else total

    @property
    def open(self) -> bool:
        return not self.archived and self.text("status") not in ("completed", "cancelled")

    @property
    def signature(self) -> str:
        """What another task that depends on this one wants to hear about when it changes."""
        return json.dumps([self.archived, self.text("status"), self.text("phase"), self.rows("decisions")])

    @property
    def documents(self) -> tuple[str, ...]:
        """The names of the task's files, beside its status document."""
        names = self.folder.completed if self.archived else self.folder.open
        return tuple(sorted(name for name in names if f"-{self.id}." in name or f"_{self.id}." in name))

    @property
    def items(self) -> tuple[int, int] | None:
        """How many boxes of its checklist are ticked, and how many there are; None without a readable checklist."""
        return self._checklist[0]

    @property
    def illegible(self) -> str | None:
        """Why its checklist cannot be read."""
        return self._checklist[1]

    @cached_property
    def _checklist(self) -> tuple[tuple[int, int] | None, str | None]:
        try:
            data = self._text("checklist", ".md")
            text = None if data is None else data.decode()
        except OSError as error:
            return None, error.strerror or str(error)
        except UnicodeDecodeError:
            return None, "not UTF-8 text"
        if text is None:
            return None, None
        if "\0" in text:
            return None, "it holds zero bytes"
        boxes = _BOX.findall(text)
        return (sum(box != " " for box in boxes), len(boxes)), None

    @property
    def kept(self) -> bool:
        """True when the engine keeps the task; False for one that somebody keeps by hand."""
        return self.id in self.folder.journals

    @cached_property
    def keeping(self) -> Keeping:
        return "kept" if self.kept else unkept(self.folder, self.id, self.data)

    @property
    def absent(self) -> str | None:
        """Why its journal is not there; None where it is, or there never was one."""
        journal = f"{self.folder.temp.name}/.orchestrator/journal/{'completed/' * self.archived}{self.id}.jsonl"
        words = ABSENT.get(self.keeping)
        return words and words.format(task=self.id, journal=journal, name=self.folder.renaming.get(self.id))

    @cached_property
    def interrupted(self) -> bool:
        """True when the task is said to be in progress, and the worker that was at it is gone."""
        if self.archived or self.text("status") != "in-progress" or not self.kept:
            return False
        return not self.folder.at_work(self.id)

    @cached_property
    def paused(self) -> bool:
        """True when a person has it wait, or a task that gave it away."""
        row, passed = self, set[str]()
        while row.open and row.id not in passed:  # documents may say anything: a ring, too
            if row.kept and row.data.get("paused") is True:
                return True
            passed.add(row.id)
            row = Row(row.parent or row.id, False, self.folder)
        return False

    @property
    def _home(self) -> Path:
        return self.folder.temp / "completed" if self.archived else self.folder.temp


def unkept(folder: Folder, task_id: str, said: dict[str, Any]) -> Keeping:
    """Who keeps a task that has no journal of its id: whether the engine did is what its document says.

    Whether it did so here, or what is here is a copy, its lock tells, which is never taken away.
    """
    if not isinstance(said.get("sync"), dict):
        return "by hand"
    if not os.path.lexists(f"{folder.temp}/.orchestrator/locks/{task_id}.lock"):
        return "copy"
    return "renamed" if task_id in folder.renaming else "gone"


def agent(said: dict[str, Any]) -> str:
    """Who keeps the task, by its status document."""
    return _meant(said, "agentId", _AGENT)


def description(said: dict[str, Any]) -> str:
    """What the task is."""
    return _meant(said, "description", _DESCRIPTION)


def _meant(said: dict[str, Any], key: str, names: tuple[str, ...]) -> str:
    """The text under a key, or else under one that is called much like it: there an id is none."""
    if _is_text(value := said.get(key)):
        return str(value)
    found = {re.sub(r"[-_ ]", "", name).casefold(): value for name, value in said.items() if _is_text(value)}
    return next((str(found[name]) for name in names if name in found and not _ID.match(found[name])), "")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _dollars(usage: object) -> float | None:
    value = usage.get("costUsd") if isinstance(usage, dict) else None
    return value if isinstance(value, float) else None


def rows(temp: Path) -> Iterator[Row]:
    """Every task of the folder in no order, none of them read yet; hand-made ones and those without documents too."""
    folder, known = Folder(temp), set()
    for names, archived in ((folder.open, False), (folder.completed, True)):
        for name in names:
            if found := _STATUS.match(name):
                known.add(found[1])
                yield Row(found[1], archived, folder)
    yield from (Row(name, archived, folder) for name, archived in folder.journals.items() if name not in known)


def opened(temp: Path, known: Known) -> Iterator[Row]:
    """The tasks whose documents lie in the folder itself, in no order: closed ones too, until they are moved."""
    folder = Folder(temp, known)
    yield from (Row(found[1], False, folder) for name in folder.open if (found := _STATUS.match(name)))


def read(temp: Path) -> tuple[Row, ...]:
    """Every task of the folder, open ones first, then by start."""
    return tuple(sorted(rows(temp), key=by_start))


def by_start(row: Row) -> tuple[bool, str, str]:
    """What tasks are sorted by."""
    return row.archived, row.text("startedAt"), row.id


def find(temp: Path, task_id: str, known: Known | None = None) -> Row | None:
    """One task, None when the folder has no status document of it."""
    found = (Row(task_id, archived, Folder(temp, known)) for archived in (False, True))
    return next((row for row in found if row.path.exists()), None)


def giver(temp: Path, task_id: str) -> Row | None:
    """The task that gave away one that is not there yet."""
    return next((row for row in rows(temp) if any(child.id == task_id for child in row.children)), None)


def _named(workstream: dict[str, Any]) -> list[str]:
    """The tasks that a workstream refers to."""
    found = workstream.get("crossAgentReferences")
    return [name for name in found if isinstance(name, str) and _ID.match(name)] if isinstance(found, list) else []


def names(folder: Path) -> list[str]:
    """What is in a folder, nothing when there is none. Raises StorageError."""
    try:
        return files.names(folder)
    except OSError as error:
        there = files.obstacle(folder)
        remedy = "take it away" if there else "what is there is not known"
        raise StorageError(f"{there or folder}: {error.strerror}: {remedy}") from None
