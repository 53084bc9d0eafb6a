"""A disk that remembers what was done to it, for the replay."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from orchestrator.files import Disk
from proof.replay import Model

Result = TypeVar("Result")


class RecordingDisk(Disk):
    """A real disk, and the model of it. `failing`: the number of the sync that fails."""

    def __init__(self, folder: Path, failing: int | None = None) -> None:
        self.folder = folder
        self.model = Model(folder)
        self.syncs = 0
        self.operations = 0
        self.after: Callable[[], None] = lambda: None
        self.marks: dict[str, int] = {}
        self._looked: dict[str, tuple[int, int, int]] = {}
        self._failing = failing
        self._given: tuple[object, ...] = ()

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        given, self._given = self._given, ()
        self._find_what_others_did()
        name = path.relative_to(self.folder).as_posix()
        if operation in ("fdatasync", "fsync"):
            self.syncs += 1
            if self.syncs - 1 == self._failing:
                self._sync(operation, name, False)
                self.after()
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        there = os.path.lexists(path)
        result = action()
        self._note(operation, name, given, result, there)
        self.operations += 1
        self.after()
        return result

    def _note(self, operation: str, name: str, given: tuple[object, ...], result: object, there: bool) -> None:
        model = self.model
        match operation, given:
            case "create", _:
                model.create(name)
            case (("write" | "append" | "mark"), (int() as offset, bytes() as data)):
                assert isinstance(result, int)
                model.write(name, offset, data[:result])
            case "truncate", (int() as size,):
                model.write(name, size, None)
            case (("move" | "move_new"), (Path() as source,)):
                model.move(self._relative(source), name)
            case "exchange", (Path() as source,):
                model.exchange(self._relative(source), name)
            case "remove", _:
                model.remove(name)
            case "mkdir", _:
                if not there:
                    model.create(name, directory=True)
            case _:
                self._sync(operation, name, True)

    def _sync(self, operation: str, name: str, succeeded: bool) -> None:
        if operation == "fsync":
            self.model.sync_directory(name, succeeded)
        else:
            self.model.sync(name, succeeded)
        if succeeded:
            self._mark_commits(name)

    def _mark_commits(self, name: str) -> None:
        """Every whole line of a journal is durable now, if this was its sync."""
        if name.endswith((".jsonl", "/journal")):
            for path in (self.folder / ".temp" / ".orchestrator" / "journal").rglob("[!.]*.jsonl"):
                self.marks[path.stem] = max(_revisions(path.read_bytes()), default=0)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _find_what_others_did(self) -> None:
        for place in (self.folder / ".temp", self.folder / ".temp" / "completed"):
            if not place.is_dir() or self.model.find(self._relative(place)) is None:
                continue
            there = {self._relative(path): path for path in place.iterdir() if path.is_file()}
            for name, path in there.items():
                found = path.stat()
                looked = (found.st_ino, found.st_mtime_ns, found.st_size)
                if self._looked.get(name) == looked:
                    continue
                self._looked[name] = looked
                node = self.model.find(name)
                if node is None or node.now != path.read_bytes():
                    self.model.typed(name, path.read_bytes())
            for name in self.model.files(self._relative(place)):
                if name not in there:
                    self.model.typed(name, None)

    # -- what `perform` is not told --------------------------------------------

    def _write(self, descriptor: int, path: Path, data: bytes) -> None:
        self._given = (0, data)
        self.perform("write", path, lambda: os.write(descriptor, data))

    def append(self, descriptor: int, path: Path, data: bytes, size: int) -> None:
        self._given = (size, data)
        super().append(descriptor, path, data, size)

    def mark(self, descriptor: int, path: Path, data: bytes) -> None:
        self._given = (0, data)
        super().mark(descriptor, path, data)

    def truncate(self, descriptor: int, path: Path, size: int) -> None:
        self._given = (size,)
        super().truncate(descriptor, path, size)

    def exchange(self, one: Path, other: Path) -> None:
        self._given = (one,)
        super().exchange(one, other)

    def move(self, source: Path, target: Path) -> None:
        self._given = (source,)
        super().move(source, target)

    def move_new(self, source: Path, target: Path) -> None:
        self._given = (source,)
        super().move_new(source, target)


def _revisions(journal: bytes) -> Iterator[int]:
    """Of the whole lines: a cut may have left anything behind them."""
    for line in journal.split(b"\n"):
        with suppress(ValueError):
            yield json.loads(line)["revision"]
