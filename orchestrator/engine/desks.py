"""The tasks that are open in this process, one desk each, whichever thread asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.engine.desk import Desk
from orchestrator.engine.folder import LATER, is_id, storage
from orchestrator.errors import UnknownTask
from orchestrator.events import Commit
from orchestrator.journal import Journals


class Desks:
    """`settle_name` goes on with a renaming that died before the journal took its new id."""

    def __init__(
        self, temp: Path, journals: Journals, mask: Callable[[str], str], settle_name: Callable[[Desk], None]
    ) -> None:
        self._temp = temp
        self._journals = journals
        self._mask = mask
        self._settle_name = settle_name
        self._desks: dict[str, Desk] = {}

    def __iter__(self) -> Iterator[Desk]:
        return iter(tuple(self._desks.values()))

    def create(self, task_id: str, first: Commit) -> Desk:
        """That of a new task; see `Desk.create`."""
        self._desks[task_id] = desk = Desk.create(self._journals, task_id, first, self._mask)
        return desk

    def open(self, task_id: str) -> Desk:
        """Raises UnknownTask, Damaged or StorageError.

        Nobody waits for who opens another task: that one's lock may be held for long.
        """
        if not is_id(task_id):
            raise UnknownTask(task_id, str(self._temp))
        with storage(self._temp, LATER):
            return self._desks.get(task_id) or self._kept(self._opened(task_id))

    def close(self, task_id: str) -> None:
        self._desks.pop(task_id).journal.close()

    def _kept(self, desk: Desk) -> Desk:
        """The one desk of this task: another that was opened in the same instant is closed."""
        first = self._desks.setdefault(desk.journal.task_id, desk)
        if first is not desk:
            desk.journal.close()
        return first

    def _opened(self, task_id: str) -> Desk:
        """Where a renaming died before the journal took the new id, it does so now: the task is that one's."""
        desk = Desk.open(self._journals.open(task_id), self._mask)
        if desk.task.id != task_id:
            with desk.journal.locked():
                desk.catch_up()
                self._settle_name(desk)
        if desk.task.id != task_id:
            desk.journal.close()
            return self._opened(desk.task.id)
        return desk
