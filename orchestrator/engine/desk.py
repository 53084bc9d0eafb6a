"""One task open in this process: its journal, its state, and what its documents are expected to hold."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator import documents
from orchestrator.errors import Damaged, Empty, Refused
from orchestrator.events import Actor, CallSettled, ChangesUndone, Commit, Event, Kind, TaskForked
from orchestrator.files import Identity
from orchestrator.journal import Journal, Journals
from orchestrator.task import Task, digest
from orchestrator.transitions import fold, follow, origin, publish

RECENT = 64
"""So many commits are kept in memory, for those who ask what happened lately."""


class Placed(NamedTuple):
    """A document as this process has put it in place."""

    data: bytes
    revision: int


class Spare(NamedTuple):
    """A file in staging that was such a document, and holds it still."""

    held: Placed
    identity: Identity


class Desk:
    """Everything remembered between two commits.

    `seen`: the bytes each document had when last looked at; `unsettled`: those that were being written then. `mask`
    takes secrets out of what people type. `origin`: the id the task was created under.
    """

    def __init__(self, journal: Journal, first: Task, origin: str, mask: Callable[[str], str]) -> None:
        self.journal = journal
        self.task = first
        self.origin = origin
        self.mask = mask
        self.seen: dict[Kind, bytes | None] = {}
        self.placed: dict[Kind, Placed] = {}
        self.spares: dict[Kind, Spare] = {}
        self.restored: tuple[Kind, ...] = ()
        self.unsettled: tuple[Kind, ...] = ()
        self.published = 0
        self.doubtful: set[Kind] = set()
        self.problem: str | None = None
        self._current = 0
        self._bodies: dict[Kind, str] = {}
        self._texts: dict[Kind, bytes] = {}
        self._recent: deque[Commit] = deque(maxlen=RECENT)

    def since(self, revision: int) -> tuple[Commit, ...]:
        """The commits after a revision; only what lies far back is read from the journal again."""
        if self._recent and self._recent[0].revision <= revision + 1:
            return tuple(commit for commit in self._recent if commit.revision > revision)
        return tuple(commit for commit in self.journal.history() if commit.revision > revision)

    def wrote(self, since: str) -> Iterator[tuple[str, str | None]]:
        """The files that calls wrote since a time, or are about to, and a person put back: path and SHA-256.

        Not what commands did: of that nobody knows before it is done.
        """
        lately = tuple(commit for commit in self._recent if commit.at >= since)
        commits = lately if len(lately) < len(self._recent) else self.since(0)
        for event in (event for commit in commits if commit.at >= since for event in commit.events):
            if isinstance(event, CallSettled) and event.receipt.command is None:
                files = event.receipt.files
            else:
                files = event.files if isinstance(event, ChangesUndone) else ()
            yield from ((change.path, change.after) for change in files if change.before != change.after)
        yield from ((intent.path, intent.after) for intent in self.task.pending if intent.path)

    @staticmethod
    def create(journals: Journals, task_id: str, first: Commit, mask: Callable[[str], str]) -> Desk:
        """A new task, durable when this returns; raises FileExistsError when the id is taken, Refused or OSError."""
        events = tuple(event.without_zeros() for event in first.events)
        first = first.model_copy(update={"uuid": str(uuid.uuid4()), "events": events})
        task = follow(None, first, task_id)
        first = _published(first, task)
        journal = journals.create(task_id, first, archived=task.archived)
        return Desk(journal, publish(task, first.documents), task_id, mask)

    @staticmethod
    def open(journal: Journal, mask: Callable[[str], str]) -> Desk:
        """Reads the whole journal; raises Damaged when it does not fold."""
        with ExitStack() as stack:
            stack.callback(journal.close)
            with journal.locked():
                commits = journal.read(0)
            born, task = origin(commits, journal.task_id), None
            for commit in commits:
                task = _followed(journal, task, commit, born)
            if task is None:
                raise Empty(journal.task_id, journal.name)
            stack.pop_all()
        desk = Desk(journal, task, born, mask)
        desk._recent.extend(commits)
        return desk

    def catch_up(self) -> None:
        """Fold in what others committed; raises Damaged when it does not follow."""
        for commit in self.journal.read(self.task.revision):
            self.task = _followed(self.journal, self.task, commit, self.task.id)
            self._recent.append(commit)
            self._forget(*commit.documents)

    def append(
        self, events: tuple[Event, ...], actor: Actor, at: str, absorbed: Mapping[Kind, str] | None = None
    ) -> None:
        """Commit the events: durable when this returns. Raises Refused before anything is recorded.

        `absorbed`: digests of the edited texts that they record.
        """
        bare = Commit(
            revision=self.task.revision + 1,
            at=at,
            actor=actor,
            epoch=self.task.epoch,
            events=events,
            absorbed=dict(absorbed or {}),
        )
        after = follow(self.task, bare, self.task.id)
        bodies = {kind: documents.render(after, kind) for kind in documents.kinds(after)}
        if any("\0" in body for body in bodies.values()):
            written = tuple(event.without_zeros() for event in events)
            if written != events:
                self.append(written, actor, at, absorbed)
                return
        try:
            changed = changes(after, bodies)
            commit = bare.model_copy(update={"documents": changed})
            after = publish(after, changed)
            texts = {kind: _text(after, kind, bodies[kind]) for kind in changed}
            self.journal.append(commit)
        except ValueError as error:  # half a surrogate pair, JSON nested too deep: said before anything is written
            raise Refused("Commit", f"it cannot be written down: {error}") from None
        self.task = after
        self._recent.append(commit)
        self._current = commit.revision
        self._bodies = bodies
        self._texts.update(texts)

    def outdated(self) -> bool:
        """True when a document renders to what no commit published: this version words it otherwise."""
        if self._current != self.task.revision:
            bodies = {kind: self.body(kind) for kind in documents.kinds(self.task)}
            if changes(self.task, bodies):
                return True
            self._current = self.task.revision
        return False

    def body(self, kind: Kind) -> str:
        """The document as rendered, without its stamp."""
        if kind not in self._bodies:
            self._bodies[kind] = documents.render(self.task, kind)
        return self._bodies[kind]

    def text(self, kind: Kind) -> bytes:
        """The document as it should be on disk."""
        if kind not in self._texts:
            self._texts[kind] = _text(self.task, kind, self.body(kind))
        return self._texts[kind]

    def at(self, revision: int) -> Task | None:
        """The task as it was after that revision."""
        return fold((commit for commit in self.journal.history() if commit.revision <= revision), self.origin)

    def _forget(self, *kinds: Kind) -> None:
        self._bodies.clear()
        for kind in kinds:
            self._texts.pop(kind, None)


@dataclass(frozen=True)
class Refreshed:
    """A task brought up to date. `restored`: put back; `problem`: why some could not be; `unsettled`: being written."""

    task: Task
    restored: tuple[Kind, ...] = ()
    problem: str | None = None
    unsettled: tuple[Kind, ...] = ()


def _followed(journal: Journal, task: Task | None, commit: Commit, task_id: str) -> Task:
    try:
        return follow(task, commit, task_id)
    except Refused as error:
        raise Damaged(journal.task_id, journal.name, commit.revision, str(error)) from None


def _published(commit: Commit, after: Task) -> Commit:
    """The commit with what it publishes. `after`: the task then."""
    changed = changes(after, {kind: documents.render(after, kind) for kind in documents.kinds(after)})
    return commit.model_copy(update={"documents": changed})


def _text(task: Task, kind: Kind, body: str) -> bytes:
    return documents.stamp(task, kind, body).encode("utf-8", "surrogatepass")


def changes(task: Task, bodies: dict[Kind, str]) -> dict[Kind, str]:
    """The digests of the documents that differ from what was last published."""
    digests = {kind: digest(body) for kind, body in bodies.items()}
    return {
        kind: value
        for kind, value in digests.items()
        if kind not in task.documents or task.documents[kind].digest != value
    }


def fork(source: Journal, journals: Journals, to: str, revision: int, at: str) -> Task:
    """Another task, begun with what a journal says up to a revision: durable when this returns.

    That is all the same where a line after it is damaged. Raises FileExistsError when the id is taken, Refused when
    there is no such revision, Damaged when that is not known, or OSError.
    """
    damage = None
    try:
        source.read(0)
    except Damaged as error:
        damage = error
    known = list(source.history())
    commits = [commit for commit in known if commit.revision <= max(1, revision)]
    task = fold(commits, origin(known, source.task_id))
    if task is None or task.revision != revision:
        raise damage or Refused("TaskForked", f"task {source.task_id} has no revision {revision}")
    first, *rest = commits
    forked = TaskForked(id=to, previous=task.id, task=source.task_id, revision=revision)
    last = Commit(revision=revision + 1, at=at, actor="user", epoch=task.epoch, events=(forked,))
    last = _published(last, follow(task, last, task.id))
    journals.create(to, first.model_copy(update={"uuid": str(uuid.uuid4())}), *rest, last).close()
    return follow(task, last, task.id)
