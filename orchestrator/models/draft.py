"""A reply while it arrives: the events of a Messages API stream, folded into one `Reply`. Pure."""

from __future__ import annotations

import json

from orchestrator.events import Json, Usage
from orchestrator.models import Reply


class Draft:
    """Takes the events in their order. Those of an unknown kind are passed over, as the API asks of its clients."""

    def __init__(self) -> None:
        self._model = ""
        self._usage: dict[str, int] = {}
        self._summing_up = Usage()
        self._blocks: dict[int, Json] = {}
        self._arguments: dict[int, str] = {}
        self._stop_reason: str | None = None

    def take(self, event: Json) -> str:
        """Add an event; returns the text it says. Raises LookupError, TypeError or AttributeError for what is none.

        Compatible servers leave out counts, or the model: what is not said is not counted.
        """
        match event["type"]:
            case "message_start":
                self._model = event["message"].get("model") or ""
                self._count(event["message"].get("usage"))
            case "content_block_start":
                block = event["content_block"]
                self._blocks[event["index"]] = {key: value for key, value in block.items() if value is not None}
            case "content_block_delta":
                return self._extend(event["index"], event["delta"])
            case "message_delta":
                self._stop_reason = event["delta"].get("stop_reason") or self._stop_reason
                self._count(event.get("usage"))
        return ""

    def _extend(self, index: int, delta: Json) -> str:
        block = self._blocks[index]
        match delta["type"]:
            case "text_delta":
                block["text"] = block.get("text", "") + delta["text"]
                return str(delta["text"])
            case "thinking_delta":
                block["thinking"] = block.get("thinking", "") + delta["thinking"]
            case "signature_delta":
                block["signature"] = delta["signature"]
            case "input_json_delta":
                self._arguments[index] = self._arguments.get(index, "") + delta["partial_json"]
        return ""

    def _count(self, usage: Json | None) -> None:
        """Counts are cumulative: a later one replaces an earlier one, an absent one leaves it.

        What a compaction took is not among the counts of the reply, but listed beside them.
        """
        if not usage:
            return
        self._usage |= _counts(usage)
        if rounds := usage.get("iterations"):
            taken = [Usage(**_counts(one)) for one in rounds if one["type"] == "compaction"]
            self._summing_up = sum(taken, Usage())

    def finished(self) -> Reply | None:
        """The reply, None when the stream ended before the model did."""
        if self._stop_reason is None:
            return None
        malformed = set()
        for index, block in self._blocks.items():
            if block["type"] != "tool_use":
                continue
            block["input"] = _arguments(self._arguments.get(index) or json.dumps(block.get("input") or {}))
            if block["input"] is None:
                block["input"] = {}
                malformed.add(block["id"])
        return Reply(
            content=tuple(block for block in self._blocks.values() if _acceptable(block)),
            stop_reason=self._stop_reason,
            model=self._model,
            usage=Usage(**self._usage) + self._summing_up,
            malformed=frozenset(malformed),
        )


def _counts(usage: Json) -> dict[str, int]:
    return {name: usage[name] for name in Usage.model_fields if usage.get(name) is not None}


def _arguments(text: str) -> Json | None:
    """The object a tool call's JSON says, None when it says none.

    NaN and half surrogates pass Python's parser, but can neither be recorded nor sent back.
    """
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _acceptable(block: Json) -> bool:
    """False for what the API says but refuses to be told: blank text, and thinking cut off before its signature."""
    match block["type"]:
        case "text":
            return bool(block.get("text", "").strip())
        case "thinking":
            return bool(block.get("signature"))
    return True
