"""A disk that remembers what was done to it, for the replay."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from orchestrator.engine import owner
from proof.claims import Claims
from proof.disk import FailingDisk, broken
from proof.folder import always
from proof.replay import Model

Result = TypeVar("Result")


class RecordingDisk(FailingDisk):
    """A real disk, and the model of it; `syncs`: after how many operations each was. `failing`: the sync that fails.

    `forgiving`: the next sync of a directory makes up for one that failed.
    """

    def __init__(self, folder: Path, failing: int | None = None, forgiving: bool = False) -> None:
        self.folder = folder
        self.model = Model(folder)
        self.syncs: list[int] = []
        self.operations = 0
        self.after: Callable[[], None] = lambda: None
        self.claims = Claims()
        self._temp = folder / ".temp"
        self._looked: dict[str, tuple[int, int, int]] = {}
        self._failing = failing
        self._forgiving = forgiving
        self._given: tuple[object, ...] = ()

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        given, self._given = self._given, ()
        self._find_what_others_did()
        name = self._relative(path)
        if operation in ("exchange", "move", "move_new") and path.parent in (self._temp, self._temp / "completed"):
            self.claims = self.claims.told(self._temp, owner(path.name) or "")  # what a document shows
        there = os.path.lexists(path)
        failing = operation in ("fdatasync", "fsync") and len(self.syncs) == self._failing
        failing = self.failing(operation) or failing
        if failing:
            self._sync(operation, name, False)
        else:
            result = action()
            self._note(operation, name, given, result, there)
            if operation == "fdatasync" and path.suffix == ".jsonl":
                self.claims = self.claims.told(self._temp, path.stem)
        if operation in ("fdatasync", "fsync"):
            self.syncs.append(self.operations)
        self.operations += 1
        if name.startswith(".temp/.orchestrator/journal"):
            self.claims = self.claims.looked(self._temp)
        self.after()
        if failing:
            raise broken(errno.EIO, path)
        return result

    def _note(self, operation: str, name: str, given: tuple[object, ...], result: object, there: bool) -> None:
        model = self.model
        match operation, given:
            case "create", _:
                model.create(name)
            case _, (int() as descriptor, *_) if not _has_name(descriptor, self.folder / name):
                """What is done to a file that nobody finds leaves nothing."""
            case (("write" | "append" | "mark"), (_, int() as offset, bytes() as data)):
                assert result == len(data)
                model.write(name, offset, data)
            case "truncate", (_, int() as size):
                model.write(name, size, None)
            case (("move" | "move_new"), (Path() as source,)):
                model.move(self._relative(source), name)
            case "exchange", (Path() as source,):
                model.exchange(self._relative(source), name)
            case (("remove" | "rmdir"), _):
                model.remove(name)
            case "mkdir", _:
                if not there:
                    model.create(name, directory=True)
            case _:
                self._sync(operation, name, True)

    def _sync(self, operation: str, name: str, succeeded: bool) -> None:
        if operation == "fsync" and not succeeded and self._forgiving:
            return
        if operation == "fsync":
            self.model.sync_directory(name, succeeded)
        else:
            self.model.sync(name, succeeded)

    def _relative(self, path: Path) -> str:
        return os.path.relpath(path, self.folder)

    def _find_what_others_did(self) -> None:
        for place in (".temp", ".temp/completed"):
            if not os.path.isdir(f"{self.folder}/{place}") or self.model.find(place) is None:
                continue
            with os.scandir(f"{self.folder}/{place}") as rows:
                there = {f"{place}/{row.name}": row.stat() for row in rows if row.is_file()}
            for name, found in there.items():
                looked = (found.st_ino, found.st_mtime_ns, found.st_size)
                if self._looked.get(name) == looked:
                    continue
                self._looked[name] = looked
                node, data = self.model.find(name), (self.folder / name).read_bytes()
                if node is None or node.now != data:
                    self.model.typed(name, data)
            for name in self.model.files(place):
                if name not in there:
                    self.model.typed(name, None)

    @property
    def failed(self) -> bool:
        """True once the sync that was to fail has failed."""
        return self._failing is not None and len(self.syncs) > self._failing

    def clock(self) -> datetime:
        """Later at each operation: no two commits are the same."""
        return always() + timedelta(seconds=self.operations + 1)

    def copied(self, folder: Path) -> RecordingDisk:
        """The same, in a copy of the folder that is there already."""
        disk = RecordingDisk(folder, forgiving=self._forgiving)
        disk.model = pickle.loads(pickle.dumps(self.model))
        disk.claims, disk.operations = self.claims, self.operations
        return disk

    # -- what `perform` is not told --------------------------------------------

    def _write(self, descriptor: int, path: Path, data: bytes, offset: int = 0) -> None:
        self._given = (descriptor, offset, data)
        super()._write(descriptor, path, data, offset)

    def append(self, descriptor: int, path: Path, data: bytes, size: int) -> None:
        self._given = (descriptor, size, data)
        super().append(descriptor, path, data, size)

    def mark(self, descriptor: int, path: Path, data: bytes) -> None:
        self._given = (descriptor, 0, data)
        super().mark(descriptor, path, data)

    def truncate(self, descriptor: int, path: Path, size: int) -> None:
        self._given = (descriptor, size)
        super().truncate(descriptor, path, size)

    def sync_data(self, descriptor: int, path: Path) -> None:
        self._given = (descriptor,)
        super().sync_data(descriptor, path)

    def exchange(self, one: Path, other: Path) -> None:
        self._given = (one,)
        super().exchange(one, other)

    def move(self, source: Path, target: Path) -> None:
        self._given = (source,)
        super().move(source, target)

    def move_new(self, source: Path, target: Path) -> None:
        self._given = (source,)
        super().move_new(source, target)


def _has_name(descriptor: int, path: Path) -> bool:
    return os.path.lexists(path) and os.path.samestat(os.fstat(descriptor), os.lstat(path))
