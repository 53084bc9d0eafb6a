"""The model port: a conversation goes in, one reply comes out. Each adapter is a file beside this one."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from orchestrator.errors import UsageError
from orchestrator.events import Json, Usage
from orchestrator.task import Message

WINDOW = 200_000
"""Tokens that any model of the Messages API holds."""

_SHORT = {"opus": "claude-opus-5-5", "sonnet": "claude-sonnet-5-5", "haiku": "claude-haiku-5-5"}


def resolve(name: str | None) -> str:
    """The model a definition or a person means: opus, sonnet, haiku, inherit, nothing, or a model's full name.

    Nothing and `inherit` mean ORCHESTRATOR_MODEL, or sonnet where that is not set.
    """
    if name is None or name == "inherit":
        name = os.environ.get("ORCHESTRATOR_MODEL") or "sonnet"
    return _SHORT.get(name, name)


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

    `malformed`: ids of the tool calls whose arguments were not a JSON object; their `input` is {} and means nothing.
    """

    content: tuple[Json, ...]
    stop_reason: str
    model: str
    usage: Usage
    malformed: frozenset[str] = frozenset()


def connect() -> Model:
    """The model of the provider that ORCHESTRATOR_PROVIDER names: a file beside this one; `messages` when not set.

    Raises UsageError when there is no such file, BadKey when its credentials are missing.
    """
    name = os.environ.get("ORCHESTRATOR_PROVIDER") or "messages"
    known = {module.name for module in pkgutil.iter_modules(__path__)}
    provider: Callable[[], Model] | None = None
    if name in known:
        provider = getattr(import_module(f"{__name__}.{name}"), "connect", None)
    if provider is None:
        raise UsageError(f"ORCHESTRATOR_PROVIDER: there is no provider {name!r} in {__name__}")
    return provider()


class Model(Protocol):
    """Something that answers requests."""

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """The whole reply; raises a ModelError when there is none, TooLong when the model cannot hold the messages.

        `on_text` gets the text while it arrives. After a broken attempt the text begins anew.
        """
        ...

    async def window(self, model: str) -> int:
        """Tokens that a conversation with the model may hold, replies included; WINDOW where nobody says."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...
