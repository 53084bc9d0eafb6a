"""What the Messages API demands of a conversation, so that a fake is not kinder than the real one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from orchestrator.testing import summary

if TYPE_CHECKING:
    from orchestrator.events import Json

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}", re.ASCII)


def refusal(request: Any) -> str | None:
    """Why the API answers a request body with 400, in its manner of speaking; None when it accepts it."""
    if not isinstance(request, dict):
        return "the request body is not a JSON object"
    return next(_flaws(request), None)


def _flaws(request: Json) -> Iterator[str]:
    """What is wrong with a request, in the order of checking: a later check relies on the earlier ones."""
    for key, kind in (("model", str), ("max_tokens", int), ("messages", list)):
        if key not in request:
            yield f"{key}: Field required"
        elif not isinstance(request[key], kind) or not request[key]:
            yield f"{key}: Input should be a valid, non-empty {kind.__name__}"
    if request["max_tokens"] < 1:
        yield "max_tokens: must be greater than or equal to 1"
    yield from _flaws_of_tools(request.get("tools") or [])
    if (compaction := request.get("compaction")) is not None and compaction != {"type": "summarize"}:
        yield "compaction.type: Input should be 'summarize'"
    if request.get("system"):
        yield from _flaws_of_content(request["system"], "system", {"text"})
    messages = request["messages"]
    for index, message in enumerate(messages):
        yield from _flaws_of_message(message, f"messages.{index}")
    yield from _flaws_of_compaction(messages)
    if messages[0]["role"] != "user" and summary.leading(messages) is None:
        yield 'messages: first message must use the "user" role'
    if messages[-1]["role"] != "user":
        yield "messages: the conversation must end with a user message"
    yield from _flaws_of_pairing(messages)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _flaws_of_tools(tools: Any) -> Iterator[str]:
    if not isinstance(tools, list):
        yield "tools: Input should be a valid list"
    names = set()
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            yield f"tools.{index}: Input should be an object"
        name = tool.get("name")
        if not _is_name(name):
            yield f"tools.{index}.name: String should match pattern '^{_NAME.pattern}$'"
        schema = tool.get("input_schema")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            yield f"tools.{index}.input_schema.type: Field required, and must be 'object'"
        if name in names:
            yield f"tools: Tool names must be unique: {name}"
        names.add(name)


def _flaws_of_message(message: Any, at: str) -> Iterator[str]:
    if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
        yield f"{at}.role: Input should be 'user' or 'assistant'"
    if message["role"] == "user":
        kinds = {"text", "image", "document", "tool_result", "compaction"}
    else:
        kinds = {"text", "thinking", "redacted_thinking", "tool_use", "compaction"}
    yield from _flaws_of_content(message.get("content"), f"{at}.content", kinds)


def _flaws_of_content(content: Any, at: str, kinds: set[str]) -> Iterator[str]:
    if not isinstance(content, str | list) or not content:
        yield f"{at}: must have non-empty content"
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for index, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str) or block["type"] not in kinds:
            yield f"{at}.{index}.type: Input should be one of {', '.join(sorted(kinds))}"
        yield from _flaws_of_block(block, f"{at}.{index}")


def _flaws_of_block(block: Json, at: str) -> Iterator[str]:
    match block["type"]:
        case "text":
            if not isinstance(block.get("text"), str) or not block["text"]:
                yield f"{at}.text: text content blocks must be non-empty"
            if not block["text"].strip():
                yield f"{at}.text: text content blocks must contain non-whitespace text"
        case "thinking":
            if not isinstance(block.get("thinking"), str) or not block.get("signature"):
                yield f"{at}.signature: Field required"
        case "compaction":
            if not isinstance(block.get("content"), str) or not isinstance(block.get("signature"), str):
                yield f"{at}.compaction: content and signature should be as they were returned"
        case "tool_use":
            if not isinstance(block.get("input"), dict):
                yield f"{at}.input: Input should be a valid dictionary"
            if not _is_name(block.get("name")) or not _is_name(block.get("id")):
                yield f"{at}: id and name should match pattern '^{_NAME.pattern}$'"
        case "tool_result":
            if not isinstance(block.get("tool_use_id"), str):
                yield f"{at}.tool_use_id: Field required"
            if block.get("content"):
                yield from _flaws_of_content(block["content"], f"{at}.content", {"text", "image", "document"})
            elif block.get("is_error"):
                yield f"{at}: content cannot be empty if `is_error` is true"


def _flaws_of_compaction(messages: list[Json]) -> Iterator[str]:
    """At most one block, the first of all, as it was returned."""
    first = summary.leading(messages)
    blocks = [block for message in messages if isinstance(message["content"], list) for block in message["content"]]
    if sum(block["type"] == "compaction" for block in blocks) > (first is not None):
        yield "messages: a `compaction` block must be the first of the conversation (compaction_block_misplaced)"
    if first is not None and summary.place(first) is None:
        yield "messages.0.content.0: the block is not as it was returned (compaction_signature_invalid)"


def _flaws_of_pairing(messages: list[Json]) -> Iterator[str]:
    """Every tool_use is answered first thing in the next message, and every tool_result answers one.

    Neighbours of one role count as one message.
    """
    asked: list[str] = []
    seen: set[str] = set()
    for index, (role, group) in enumerate(groupby(messages, key=lambda message: message["role"])):
        at = f"messages.{index}"
        blocks = [block for message in group if isinstance(message["content"], list) for block in message["content"]]
        if role == "assistant":
            asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
            if len({*asked} | seen) < len(asked) + len(seen):
                yield f"{at}: `tool_use` ids must be unique"
            seen.update(asked)
            continue
        answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        for unknown in answered:
            if unknown not in asked:
                yield (
                    f"{at}: unexpected `tool_use_id` found in `tool_result` blocks: {unknown}. Each `tool_result` "
                    "block must have a corresponding `tool_use` block in the previous message."
                )
        if len({*answered}) < len(answered):
            yield f"{at}: each tool_use must have a single result"
        if missing := [call for call in asked if call not in answered]:
            yield (
                f"{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(missing)}"
                ". Each `tool_use` block must have a corresponding `tool_result` block in the next message."
            )
        if any(block["type"] != "tool_result" for block in blocks[: len(answered)]):
            yield f"{at}: `tool_result` blocks must come first in the content of a user message"
