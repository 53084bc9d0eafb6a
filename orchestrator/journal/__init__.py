"""The journal: a task's append-only log of commits, the only truth. This is the port; a backend is one file beside it.

Line format, final: one JSON object a line, UTF-8, keys in this order:
`v` (1), `revision`, `at`, `actor`, `epoch`, `events`, `documents`, `uuid` (first line only), `sum`.
`sum` is the last key: SHA-256, hexadecimal, over the `sum` of the line before (empty for the first) followed by the
bytes of this line up to the comma before `"sum"`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from orchestrator.events import Commit, Kind


class Journal(Protocol):
    """The log of one task. Everything but `locked` is called while the lock is held."""

    task_id: str

    @property
    def name(self) -> str:
        """What it is called where something is wrong with it: its path."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Wait for the task's lock, which also guards its documents."""
        ...

    @property
    def rebooted(self) -> bool:
        """True when the system was started again since documents were last reconciled; see `reconciled`."""
        ...

    def reconciled(self) -> None:
        """The documents on disk were looked at since the system started."""
        ...

    @property
    def durable(self) -> int:
        """Documents up to this revision are known to be on the disk; remembered as long as nothing takes the power."""
        ...

    def checkpointed(self, revision: int) -> None:
        """All documents up to this revision were synced."""
        ...

    @property
    def doubted(self) -> bool:
        """True while a sync of documents has failed, here or in another process, and they were not written anew."""
        ...

    def doubt(self, doubted: bool) -> None:
        """Remember that, or that it is over, as long as nothing takes the power."""
        ...

    def read(self, after: int) -> list[Commit]:
        """The commits after a revision, after cutting what was never committed: only what is new is read from the disk.

        Raises Damaged, or UnknownTask once the journal has another id.
        """
        ...

    def history(self) -> Iterator[Commit]:
        """All commits read so far, from the first."""
        ...

    def append(self, commit: Commit) -> None:
        """The commit is durable when this returns.

        Raises Conflict unless it follows the last revision, StorageError or Unsynced when the disk says no: then
        nothing was committed, or Unsynced says that it is in doubt.
        """
        ...

    def published(self, kind: Kind, digest: str) -> bool:
        """True when any commit ever published this text of this document."""
        ...

    def absorbed(self, kind: Kind, digest: str, after: int) -> bool:
        """True when a commit after that revision recorded this text as an edit of this document."""
        ...

    def move(self, *, archived: bool) -> None:
        """The journal lives with the archived ones, or with the open ones, when this returns."""
        ...

    def rename(self, task_id: str) -> None:
        """The journal is that task's when this returns: open it anew, with its own lock.

        Raises FileExistsError when the id is taken: then nothing has changed.
        """
        ...

    def close(self) -> None: ...


class Journals(Protocol):
    """All journals of one `.temp` folder."""

    def create(self, task_id: str, *commits: Commit, archived: bool = False) -> Journal:
        """A new journal with its first commits, durable; FileExistsError when the id is taken.

        It lives with the open ones, or with the archived ones.
        """
        ...

    def open(self, task_id: str) -> Journal:
        """Raises UnknownTask."""
        ...

    def ids(self) -> tuple[str, ...]:
        """Every task here, archived ones too, in order of their ids."""
        ...

    def mentioning(self, text: str) -> tuple[str, ...]:
        """The tasks whose journals contain the text anywhere."""
        ...

    def raw(self, task_id: str) -> bytes:
        """Everything a journal says, as JSON; taken without its lock, and also of a damaged one. Raises UnknownTask."""
        ...
