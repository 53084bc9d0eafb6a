"""What an edited text asks for: events, tried one by one on the task, and what had to be refused."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.errors import Refused
from orchestrator.events import Event
from orchestrator.mentions import moved, relocated
from orchestrator.task import Task
from orchestrator.transitions import apply


@dataclass(frozen=True, slots=True)
class Diff:
    """The events an edit means, and a sentence for each fact in it that could not be obeyed."""

    events: tuple[Event, ...] = ()
    refused: tuple[str, ...] = ()


class Draft:
    """Collects a diff. `adopting`: the text was there before any of ours, so what it leaves out was not taken out."""

    def __init__(self, task: Task, name: str, adopting: bool) -> None:
        self.task = task
        self.name = name
        self.adopting = adopting
        self._events: list[Event] = []
        self._refused: dict[str, None] = {}

    @property
    def told(self) -> Task:
        """The task so far, as its documents tell it."""
        return relocated(self.task, moved(self.task))

    def propose(self, event: Event) -> None:
        """Make the event true in the draft, or note why it cannot be."""
        try:
            self.task = apply(self.task, event, actor="editor", at=self.task.updated_at)
        except Refused as error:
            self.refuse(error.reason)
        else:
            self._events.append(event)

    def refuse(self, reason: str) -> None:
        self._refused[f"{self.name}: {reason}"] = None

    def diff(self) -> Diff:
        return Diff(tuple(self._events), tuple(self._refused))
