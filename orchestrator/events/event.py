"""What every event is: a fact, frozen, in the past tense, that the journal holds under its class name."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from orchestrator.receipts import Frozen

Status = Literal["pending", "in-progress", "completed", "blocked"]
Mode = Literal["full", "lightweight"]
Stage = Literal["pending", "in-progress", "blocked", "stopped", "completed", "cancelled"]
"""How far somebody says that a task is."""
Life = Literal["pending", "in-progress", "blocked", "stopped", "completed", "cancelled", "archiving", "archived"]
"""How a task stands."""
Kind = str
"""The kind of a document, as its file's name begins: `plan`, `checklist` … Each is a file in `documents/`."""
Actor = Literal["worker", "editor", "command", "user", "engine"]
"""Who made a commit: an agent's worker, somebody who edited a document, a command an agent ran that touched a
document, a person at the command line, the engine itself."""

Json = dict[str, Any]


class Event(Frozen):
    """Something that happened to one task."""

    kinds: ClassVar[dict[str, type[Event]]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        Event.kinds[cls.__name__] = cls

    def without_zeros(self) -> Self:
        """The event with no zero byte in its texts and lists of texts: a document that holds one reads as torn."""
        return self.model_copy(update={name: _without_zeros(value) for name, value in self})

    def encode(self) -> Json:
        """The event as the journal holds it: its name, then the fields that are not at their default."""
        return {"type": type(self).__name__, **self.model_dump(mode="json", exclude_defaults=True)}

    @staticmethod
    def decode(data: Json) -> Event:
        """The event of `encode`; raises ValueError for an unknown name or fields that do not fit."""
        fields = dict(data)
        name = fields.pop("type", None)
        if name not in Event.kinds:
            raise ValueError(f"unknown event {name!r}: written by a newer version?")
        return Event.kinds[name].model_validate(fields)


def _without_zeros(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_without_zeros(row) for row in value)
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
