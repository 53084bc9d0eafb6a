"""An engine that is held to its word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from orchestrator.engine import Engine
from orchestrator.errors import OrchestratorError
from orchestrator.events import Actor, Event, Kind, TaskCreated
from orchestrator.task import Task
from proof.claims import denies, holding, lines


class Witness(Engine):
    """`denied`: lines that its journals hold though a call that was to write them said that it committed nothing."""

    denied: frozenset[bytes] = frozenset()

    def create(self, created: TaskCreated, *more: Event, actor: Actor = "user", task_id: str | None = None) -> Task:
        with self._held_to("*", (created, *more)):
            return super().create(created, *more, actor=actor, task_id=task_id)

    def commit(
        self,
        task_id: str,
        events: Iterable[Event],
        *,
        actor: Actor,
        epoch: int | None = None,
        texts: Mapping[Kind, str] | None = None,
    ) -> Task:
        with self._held_to(task_id, given := tuple(events)):
            return super().commit(task_id, given, actor=actor, epoch=epoch, texts=texts)

    @contextmanager
    def _held_to(self, task_id: str, events: tuple[Event, ...]) -> Iterator[None]:
        before = lines(self.folder.temp, task_id)
        try:
            yield
        except OrchestratorError as error:
            if denies(error):
                self.denied |= holding(self.folder.temp, task_id, events) - before
            raise
