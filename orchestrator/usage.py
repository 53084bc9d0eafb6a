"""What a task uses, and when that is enough."""

from __future__ import annotations

from orchestrator.receipts import Frozen


class Usage(Frozen):
    """Tokens, as the API counts them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0

    @property
    def total(self) -> int:
        return self.input_tokens + self.output_tokens + self.cache_read_input_tokens + self.cache_creation_input_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields})


TURNS = 200
"""What a task may take by itself where no limit of turns is set for it: that is a precaution, and binds nobody else."""


class Limits(Frozen):
    """What a task may use up, with all that it gives away. `cost` is in US dollars. None: no limit."""

    turns: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    cost: float | None = None
