"""Puts documents in place, each whole or not at all, and looks at what it replaced."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from orchestrator import files
from orchestrator.engine.absorption import Unreadable, look, look_at_last
from orchestrator.engine.folder import Folder


class Publisher:
    """Replaces documents by exchange where the system has it, by rename elsewhere.

    `portable` forces the rename: then an edit in the instant between the last look and the rename would be lost.
    """

    def __init__(self, folder: Folder, *, portable: bool = False) -> None:
        self._folder = folder
        self._disk = folder.disk
        self._portable = portable

    @cached_property
    def exchanging(self) -> bool:
        """Probed once: True when this file system exchanges two names."""
        if self._portable:
            return False
        lock = files.Lock(self._folder.locks / "probe.lock")
        try:
            with lock.held():
                return files.exchanges(self._disk, self._folder.staging)
        finally:
            lock.close()

    def put(
        self, staged: Path, target: Path, data: bytes, seen: bytes | None, *, sync: bool = False
    ) -> bytes | Unreadable | None:
        """Publish `data`; `seen` is what the target held when it was last looked at. Durable data with `sync`.

        Returns None, or the unknown thing that was in the target in that instant: by exchange it came out and is
        in `staged`, while `data` is in place; by rename it stays in the target and nothing is published: Unreadable is
        also what a program is still writing.
        """
        self._disk.create(staged, data, sync=sync)
        if seen is None:
            try:
                self._disk.move_new(staged, target)
                return None
            except FileExistsError:
                pass
        if self.exchanging:
            return self._exchange(staged, target, seen)
        if look(target, finished=True) not in (None, seen):
            self._disk.remove(staged)
            return look_at_last(target)
        self._disk.move(staged, target)
        return None

    def _exchange(self, staged: Path, target: Path, seen: bytes | None) -> bytes | Unreadable | None:
        try:
            self._disk.exchange(staged, target)
        except FileNotFoundError:
            self._disk.move_new(staged, target)
            return None
        if look(staged, finished=True) in (None, seen):
            self._disk.remove(staged)
            return None
        return look_at_last(staged)
