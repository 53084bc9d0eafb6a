"""Keeps journal and documents together: `refresh`, `commit`, and `moves`: `archive`, `reopen`, `rename`, `fork`.

The journal alone is the truth. Documents are functions of it, and what a person types in one is an event like any
other.

Invariants (the tests cite the numbers):

 1. A commit happened if and only if its journal line is whole: it ends in a newline, parses, and its checksum, chained
    over the line before, fits. A torn last line was never committed; a bad line before it is damage, never guessed at.
 2. Nothing is recorded that `apply` refuses, so every prefix of a journal folds.
 3. Documents may be deleted at any time and come back, byte for byte.
 4. A document is replaced whole or not at all. An empty or cut-off document is restored, not obeyed.
 5. Text that somebody else wrote is never overwritten before it is recorded or set aside.
 6. No commit begins before what people edited has been absorbed.
 7. Every document carries the revision it was rendered from and a digest of what was rendered: equal and old is stale,
    different is edited from that revision.
 8. The lock guards the documents; revision and epoch guard the journal. A worker that lost its lease cannot commit.
 9. One commit, with nothing to absorb, checkpoint, archive or mend, costs exactly one `fdatasync`.
10. Times and ids are the engine's, never the agent's.

The steps of a commit:

 0. Once a process: the file system is looked at, the exchange of two names probed.
 1. Take the task's lock.
 2. Read the journal from where it was left; cut what was never committed.
 3. Fence: an epoch that is over is refused.
 4. Absorb: a document that was never published is somebody's edit, and becomes a commit of its own first.
 5. `apply`; what is refused is never recorded.
 6. Append the line and sync it: the commit point.
 7. From here on nothing says "failed": publish what changed, the status JSON last, and look at what came out.
 8. Every few commits, the documents are synced: a checkpoint.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from orchestrator import system
from orchestrator.engine import adoption
from orchestrator.engine import lease as leases
from orchestrator.engine.absorption import SETTLE, edits
from orchestrator.engine.desk import Desk, Refreshed
from orchestrator.engine.desks import Desks
from orchestrator.engine.folder import AGAIN, FIT, LATER, NOTHING, Folder, draw_id, is_fit, is_id, storage
from orchestrator.engine.handmade import HandMade
from orchestrator.engine.moves import Moves
from orchestrator.engine.publisher import Publisher
from orchestrator.engine.shelf import Shelf
from orchestrator.errors import (
    ORPHAN,
    Busy,
    Conflict,
    Damaged,
    Fenced,
    OrchestratorError,
    Refused,
    StorageError,
    TaskIsBlocked,
    UnsupportedFileSystem,
)
from orchestrator.events import (
    Actor,
    Commit,
    Event,
    InstructionGiven,
    Kind,
    TaskCancelled,
    TaskCreated,
)
from orchestrator.files import Disk
from orchestrator.journal import Journals
from orchestrator.journal.file import FileJournals
from orchestrator.task import Task
from orchestrator.transitions import apply_all

_ROUNDS = 5


class Engine:
    """All tasks of one `.temp` folder. One process may use one from several threads."""

    def __init__(
        self,
        temp: Path,
        *,
        disk: Disk | None = None,
        journals: Journals | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ids: Callable[[], str] = draw_id,
        mask: Callable[[str], str] = str,
        portable: bool = False,
    ) -> None:
        """`mask` takes secrets out of what people type. Raises StorageError when the folder cannot be used."""
        self.folder = Folder(temp.absolute(), disk or Disk())
        self._clock = clock
        self._ids = ids
        self._mask = mask
        self._shelf = Shelf(self.folder, Publisher(self.folder, portable=portable), self._now)
        kind = system.network_file_system(self.folder.temp)
        if kind and os.environ.get("ORCHESTRATOR_ALLOW_NETWORK_FS") != "1":
            raise UnsupportedFileSystem(str(temp), kind)
        try:
            self.folder.prepare()
            if journals is None:
                journals = FileJournals(self.folder.internal, self.folder.disk)
                journals.prepare()
        except OSError as error:
            in_the_way = isinstance(error, NotADirectoryError)
            where, remedy = (
                (error.filename, "take it away") if in_the_way else (temp, "orchestrator needs to write there")
            )
            raise StorageError(f"{where}: {error.strerror}: {remedy}") from None
        self.journals = journals
        self._moves = Moves(self.folder, self._shelf, journals, self._now, self._visit)
        self._desks = Desks(self.folder.temp, journals, mask, self._moves.take_name)

    # -- what callers do -----------------------------------------------------

    def ids(self) -> tuple[str, ...]:
        """Every task, archived ones too."""
        with storage(self.folder.temp):
            return self.journals.ids()

    def create(self, created: TaskCreated, *more: Event, actor: Actor = "user", task_id: str | None = None) -> Task:
        """A new task under a fresh id; its documents are there when this returns."""
        if task_id is not None and not is_id(task_id):
            raise Refused("TaskCreated", f"{task_id!r} is no id: that is six of A-Z and 0-9")
        while True:
            try:
                name = task_id or self.free_id()
                first = Commit(revision=1, at=self._now(), actor=actor, events=(created, *more))
                desk = self._desks.create(name, first)
            except FileExistsError:
                if task_id is not None:
                    raise Refused("TaskCreated", f"the id {task_id} is taken") from None
                continue
            except OSError as error:
                raise StorageError(f"{self.folder.temp}: {error.strerror}; no task was created") from None
            return self._in_step(desk.task)

    def adopt(self, found: HandMade) -> tuple[Refreshed, tuple[str, ...] | None]:
        """Keep what somebody kept by hand; returns also what could not be taken over, in words.

        None in their place means that another process was faster.

        The documents stay as they are, but for a stamp. Raises Refused when one cannot be read: then all is as it was.
        """
        notes: tuple[str, ...] | None
        with storage(self.folder.temp):
            events, absorbed, notes = adoption.adopt(found, found.read(), self._mask)
            first = Commit(revision=1, at=self._now(), actor="user", events=events, absorbed=dict(absorbed))
            try:
                self._desks.create(found.id, first)
            except FileExistsError:
                notes = None
        refreshed = self.refresh(found.id)
        self._desks.close(found.id)  # there may be thousands; the journal has what is not synced
        return refreshed, notes

    def refresh(self, task_id: str) -> Refreshed:
        """The task as it is now: edits absorbed, missing and stale documents put back, a begun move finished."""
        desk = self._desks.open(task_id)
        self._transact(desk, None, otherwise=LATER)
        while moving := desk.task.moving:
            self._moves.finish(desk, moving)
            self._transact(desk, None, otherwise=LATER)
        restored, desk.restored = desk.restored, ()
        return Refreshed(desk.task, restored, desk.problem, desk.unsettled)

    def commit(
        self,
        task_id: str,
        events: Iterable[Event],
        *,
        actor: Actor,
        epoch: int | None = None,
        texts: Mapping[Kind, str] | None = None,
    ) -> Task:
        """Make the events true together; durable when this returns.

        `texts` are whole documents as the committer wrote them, read as edits of its own. A worker passes its epoch.
        Raises Refused, Fenced or StorageError: then nothing was committed; or Unsynced, which may leave it in doubt.
        """
        desk, given = self._desks.open(task_id), tuple(events)

        def act() -> None:
            now = self._now()
            more: tuple[Event, ...] = ()
            if texts:
                more = edits(desk, apply_all(desk.task, given, actor=actor, at=now), texts, actor)
            desk.append((*given, *more), actor, now)

        self._transact(desk, act, epoch=epoch)
        return desk.task

    def archive(self, task_id: str) -> Task:
        """Move a closed task to `completed/`; raises Refused when it is open."""
        desk = self._desks.open(task_id)

        def act() -> None:
            if not desk.task.archived:
                self._moves.archive(desk)

        self._transact(desk, act, publish=False, otherwise=AGAIN)
        return self.refresh(task_id).task

    def cancel(self, task_id: str, reason: str, actor: Actor = "user") -> Task:
        """Close a task that will not be finished; raises Refused when it is closed.

        It is archived, unless a worker is at it: that one ends after its current call, and archives it.
        """
        task = self.commit(task_id, [TaskCancelled(reason=self._mask(reason))], actor=actor)
        with suppress(StorageError):
            return task if self.at_work(task_id) else self.archive(task_id)
        return task

    def reopen(self, task_id: str) -> Task:
        """Open a closed task again, as stopped; its files come back. Raises Refused when it is open."""
        self.refresh(task_id)
        self._transact(desk := self._desks.open(task_id), lambda: self._moves.reopen(desk), publish=False)
        return self.refresh(task_id).task

    def instruct(self, task_id: str, text: str, actor: Actor = "user") -> Task:
        """Give a task more to do, with an item for it; in the same commit a closed one is reopened."""
        self.refresh(task_id)
        desk, given = self._desks.open(task_id), self._mask(text)

        def act() -> None:
            event = InstructionGiven(text=given, item=desk.task.fresh_id("c"))
            if desk.task.open:
                desk.append((event,), actor, self._now())
            else:
                self._moves.reopen(desk, event)

        self._transact(desk, act, publish=False)
        return self._in_step(desk.task)

    def rename(self, task_id: str, to: str | None = None) -> Task:
        """Give a task another id, a fresh one if none is said; its files and what refers to it follow.

        Raises Busy while somebody works on it, Refused when the id is taken or none to be given.
        """
        if to is not None and not is_fit(to):
            raise Refused("rename", f"{to!r} cannot be an id: that is {FIT}")
        self.refresh(task_id)
        desk = self._desks.open(task_id)

        def act() -> None:
            self._refuse_at_work(desk)
            if to is not None and self._is_taken(to):
                raise Refused("rename", f"the id {to} is taken")
            self._moves.rename(desk, to or self.free_id())

        self._transact(desk, act, publish=False)
        if desk.task.id == task_id:
            raise Refused("rename", "the id was taken in this instant: try another")
        self._desks.close(task_id)
        return self.refresh(desk.task.id).task

    def fork(self, task_id: str, revision: int) -> Task:
        """A new task that goes on from that revision of this one; they refer to each other. Raises Refused."""
        with suppress(Damaged):  # what comes before the fault is known all the same
            self.refresh(task_id)
        while True:
            name = self.free_id()
            with storage(self.folder.temp), suppress(FileExistsError):
                return self._in_step(self._moves.fork(task_id, name, revision))

    def lease(self, task_id: str, doing: str | None = None) -> leases.Lease:
        """Become the task's worker; raises Busy while another one lives, and TaskIsBlocked when the task is parked.

        `doing`: what the worker before was doing, in case it died: who dies so again and again gets no successor.
        """
        desk = self._desks.open(task_id)
        taken: list[leases.Lease | None] = []

        def act() -> None:
            if holder := self.at_work(task_id):
                raise Busy(task_id, holder)
            taken.append(leases.begin(desk, self.folder, doing, self._now()))

        self._transact(desk, act)
        if (lease := taken[-1]) is None:
            raise TaskIsBlocked(f"task {task_id} is blocked: {desk.task.reason}")
        return lease

    def undisturbed(self, task_id: str, act: Callable[[Task], Iterable[Event]]) -> Task:
        """Commit what a person's `act` returns; nobody works on the task while it runs, or can begin to.

        Raises Busy, or as `commit` does.
        """
        desk = self._desks.open(task_id)

        def alone() -> None:
            self._refuse_at_work(desk)
            if events := tuple(act(desk.task)):
                desk.append(events, "user", self._now())

        self._transact(desk, alone)
        return desk.task

    def at_work(self, task_id: str) -> str | None:
        """Who works on the task now, None when nobody does."""
        task = self._desks.open(task_id).task
        with storage(self.folder.temp):
            held = task.epoch and leases.held(self.folder.locks, task_id, task.epoch)
        return (task.holder or "another process") if held else None

    def since(self, task_id: str, revision: int) -> tuple[Commit, ...]:
        """The commits after a revision."""
        with storage(self.folder.temp), (desk := self._desks.open(task_id)).journal.locked():
            desk.catch_up()
            return desk.since(revision)

    def peek(self, task_id: str) -> Task:
        """The task as its journal tells it now; its documents are not looked at."""
        with storage(self.folder.temp), (desk := self._desks.open(task_id)).journal.locked():
            desk.catch_up()
            return desk.task

    def wrote(self, task_id: str, since: str) -> frozenset[tuple[str, str | None]]:
        """What the task has written since a time or is about to, see `Desk.wrote`."""
        with storage(self.folder.temp), (desk := self._desks.open(task_id)).journal.locked():
            desk.catch_up()
            return frozenset(desk.wrote(since))

    def close(self) -> None:
        """Sync the documents of every task that was committed to, and let go of all files."""
        for desk in self._desks:
            with suppress(OrchestratorError, OSError), desk.journal.locked():
                desk.catch_up()  # another process may have moved the task: nothing is put back where it was
                self._shelf.checkpoint(desk)
            self._desks.close(desk.journal.task_id)

    # -- how it is done ------------------------------------------------------

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _refuse_at_work(self, desk: Desk) -> None:
        """Raises Busy, also while a command runs that outlived its worker."""
        running = ORPHAN if self.folder.running(desk.task.id) else None
        if holder := self.at_work(desk.task.id) or running:
            raise Busy(desk.task.id, holder)

    def _is_taken(self, task_id: str) -> bool:
        return task_id in self.ids() or self.folder.taken(task_id)

    def free_id(self) -> str:
        """A fresh id that nothing here carries."""
        while self._is_taken(drawn := self._ids()):
            pass
        return drawn

    def _transact(
        self,
        desk: Desk,
        act: Callable[[], None] | None,
        *,
        epoch: int | None = None,
        publish: bool = True,
        otherwise: str = NOTHING,
    ) -> None:
        """Lock, catch up, fence, absorb, act, publish. Waits, unlocked, for documents that are just being written.

        `otherwise`: what is said when the disk says no before the act.
        """
        for patience in reversed(range(_ROUNDS)):
            with storage(self.folder.temp, otherwise), desk.journal.locked():
                desk.catch_up()
                if desk.task.id != desk.journal.task_id:
                    raise Conflict(f"task {desk.journal.task_id} is just being renamed to {desk.task.id}: use that id")
                if epoch is not None and desk.task.epoch != epoch:
                    raise Fenced(desk.task.id, epoch, desk.task.epoch)
                self._shelf.reconcile(desk)
                if ready := not desk.unsettled or not patience:
                    self._moves.follow_references(desk)
                    if act is not None:
                        act()
                if publish or not ready:
                    self._shelf.publish(desk, leave=desk.unsettled)
            if ready:
                return
            time.sleep(SETTLE)

    def _in_step(self, task: Task) -> Task:
        """The task after a commit, its documents brought forward: what cannot be done now, the next command does."""
        with suppress(OrchestratorError):
            return self.refresh(task.id).task
        return task

    def _visit(self, task_id: str, act: Callable[[Desk], None]) -> None:
        desk = self._desks.open(task_id)
        self._transact(desk, lambda: act(desk))
