"""The `compaction` block that stands for what was said and heard; its signature tells how far the actor had come."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.events import Json

BETA = "compact-2026-09-04"
"""Without it in the header `anthropic-beta`, a block is neither made nor taken back."""


@dataclass(frozen=True)
class Place:
    """How far an actor has come. `replies`: how many messages its `turns` took; `known`: what templates may ask for."""

    turns: int = 0
    replies: int = 0
    known: dict[str, str] = field(default_factory=dict)


def block(actor: str, place: Place) -> Json:
    """What the API returns for a conversation up to this place."""
    content = f"{actor} has replied {place.replies} times so far."
    record = {"of": _digest(content), **asdict(place)}
    return {
        "type": "compaction",
        "content": content,
        "signature": base64.b64encode(json.dumps(record).encode()).decode(),
    }


def place(block: Json) -> Place | None:
    """The place a block stands for, None when it is not as it was returned."""
    try:
        record = json.loads(base64.b64decode(block["signature"], validate=True))
        of = record.pop("of")
        found = Place(**record)
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
    return found if of == _digest(block["content"]) and block.keys() == {"type", "content", "signature"} else None


def leading(messages: list[Json]) -> Json | None:
    """The block a conversation begins with, None where it begins with something else."""
    content = messages[0]["content"]
    return content[0] if isinstance(content, list) and content[0]["type"] == "compaction" else None


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
