"""Puts documents in place, each whole or not at all, and looks at what it replaced."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from orchestrator import documents, files
from orchestrator.engine.absorption import Unreadable, look, look_at_last
from orchestrator.engine.desk import Desk, Placed, Spare
from orchestrator.engine.folder import Folder
from orchestrator.events import Kind
from orchestrator.locks import Lock


class Publisher:
    """Replaces documents by exchange where the system has it, by rename elsewhere.

    What comes out of an exchange is written anew for the next one, where nobody else can see it: to make and to remove
    a file costs more than to fill it. A file that a sync covers, or was to cover, is never written to again: after a
    power loss it would be neither what was synced nor what anybody published.

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
        lock = Lock(self._folder.locks / "probe.lock")
        try:
            with lock.held():
                return files.exchanges(self._disk, self._folder.staging)
        finally:
            lock.close()

    def put(self, desk: Desk, kind: Kind, data: bytes) -> bytes | Unreadable | None:
        """Publish a document; `desk.seen` is what it held when it was last looked at.

        Returns None, or the unknown thing that was there in that instant: by exchange it came out and is in staging,
        while the document is in place; by rename it stays and nothing is published: Unreadable is also what a program
        is still writing.
        """
        staged, target = self._folder.staged(desk.task, kind), self._folder.document(desk.task, kind)
        before, seen = desk.placed.pop(kind, None), desk.seen.get(kind)
        placed = Placed(data, desk.task.documents[kind].revision)
        self._stage(desk, kind, staged, placed)
        if seen is None:
            try:
                self._disk.move_new(staged, target)
                desk.placed[kind] = placed
                return None
            except FileExistsError:
                pass
        if self.exchanging:
            return self._exchange(desk, kind, staged, target, placed, before)
        if look(target, finished=True) not in (None, seen):
            self._disk.remove(staged)
            return look_at_last(target)
        self._disk.move(staged, target)
        return None

    def is_spare(self, desk: Desk, kind: Kind) -> bool:
        """True for what `put` left in staging to be written anew, when nobody has touched it since."""
        spare = desk.spares.get(kind)
        return spare is not None and files.identity(self._folder.staged(desk.task, kind)) == spare.identity

    def forget(self, desk: Desk) -> None:
        """Take the spare files away, and make none of what is in place now: it was synced, or that failed."""
        for kind in documents.KINDS:
            if self.is_spare(desk, kind):
                self._disk.remove(self._folder.staged(desk.task, kind))
        desk.spares.clear()
        desk.placed.clear()

    def _stage(self, desk: Desk, kind: Kind, staged: Path, placed: Placed) -> None:
        """Write what is to be put in place; durable when a sync covers this revision of it.

        Who may read a document stays as it is, also while it is moved.
        """
        durable, mode = desk.journal.durable, self._folder.mode(desk.task, kind)
        if spare := desk.spares.pop(kind, None):
            usable = durable < min(spare.held.revision, placed.revision) and spare.identity.permissions == mode
            if usable and self._disk.rewrite(staged, placed.data, spare.held.data, spare.identity):
                return
            self._disk.remove(staged)
        sync = placed.revision <= durable
        if mode is None:
            self._disk.create(staged, placed.data, sync=sync)
        else:
            self._disk.create(staged, placed.data, mode, sync=sync, exactly=True)

    def _exchange(
        self, desk: Desk, kind: Kind, staged: Path, target: Path, placed: Placed, before: Placed | None
    ) -> bytes | Unreadable | None:
        """`before`: what this process put in place last."""
        try:
            self._disk.exchange(staged, target)
        except FileNotFoundError:
            self._disk.move_new(staged, target)
            return None
        desk.placed[kind] = placed
        seen = desk.seen.get(kind)
        identity = None if seen is None else files.untouched(staged, seen)
        if identity is None and look(staged, finished=True) not in (None, seen):
            return look_at_last(staged)
        if before and identity and before.data == seen and before.revision > desk.journal.durable:
            desk.spares[kind] = Spare(before, identity)
        else:
            self._disk.remove(staged)
        return None
