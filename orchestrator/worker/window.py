"""How much of the model's window a conversation takes, and what is said in place of one that took too much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from orchestrator.errors import BadRequest, Overloaded
from orchestrator.events import ContextRenewed
from orchestrator.models import WINDOW, Model, Request
from orchestrator.task import Message, Task
from orchestrator.worker.ledger import Ledger

FULL = 0.8
"""The share of the model's window at which a conversation begins anew; the rest is for a reply and its results."""
ATTEMPTS = 5
"""So often a conversation is begun anew that does not fit even then."""


class Window:
    """Of one worker's model. `request` makes the next request of a task."""

    def __init__(
        self, model: Model, ledger: Ledger, request: Callable[[Task], Request], full_name: Callable[[str | None], str]
    ) -> None:
        self._model = model
        self._ledger = ledger
        self._request = request
        self._full_name = full_name
        self._size: int | None = None
        self._overflows = 0

    async def is_full(self, task: Task) -> bool:
        """True when the conversation nears the window, and to begin it anew would make it shorter."""
        if task.context <= FULL * WINDOW or _replies(task) < 2:
            return False
        if self._size is None:  # asked only where it matters: no model's is smaller than WINDOW
            self._size = await self._model.window(self._full_name(task.model))
        return task.context > FULL * self._size

    def overflowed(self, task: Task) -> bool:
        """Count an overflow; false when the conversation does not fit even begun anew."""
        self._overflows = self._overflows + 1 if _replies(task) < 2 else 0
        return bool(_replies(task)) and self._overflows < ATTEMPTS

    async def summary(self, task: Task, summed_up: Sequence[Message]) -> ContextRenewed:
        """What the model makes of these messages; without a summary where it cannot: the documents tell enough."""
        try:
            reply = await self._ledger.ask(task, replace(self._request(task), messages=tuple(summed_up), compact=True))
        except (BadRequest, Overloaded):  # a compatible server may not know how, or fail over it
            return ContextRenewed()
        found = (block for block in reply.content if block["type"] == "compaction" and block.get("content"))
        summary = next(found, None)
        return ContextRenewed(summary=summary, model=reply.model, usage=reply.usage, cost=reply.cost)


def _replies(task: Task) -> int:
    """How often the model has spoken since the conversation began; a summary is not counted."""
    return sum(message.role == "assistant" for message in task.transcript[1:])
