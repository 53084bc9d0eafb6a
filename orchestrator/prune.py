"""Frees what nothing needs any more below `.temp/.orchestrator`; never a journal, never a document."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator import documents, overview, worktrees
from orchestrator.contents import Contents
from orchestrator.engine import Engine
from orchestrator.errors import OrchestratorError
from orchestrator.events import Event
from orchestrator.isolation import Isolation
from orchestrator.locks import is_locked
from orchestrator.task import Task

YOUNG = 3600.0
"""Seconds: what is younger may be needed by a call whose receipt is not durable yet."""

_DIGEST = re.compile(rb"[0-9a-f]{64}")
_LEASE = re.compile(r"([A-Z0-9]{6})\.lease-([0-9]+)(\.beat)?", re.ASCII)


@dataclass
class Freed:
    """How many files, or folders of commands, of one kind, and their bytes."""

    count: int = 0
    size: int = 0


class Prune:
    """One go. `dry`: only counts. `freed` tells what was found, by kind."""

    def __init__(self, engine: Engine, *, dry: bool = False) -> None:
        self.freed: dict[str, Freed] = defaultdict(Freed)
        self._engine = engine
        self._folder = engine.folder
        self._dry = dry
        self._oldest = time.time() - YOUNG

    def run(self, archived_before: str = "") -> None:
        """Free what can be; also the contents of tasks archived before that time (ISO 8601, UTC). Raises OSError."""
        self._staging()
        self._leases()
        self._worktrees()
        kept = self._commands()
        rows = overview.read(self._folder.temp)
        self._logs({row.id for row in rows if not row.archived})
        old = {row.id for row in rows if row.archived and "" < row.text("updatedAt") < archived_before}
        old -= {row.id for row in rows if not (row.archived and row.folder.journals.get(row.id))}  # copies; half moved
        self._unnamed("outputs", self._folder.outputs, self._named(()))
        self._unnamed("contents", self._folder.contents, self._named(old) | kept)

    def _staging(self) -> None:
        """What a process that died left: the first line of a task that never was, and what it was publishing.

        An edit among that is recorded or set aside, as ever.
        """
        for path in _listed(self._folder.internal / "journal"):
            if path.name.startswith(".") and path.name.endswith(".new"):
                with suppress(FileNotFoundError):
                    self._remove("staging", path)
        for path in _listed(self._folder.staging):
            identity = documents.identify(path.name)
            if identity is None:
                with suppress(FileNotFoundError):
                    self._remove("staging", path)
                continue
            with suppress(OrchestratorError):  # of no task of ours, or of one whose journal is damaged
                if not self._engine.at_work(identity[1]):
                    self._count("staging", _size(path))
                    if not self._dry:
                        self._engine.refresh(identity[1])

    def _leases(self) -> None:
        """Those of every epoch but the last."""
        found = [(match, path) for path in _listed(self._folder.locks) if (match := _LEASE.fullmatch(path.name))]
        last: dict[str, int] = defaultdict(int)
        for match, _ in found:
            last[match[1]] = max(last[match[1]], int(match[2]))
        for match, path in found:
            if int(match[2]) < last[match[1]] and not is_locked(path):
                self._count("leases", _size(path))
                if not self._dry:
                    self._folder.disk.remove(path)

    def _logs(self, at_hand: Collection[str]) -> None:
        """What detached workers said of tasks that are archived, or are no more."""
        for path in _listed(self._folder.logs):
            if path.stem not in at_hand:
                with suppress(FileNotFoundError):
                    self._remove("logs", path)

    def _worktrees(self) -> None:
        """Those of archived tasks whose work has landed, with what git ignores in them."""
        isolation, temp = Isolation(self._engine, self._folder.temp.parent), self._folder.temp
        for name in sorted(worktrees.names(temp)):
            with suppress(OrchestratorError):  # of no task of ours
                task = self._engine.refresh(name[:6]).task
                if task.archived and task.apart and task.apart.name == name and task.apart.landed:
                    size = _size(worktrees.folder(temp) / name)
                    if self._dry or isolation.leave(task, ignored=True):
                        self._count("worktrees", size)

    def _commands(self) -> set[bytes]:
        """The folders of commands whose outcome is recorded; returns the contents that the others name."""
        named: set[bytes] = set()
        for folder in _listed(self._folder.internal / "commands"):
            if not self._forget(folder):
                for path in folder.rglob("*.json"):
                    with suppress(FileNotFoundError):
                        named.update(_DIGEST.findall(path.read_bytes()))
        return named

    def _forget(self, folder: Path) -> bool:
        """True when nobody works on the task, and no call of it has to be settled."""
        free = False

        def act(task: Task) -> Collection[Event]:
            nonlocal free
            if not task.pending:
                free = True
                self._count("commands", _size(folder))
                if not self._dry:
                    shutil.rmtree(folder)
            return ()

        with suppress(OrchestratorError):  # somebody is at work, or the journal is damaged or gone
            self._engine.undisturbed(folder.name, act)
        return free

    def _named(self, but: Collection[str]) -> set[bytes]:
        """Every digest in any journal."""
        ids = (task_id for task_id in self._engine.ids() if task_id not in but)
        return {digest for task_id in ids for digest in _DIGEST.findall(self._engine.journals.raw(task_id))}

    def _unnamed(self, kind: str, contents: Contents, named: Collection[bytes]) -> None:
        for path in _listed(contents.folder):
            if path.name.encode() not in named:
                with suppress(FileNotFoundError):  # it has its name now, or another prune was faster
                    self._remove(kind, path)

    def _remove(self, kind: str, path: Path) -> None:
        """Unless it is young: looked at again once it is out of reach, for `keep` may have made it young just now."""
        if path.stat().st_mtime > self._oldest:
            return
        self._count(kind, _size(path))
        if self._dry:
            return
        aside = path.with_name(f".pruned-{path.name.lstrip('.')}")
        self._folder.disk.move(path, aside)
        if aside.stat().st_mtime > self._oldest:
            self._folder.disk.move(aside, path)
        else:
            self._folder.disk.remove(aside)

    def _count(self, kind: str, size: int) -> None:
        found = self.freed[kind]
        found.size += size
        found.count += 1


def _size(path: Path) -> int:
    """Bytes of what is there; of a worktree that may be only a branch."""
    there = (path, *path.rglob("*")) if os.path.lexists(path) else ()
    return sum(each.lstat().st_size for each in there if not each.is_dir())


def _listed(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from sorted(folder / name for name in os.listdir(folder))
