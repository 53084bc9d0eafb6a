"""The journal in memory: for tests of what stands on it, and for trying things out. Nothing outlives the process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.errors import Conflict, UnknownTask
from orchestrator.events import Commit, Kind


class MemoryJournal:
    def __init__(self, task_id: str, folder: MemoryJournals, commits: list[Commit], lock: threading.RLock) -> None:
        self.task_id = task_id
        self.name = f"journal of {task_id}"
        self._folder = folder
        self.rebooted = False
        self.durable = 0
        self.doubted = False
        self._commits = commits
        self._lock = lock
        self._read = 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        with self._lock:
            yield

    def reconciled(self) -> None:
        self.rebooted = False

    def checkpointed(self, revision: int) -> None:
        self.durable = revision

    def doubt(self, doubted: bool) -> None:
        self.doubted = doubted

    def read(self, after: int) -> list[Commit]:
        if self.task_id not in self._folder.ids():
            raise UnknownTask(self.task_id, "memory")
        self._read = len(self._commits)
        return self._commits[after:]

    def history(self) -> Iterator[Commit]:
        yield from self._commits[: self._read]

    def append(self, commit: Commit) -> None:
        if commit.revision != len(self._commits) + 1 or self._read != len(self._commits):
            raise Conflict(
                f"task {self.task_id} is at revision {len(self._commits)}: {commit.revision} does not follow"
            )
        self._commits.append(commit)
        self._read += 1

    def published(self, kind: Kind, digest: str) -> bool:
        return any(commit.documents.get(kind) == digest for commit in self.history())

    def absorbed(self, kind: Kind, digest: str, after: int) -> bool:
        return any(commit.absorbed.get(kind) == digest for commit in self.history() if commit.revision > after)

    def move(self, *, archived: bool) -> None:
        """There is no other place to move to."""

    def rename(self, task_id: str) -> None:
        self._folder.rename(self.task_id, task_id)

    def close(self) -> None:
        """There is nothing to close."""


class MemoryJournals:
    def __init__(self) -> None:
        self._commits: dict[str, list[Commit]] = {}
        self._locks: dict[str, threading.RLock] = {}

    def create(self, task_id: str, *commits: Commit, archived: bool = False) -> MemoryJournal:
        if task_id in self._commits:
            raise FileExistsError(task_id)
        self._commits[task_id] = [*commits]
        self._locks[task_id] = threading.RLock()
        return self.open(task_id)

    def open(self, task_id: str) -> MemoryJournal:
        if task_id not in self._commits:
            raise UnknownTask(task_id, "memory")
        return MemoryJournal(task_id, self, self._commits[task_id], self._locks[task_id])

    def rename(self, task_id: str, to: str) -> None:
        if to in self._commits:
            raise FileExistsError(to)
        self._commits[to] = self._commits.pop(task_id)
        self._locks[to] = self._locks.pop(task_id)

    def ids(self) -> tuple[str, ...]:
        return tuple(sorted(self._commits))

    def mentioning(self, text: str) -> tuple[str, ...]:
        return tuple(name for name in self.ids() if text.encode() in self.raw(name))

    def raw(self, task_id: str) -> bytes:
        if task_id not in self._commits:
            raise UnknownTask(task_id, "memory")
        lines = (json.dumps(commit.encode(), separators=(",", ":")) for commit in self._commits[task_id])
        return "\n".join(lines).encode()
