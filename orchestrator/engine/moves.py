"""A task's files on their way from one place to another: into `completed/`, back out of it, or to another id.

The steps, of an archive, a reopening and a renaming alike:

 1. One event says so: the commit point. From here on the task has its new place, and the move only rolls forward.
 2. A renamed journal takes its id: it is looked for under no other.
 3. The documents are published in the new place, as at any refresh.
 4. The files beside them follow, a renamed task's private folder too, and the old documents are taken away. What
    somebody changed there in the last instant is set aside.
 5. Tasks that refer to this one hear of it, one lock at a time.
 6. The journal goes where the task is, and an event says that all is done.

A new task that was forked from another is in its place already: only steps 5 and 6 are left to do.

A crash leaves `task.moving`, and whoever refreshes the task next goes on: each step may be done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from orchestrator import documents, files
from orchestrator.engine.absorption import Aside, is_cut_off, is_known, look_at_last
from orchestrator.engine.desk import Desk, fork
from orchestrator.engine.folder import Folder, under
from orchestrator.engine.shelf import Shelf
from orchestrator.errors import Damaged, StorageError, UnknownTask
from orchestrator.events import (
    Actor,
    ArchiveBegun,
    ArchiveDone,
    Event,
    ItemUnchecked,
    MoveDone,
    ReferenceAdded,
    ReferenceMoved,
    TaskRenamed,
    TaskReopened,
)
from orchestrator.journal import Journals
from orchestrator.task import Move, Task

Visit = Callable[[str, Callable[[Desk], None]], None]
"""Does something with another task, under that one's lock."""


