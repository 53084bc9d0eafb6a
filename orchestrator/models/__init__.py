"""The model port: a conversation goes in, one reply comes out. Each adapter is a file beside this one."""

from __future__ import annotations

import pkgutil
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Protocol

from orchestrator.errors import UsageError
from orchestrator.events import Json, Usage
from orchestrator.task import Message

WINDOW = 200_000
"""Tokens that any model of the Messages API holds."""

_SHORT = {"opus": "claude-opus-5-5", "sonnet": "claude-sonnet-5-5", "haiku": "claude-haiku-5-5"}


class Names:
    """What models are called: opus, sonnet, haiku, and `own` names, which go before these."""

    def __init__(self, own: Mapping[str, str] = MappingProxyType({}), default: str | None = None) -> None:
        self._short = {**_SHORT, **own}
        self._default = default or "sonnet"

    def __iter__(self) -> Iterator[str]:
        return iter(self._short)

    def full(self, name: str | None) -> str:
        """The model a definition or a person means. Nothing and `inherit` mean the default; a name may mean another."""
        name = self._default if name is None or name == "inherit" else name
        for _ in self._short:  # no further than there are names: they may form a ring
            name = self._short.get(name, name)
        return name


@dataclass(frozen=True)
class Request:
    """What is asked: blocks and tools as the Messages API takes them. `model` is a full name.

    `compact`: not for the next message, but for a `compaction` block that sums up the messages.
    """

    model: str
    system: tuple[Json, ...]
    tools: tuple[Json, ...]
    messages: tuple[Message, ...]
    max_tokens: int
    compact: bool = False


@dataclass(frozen=True)
class Reply:
    """What the model said, whole. `content` can be sent back as it is, unless it is empty: then nothing was said.

    `cost`: US dollars, None where the price is not known: then no limit of cost can hold.
    `malformed`: ids of the tool calls whose arguments were not a JSON object; their `input` is {} and means nothing.
    """

    content: tuple[Json, ...]
    stop_reason: str
    model: str
    usage: Usage
    cost: float | None = None
    malformed: frozenset[str] = frozenset()


def connect(name: str = "messages") -> Model:
    """The model of a provider: a file beside this one.

    Raises UsageError when there is no such file, BadKey when its credentials are missing.
    """
    known = {module.name for module in pkgutil.iter_modules(__path__)}
    provider: Callable[[], Model] | None = None
    if name in known:
        provider = getattr(import_module(f"{__name__}.{name}"), "connect", None)
    if provider is None:
        there = ", ".join(each for each in sorted(known) if hasattr(import_module(f"{__name__}.{each}"), "connect"))
        raise UsageError(f"no provider {name!r}: set `provider`, or ORCHESTRATOR_PROVIDER, to one of {there}")
    return provider()


class Model(Protocol):
    """Something that answers requests.

    `on_rest` is called when its server is left alone for a while by all who ask, with the seconds.
    """

    on_rest: Callable[[float], None]

    async def reply(
        self,
        request: Request,
        on_text: Callable[[str], None] | None = None,
        on_lost: Callable[[], Awaitable[None]] | None = None,
    ) -> Reply:
        """The whole reply; raises a ModelError when there is none, TooLong when the model cannot hold the messages.

        `on_text` gets the text while it arrives. After a broken attempt the text begins anew. `on_lost` is awaited
        before another attempt when the server may have counted tokens for one that broke; what it raises ends it.
        """
        ...

    async def price(self, model: str, usage: Usage) -> float | None:
        """What such a reply costs in US dollars, None where that is not known."""
        ...

    async def window(self, model: str) -> int:
        """Tokens that a conversation with the model may hold, replies included; WINDOW where nobody says."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...
