"""The documents of a task on disk: what others did to them is recorded, what the journal says is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from orchestrator import documents, files
from orchestrator.engine import absorption
from orchestrator.engine.absorption import Aside, Findings, Found
from orchestrator.engine.desk import Desk
from orchestrator.engine.folder import Folder
from orchestrator.engine.publisher import Publisher
from orchestrator.errors import OrchestratorError
from orchestrator.events import EditSetAside, Kind

CHECKPOINT = 64
"""Documents are synced after this many publications, before an archive, and when the engine is closed."""
_ROUNDS = 50
"""So often in a row may a document be replaced by others in the instant of its publication: by a script, say."""


class Shelf:
    """Every method is called under the task's lock."""

    def __init__(self, folder: Folder, publisher: Publisher, now: Callable[[], str]) -> None:
        self._folder = folder
        self._disk = folder.disk
        self._publisher = publisher
        self._now = now

    def reconcile(self, desk: Desk) -> None:
        """Record what others did to the documents; `desk.unsettled` are those that are still being written."""
        found: Found = {}
        for kind in documents.KINDS:
            found[kind] = data = absorption.look(self._folder.document(desk.task, kind))
            desk.seen[kind] = data if isinstance(data, bytes) else None
        came_out, left = self._left_in_staging(desk, found)
        findings = absorption.absorb(desk, found, self._now, self._folder)
        if desk.task.moving is None:  # else those that are missing are on their way
            desk.restored = (*desk.restored, *findings.restored)
        self._record(desk, findings, [*((row, None) for row in findings.asides), *left])
        if not findings.events and not findings.asides and desk.outdated():
            desk.append((), "engine", self._now())
        self._record_came_out(desk, came_out)
        desk.unsettled = tuple(findings.unsettled)
        if desk.journal.rebooted:
            self.publish(desk, leave=desk.unsettled)
            if desk.problem is None:  # else what may be torn is in its place still
                desk.journal.reconciled()

    def publish(self, desk: Desk, leave: tuple[Kind, ...] = ()) -> None:
        """Bring the documents forward. Never raises: the commit has happened, and the next refresh tries again.

        What cannot be done now is said in `desk.problem`.
        """
        try:
            if desk.journal.doubted:
                self._publisher.forget(desk)
                desk.doubtful.update(documents.kinds(desk.task))
            for _ in range(_ROUNDS):
                came_out = self._put_all(desk, leave)
                if not came_out:
                    break
                self._record_came_out(desk, came_out)
            if desk.journal.doubted and not desk.doubtful:
                desk.journal.doubt(False)
            desk.problem = None
            desk.published += 1
            if desk.published >= CHECKPOINT:
                self.checkpoint(desk)
        except (OSError, OrchestratorError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or error
            desk.problem = f"documents of {desk.task.id} are behind their journal: {reason}; free the disk"

    def checkpoint(self, desk: Desk) -> None:
        """Sync the documents. What a failed sync left in doubt is written anew, never synced again as it is."""
        self._publisher.forget(desk)
        if not desk.published:
            return
        desk.published = 0
        kinds = documents.kinds(desk.task)
        try:
            for kind in kinds:
                self._disk.sync_file(self._folder.document(desk.task, kind))
            self._disk.sync_directory(self._folder.home(desk.task))
        except OSError:
            desk.journal.doubt(True)
            self.publish(desk)
        else:
            desk.journal.checkpointed(desk.task.revision)

    def set_aside(self, desk: Desk, aside: Aside, place: Path | None = None) -> EditSetAside:
        """Keep what cannot be obeyed beside its document, durably, before the document is put back.

        What is private goes where the contents of files are kept. `place`: where it lies, when not under the document's
        name.
        """
        if aside.private and aside.data is not None:
            private = self._folder.contents.folder / self._folder.contents.keep(aside.data, durable=True)
            return EditSetAside(
                document=aside.kind, name=str(private.relative_to(self._folder.temp)), reason=aside.reason
            )
        home, path = self._folder.home(desk.task), self._folder.document(desk.task, aside.kind)
        name = self._folder.free_name(home, f"set-aside-{aside.kind}", desk.task.id, path.suffix[1:], aside.data)
        if aside.data is None:
            self._disk.move(place or path, home / name)
        else:
            self._disk.remove(home / name)  # left by who died then, or it could not be put back
            mode = files.mode(place or path)
            self._disk.create(home / name, aside.data, 0o644 if mode is None else mode, sync=True)
        self._disk.sync_directory(home)
        return EditSetAside(document=aside.kind, name=name, reason=aside.reason)

    def _record(self, desk: Desk, findings: Findings, asides: Iterable[tuple[Aside, Path | None]]) -> None:
        """Record what was found; `asides` are kept first, and where they lie in staging they go last."""
        kept = [(self.set_aside(desk, aside, place), place) for aside, place in asides]
        if findings.events or kept:
            events = (*findings.events, *(event for event, _ in kept))
            desk.append(events, absorption.actor(desk.task), self._now(), findings.edited)
        for _, place in kept:
            if place is not None:
                self._disk.remove(place)

    def _record_came_out(self, desk: Desk, came_out: Found) -> None:
        """Record texts that were replaced before anybody had read them; they are in `staging` until then."""
        if not came_out:
            return
        findings = absorption.absorb(desk, came_out, self._now)
        staged = {kind: self._folder.staged(desk.task, kind) for kind in came_out}
        self._record(desk, findings, [(row, staged.get(row.kind)) for row in findings.asides])
        for path in staged.values():
            self._disk.remove(path)

    def _left_in_staging(self, desk: Desk, found: Found) -> tuple[Found, list[tuple[Aside, Path]]]:
        """What a process that died while publishing left: our own copy, or an edit that had just come out.

        Returns what is to be read, and what is to be set aside.
        """
        came_out: Found = {}
        asides: list[tuple[Aside, Path]] = []
        for kind in documents.KINDS:
            path = self._folder.staged(desk.task, kind)
            if self._publisher.is_spare(desk, kind) or not files.exists(path):
                continue
            data = absorption.look(path, finished=True)
            if isinstance(data, bytes) and absorption.is_known(desk, kind, data):
                self._disk.remove(path)
                continue
            data = absorption.look_at_last(path) or b""
            ours = kind in desk.task.documents and kind in documents.kinds(desk.task)
            if ours and found[kind] == desk.text(kind) and not desk.journal.rebooted:
                came_out[kind] = data
            elif not isinstance(data, bytes):
                asides.append((Aside(kind, None, "left by a crash"), path))
            elif absorption.is_known(desk, kind, data) or (ours and desk.text(kind).startswith(data)):
                self._disk.remove(path)
            else:
                asides.append((Aside(kind, data, "left by a crash"), path))
        return came_out, asides

    def _put_all(self, desk: Desk, leave: tuple[Kind, ...]) -> Found:
        """Publish what differs, the status JSON last; returns the unknown texts that came out."""
        came_out: Found = {}
        for kind in documents.kinds(desk.task):
            wanted = desk.text(kind)
            if kind in leave or (desk.seen.get(kind) == wanted and kind not in desk.doubtful):
                continue
            unknown = self._publisher.put(desk, kind, wanted)
            desk.doubtful.discard(kind)
            if unknown is None:
                desk.seen[kind] = wanted
            elif self._publisher.exchanging:
                came_out[kind] = unknown
                desk.seen[kind] = wanted
            elif isinstance(unknown, bytes):
                came_out[kind] = desk.seen[kind] = unknown
            else:  # it is still there: the next refresh sees to it
                desk.seen[kind] = None
        return came_out
