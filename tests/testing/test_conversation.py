"""The demands of the API, on requests no client would send."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.testing import Screenplay
from orchestrator.testing.conversation import refusal

PLAY = Screenplay.parse("actors: {a: {match: '', turns: [{say: Hi., until: never}]}}")
WORDS = st.sampled_from(
    ["", " ", "text", "user", "assistant", "tool_use", "tool_result", "thinking", "toolu_1", "Read"]
)
SCALARS = st.none() | st.booleans() | st.integers(-1, 2) | WORDS
KEYS = ("type", "text", "thinking", "signature", "id", "name", "input", "tool_use_id", "content", "is_error", "role")
THINGS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=8,
)


def block(kind: str, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional={name: s | THINGS for name, s in fields.items()})


BLOCKS = st.one_of(
    block("text", text=WORDS),
    block("thinking", thinking=WORDS, signature=WORDS),
    block("tool_use", id=WORDS, name=WORDS, input=st.just({})),
    block("tool_result", tool_use_id=WORDS, content=WORDS, is_error=st.booleans()),
    THINGS,
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={"role": st.sampled_from(["user", "assistant"]) | THINGS, "content": st.lists(BLOCKS, max_size=3) | WORDS},
)
REQUESTS = st.fixed_dictionaries(
    {
        "model": st.just("m") | THINGS,
        "max_tokens": st.just(9) | THINGS,
        "messages": st.lists(MESSAGES | THINGS, max_size=4),
    },
    optional={"system": st.lists(BLOCKS, max_size=2) | THINGS, "tools": st.lists(THINGS, max_size=2) | THINGS},
)


@settings(max_examples=300, deadline=None)
@given(REQUESTS | THINGS)
def test_whatever_is_sent_is_either_refused_with_a_reason_or_answered(request: Any) -> None:
    if refusal(request) is None:
        assert PLAY.answer(request).message["content"]
