"""A message on the wire: whole, or as the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.events import Json

GARBLED = b'event: content_block_delta\ndata: {"type": "content_block_de\x00\n\n'


def whole(message: Json) -> bytes:
    """The message as one JSON document. Arguments that are not JSON cannot be said here, and are {}."""
    content = [block | {"input": {}} if isinstance(block.get("input"), str) else block for block in message["content"]]
    return json.dumps(message | {"content": content}).encode()


def events(message: Json) -> Iterator[bytes]:
    """The message as server-sent events; every text arrives in two parts."""
    usage = message["usage"]
    counted = {name: usage[name] for name in ("output_tokens", "iterations") if name in usage}  # once all is said
    begun = {name: count for name, count in usage.items() if name != "iterations"} | {"output_tokens": 1}
    opening: Json = {"content": [], "stop_reason": None, "usage": begun}
    yield event({"type": "message_start", "message": message | opening})
    yield event({"type": "ping"})
    for index, block in enumerate(message["content"]):
        empty, deltas = _parts(block)
        yield event({"type": "content_block_start", "index": index, "content_block": empty})
        for delta in deltas:
            yield event({"type": "content_block_delta", "index": index, "delta": delta})
        yield event({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield event({"type": "message_delta", "delta": ending, "usage": counted})
    yield event({"type": "message_stop"})


def event(data: Json) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def _parts(block: Json) -> tuple[Json, list[Json]]:
    """A block as it begins, and what is added to it."""
    match block["type"]:
        case "text":
            return block | {"text": ""}, [{"type": "text_delta", "text": half} for half in _halves(block["text"])]
        case "thinking":
            added = [{"type": "thinking_delta", "thinking": half} for half in _halves(block["thinking"])]
            signature = {"type": "signature_delta", "signature": block["signature"]}
            return block | {"thinking": "", "signature": ""}, [*added, signature]
        case "compaction":
            return block, []
    given = block["input"]
    text = given if isinstance(given, str) else json.dumps(given)
    return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": half} for half in _halves(text)]


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]
