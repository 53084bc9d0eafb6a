"""What makes events true together."""

from __future__ import annotations

from pydantic import Field

from orchestrator.events.event import Actor, Event, Json, Kind
from orchestrator.receipts import Frozen


class Commit(Frozen):
    """The events that become true together: one line of the journal, one revision."""

    revision: int
    at: str = Field(description="ISO 8601, UTC, milliseconds, Z")
    actor: Actor
    epoch: int = 0
    events: tuple[Event, ...]
    documents: dict[Kind, str] = Field(
        default_factory=dict, description="SHA-256 of each document this commit changed, as rendered, without its stamp"
    )
    absorbed: dict[Kind, str] = Field(
        default_factory=dict,
        description="SHA-256 of each edit this commit recorded: the text as typed, without its stamp",
    )
    uuid: str | None = Field(default=None, description="only in the first commit: tells tasks of equal id apart")

    def encode(self) -> Json:
        data: Json = {"revision": self.revision, "at": self.at, "actor": self.actor}
        if self.epoch:
            data["epoch"] = self.epoch
        data["events"] = [event.encode() for event in self.events]
        for name in ("documents", "absorbed", "uuid"):
            if value := getattr(self, name):
                data[name] = value
        return data

    @staticmethod
    def decode(data: Json) -> Commit:
        """The commit of `encode`; raises ValueError for what does not fit."""
        fields = {**data, "events": tuple(Event.decode(event) for event in data["events"])}
        return Commit.model_validate(fields)