class Moves:
    """Begins moves, under the task's lock, and finishes them. `visit` reaches the tasks that refer to it."""

    def __init__(self, folder: Folder, shelf: Shelf, journals: Journals, now: Callable[[], str], visit: Visit) -> None:
        self._folder = folder
        self._shelf = shelf
        self._journals = journals
        self._now = now
        self._visit = visit

    def archive(self, desk: Desk) -> None:
        """Raises Refused when the task is not closed."""
        self._begin(desk, ArchiveBegun(companions=self._folder.companions(desk.task)), actor="engine")

    def reopen(self, desk: Desk, *more: Event) -> None:
        """`more` happens in the same commit. Raises Refused when the task is open.

        Items that what was undone since had proved are open again too.
        """
        task = desk.task
        unproved = [ItemUnchecked(id=row.id) for row in task.live_items if {*row.evidence} & {*task.undone}]
        self._begin(desk, TaskReopened(companions=self._folder.companions(task)), *unproved, *more)

    def rename(self, desk: Desk, to: str) -> None:
        """The desk is of no use afterwards. An id that was taken in this instant is not the task's: look."""
        task = desk.task
        companions = self._folder.companions(task)
        self._begin(desk, TaskRenamed(id=to, previous=task.id, companions=companions))
        self.take_name(desk)

    def fork(self, task_id: str, to: str, revision: int) -> Task:
        """Another task that goes on from there: a move that has only to be told. Raises as `desk.fork`."""
        with closing(self._journals.open(task_id)) as source, source.locked():
            return fork(source, self._journals, to, revision, self._now())

    def take_name(self, desk: Desk) -> None:
        """The journal takes the id of its task; a task whose new id is taken meanwhile keeps the one it had."""
        if desk.task.id == desk.journal.task_id:
            return
        try:
            desk.journal.rename(desk.task.id)
        except FileExistsError:
            back = TaskRenamed(id=desk.journal.task_id, previous=desk.task.id)
            desk.append((back,), "engine", self._now())
        except OSError as error:
            raise _unfinished(desk, error) from None

    def finish(self, desk: Desk, moving: Move) -> None:
        """Roll this move forward to its end; one lock at a time. The new place is up to date already.

        Where another process was faster, it may have begun the next move: that one is left alone.
        """
        try:
            with desk.journal.locked():
                desk.catch_up()
                if desk.task.moving is moving:
                    self._bring(desk, moving)
            if desk.task.moving is moving:
                self._tell(desk, moving)
            with desk.journal.locked():
                desk.catch_up()
                if desk.task.moving is moving:
                    desk.journal.move(archived=desk.task.archived)
                    done = ArchiveDone() if desk.task.status == "archiving" else MoveDone()
                    desk.append((done,), "engine", self._now())
                    self._shelf.publish(desk)
                    self._shelf.checkpoint(desk)
        except OSError as error:
            raise _unfinished(desk, error) from None

    def follow_references(self, desk: Desk) -> None:
        """References to tasks that moved before they were referred to: the move could not know of them."""
        strayed = {row.task: not row.moved for row in desk.task.references if self._folder.strayed(row)}
        if strayed:
            events = tuple(ReferenceMoved(task=name, archived=moved) for name, moved in sorted(strayed.items()))
            desk.append(events, "engine", self._now())

    def _begin(self, desk: Desk, event: Event, *more: Event, actor: Actor = "user") -> None:
        self._shelf.checkpoint(desk)
        desk.append((event, *more), actor, self._now())

    def _bring(self, desk: Desk, moving: Move) -> None:
        self._shelf.checkpoint(desk)
        if desk.problem or desk.doubtful:
            raise StorageError(desk.problem or f"{self._folder.home(desk.task)}: cannot be made durable; try again")
        if moving.id != desk.task.id:
            self._take_private(desk, moving)
        self._carry(desk, moving)
        for staged, aside in self._clear(desk, moving):
            desk.append((self._shelf.set_aside(desk, aside, staged),), "editor", self._now())
            self._folder.disk.remove(staged)

    def _take_private(self, desk: Desk, moving: Move) -> None:
        """A renamed task's folder of commands follows; what is left of leases nobody holds goes."""
        source, target = self._folder.commands(moving.id), self._folder.commands(desk.task.id)
        if source.exists() and not target.exists():
            self._folder.disk.move(source, target)
        if target.exists():
            self._folder.disk.sync_directory(target.parent)
        for path in self._folder.locks.glob(f"{moving.id}.lease-*"):
            self._folder.disk.remove(path)

    def _carry(self, desk: Desk, moving: Move) -> None:
        """Take the files that lie beside the documents along; one whose name is taken there stays."""
        home = self._folder.home(desk.task)
        for name in moving.companions:
            source, target = self._folder.place(moving.archived) / name, home / under(desk.task.id, name)
            with suppress(FileExistsError):
                if source != target and files.exists(source):
                    self._folder.disk.move_new(source, target)
        self._folder.disk.sync_directory(home)

    def _clear(self, desk: Desk, moving: Move) -> Iterator[tuple[Path, Aside]]:
        """Take away what is no document any more; yields what somebody edited in the last instant, and where it is now.

        It was moved out of reach before it was looked at; the caller keeps the text, then removes the file.
        """
        disk, before = self._folder.disk, self._folder.place(moving.archived)
        now = {self._folder.document(desk.task, kind) for kind in documents.kinds(desk.task)}
        for kind in documents.KINDS:
            name = documents.file_name(kind, moving.id)
            original, staged = before / name, self._folder.staging / name
            if original in now:
                continue
            for source in (staged, original):
                if not files.exists(source):
                    continue
                if source == original:
                    disk.move(original, staged)
                data = look_at_last(staged)
                if isinstance(data, bytes) and (is_known(desk, kind, data) or is_cut_off(desk, kind, data)):
                    disk.remove(staged)
                else:
                    yield staged, Aside(kind, data if isinstance(data, bytes) else None, "changed while it was moved")
        disk.sync_directory(before)
        disk.sync_directory(self._folder.staging)  # nobody would look there for the documents of a former id

    def _tell(self, desk: Desk, moving: Move) -> None:
        """The tasks that refer to this one look where it is, and hear its new name. Damaged ones stay as they are."""
        task = desk.task

        def hear(other: Desk) -> None:
            known = (other.task.parent, *(row.task for row in other.task.references))
            if moving.id != task.id and moving.id in known:
                renamed = ReferenceMoved(task=task.id, archived=task.archived, previous=moving.id)
                other.append((renamed,), "engine", self._now())
            if task.forked and task.forked.task == other.task.id and task.id not in known:
                other.append((ReferenceAdded(task=task.id, document="task-status"),), "engine", self._now())

        source = {task.forked.task} & {*self._journals.ids()} if task.forked else set()
        found = (self._journals.mentioning(f'"{key}":"{moving.id}"') for key in ("task", "parent", "child"))
        for name in sorted({name for names in found for name in names} | source - {task.id}):
            try:
                self._visit(name, hear)
            except Damaged:
                continue
            except UnknownTask:
                if name not in self._journals.ids():  # just renamed: it is found again; who has heard hears nothing new
                    self._tell(desk, moving)


def _unfinished(desk: Desk, error: OSError) -> StorageError:
    why = error.strerror or error
    return StorageError(f"moving the files of {desk.task.id} did not finish: {why}; the next command goes on")
