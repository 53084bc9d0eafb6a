"""What a conversation costs on stage: four characters a token, always the same for the same request."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.events import Json


_MARK = re.compile(r'(, )?"cache_control": \{[^}]*\}')  # as a key: inside a text its quotes would be escaped


def usage(request: Json, content: list[Json]) -> Json:
    """The usage of a request and the content that answers it.

    Where the request asks for caching, what the request before it had said is read from the cache and the rest is
    written to it; where it does not, all of it is plain input.
    """
    messages = request["messages"]
    head = _head(request)
    spoken = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    known = _tokens([head, *messages[: spoken[-1]]]) if spoken else 0
    whole = held(request)
    cached = _MARK.search(json.dumps(request)) is not None
    return {
        "input_tokens": 0 if cached else whole,
        "output_tokens": _tokens(content),
        "cache_read_input_tokens": known if cached else 0,
        "cache_creation_input_tokens": whole - known if cached else 0,
    }


def held(request: Json) -> int:
    """The tokens of all that a request says."""
    return _tokens([_head(request), *request["messages"]])


def _head(request: Json) -> Json:
    return {key: request.get(key) for key in ("system", "tools")}


def _tokens(value: Any) -> int:
    """Four characters are one. A mark for the cache is none: the next request has it elsewhere."""
    return len(_MARK.sub("", json.dumps(value))) // 4
