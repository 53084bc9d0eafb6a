"""A reply that arrives in events, some of which no well-behaved server sends."""

from __future__ import annotations

import pytest

from orchestrator.events import Json, Usage
from orchestrator.models import Reply
from orchestrator.models.draft import Draft


def read(*events: Json) -> Reply | None:
    draft = Draft()
    for event in events:
        draft.take(event)
    return draft.finished()


START: Json = {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 5, "output_tokens": 1}}}
END: Json = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}


def block(content: Json, *deltas: Json) -> tuple[Json, ...]:
    added = ({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas)
    return ({"type": "content_block_start", "index": 0, "content_block": content}, *added)


def test_a_stream_that_ended_before_the_model_did_is_no_reply() -> None:
    assert read(START, *block({"type": "text", "text": "Hel"})) is None


def test_later_counts_replace_earlier_ones_and_absent_ones_leave_them() -> None:
    reply = read(START, END)
    assert reply is not None
    assert reply.usage == Usage(input_tokens=5, output_tokens=9)


def test_events_and_deltas_of_an_unknown_kind_are_passed_over() -> None:
    text = block({"type": "text", "text": ""}, {"type": "sparkle_delta"}, {"type": "text_delta", "text": "Hi"})
    reply = read(START, {"type": "fanfare"}, *text, END)
    assert reply is not None
    assert reply.content == ({"type": "text", "text": "Hi"},)


def test_what_compatible_servers_leave_out_is_not_missed() -> None:
    text = block({"type": "text"}, {"type": "text_delta", "text": "Hi", "logprobs": []})
    ending = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    closing = {"type": "message_delta", "delta": {}, "usage": None}
    reply = read({"type": "message_start", "message": {"id": "1", "provider": "x"}}, *text, ending, closing)
    assert reply == Reply(content=({"type": "text", "text": "Hi"},), stop_reason="end_turn", model="", usage=Usage())


def test_blocks_are_told_apart_by_the_index_they_are_given() -> None:
    first, second = block({"type": "text", "text": "Hi"}), block({"type": "text", "text": "you"})
    reply = read(START, *({**event, "index": 1} for event in first), *({**event, "index": 3} for event in second), END)
    assert reply is not None
    assert [content["text"] for content in reply.content] == ["Hi", "you"]


def test_arguments_may_come_with_the_call_instead_of_after_it() -> None:
    reply = read(START, *block({"type": "tool_use", "id": "1", "name": "Read", "input": {"path": "a.js"}}), END)
    assert reply is not None
    assert (reply.content[0]["input"], reply.malformed) == ({"path": "a.js"}, frozenset())


def test_absent_values_are_left_out_of_what_is_sent_back() -> None:
    reply = read(START, *block({"type": "text", "text": "Hi", "citations": None}), END)
    assert reply is not None
    assert reply.content == ({"type": "text", "text": "Hi"},)


def test_thinking_that_was_cut_off_before_its_signature_is_not_sent_back() -> None:
    thinking = block({"type": "thinking", "thinking": "", "signature": ""}, {"type": "thinking_delta", "thinking": "H"})
    reply = read(START, *thinking, END)
    assert reply is not None
    assert reply.content == ()


@pytest.mark.parametrize("arguments", ['{"a": NaN}', '{"a": "\\ud800"}', "[" * 100_000, "null", '"text"', '{"a"'])
def test_arguments_that_could_not_be_recorded_are_malformed(arguments: str) -> None:
    call = block(
        {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}},
        {"type": "input_json_delta", "partial_json": arguments},
    )
    reply = read(START, *call, END)
    assert reply is not None
    assert reply.malformed == {"toolu_1"}
    assert reply.content[0]["input"] == {}


@pytest.mark.parametrize("event", [{}, {"type": "content_block_delta", "index": 3, "delta": {}}, []])
def test_what_is_not_an_event_is_an_error(event: Json) -> None:
    with pytest.raises((LookupError, TypeError)):
        read(START, event)
