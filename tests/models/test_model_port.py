"""What every model adapter must do, shown against the scripted server."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from textwrap import indent
from typing import TypeVar

import anthropic
import pytest

from orchestrator import errors
from orchestrator.events import Json, Usage
from orchestrator.models import WINDOW, Model, Reply, Request, bedrock, connect, vertex
from orchestrator.models.messages import MessagesApi
from orchestrator.models.pace import PATIENCE
from orchestrator.task import Message
from orchestrator.testing import Screenplay, ScriptedServer

from .platforms import Bedrock, Vertex, platform

Pause = Callable[[float], Awaitable[None]]
Said = TypeVar("Said")


@dataclass(frozen=True)
class Adapter:
    """`front`: what stands between it and the scripted server. `server`: the variable that names its address."""

    model: Callable[[str, Pause, float], Model]
    front: Callable[[str], AbstractContextManager[str]] = nullcontext
    server: str = "ANTHROPIC_BASE_URL"


def messages(url: str, pause: Pause, patience: float) -> Model:
    return MessagesApi(anthropic.AsyncAnthropic(api_key="a key", base_url=url, timeout=patience), pause=pause)


def on_bedrock(url: str, pause: Pause, patience: float) -> Model:
    client = anthropic.AsyncAnthropicBedrock(
        aws_access_key="an-id", aws_secret_key="a-key", aws_region="eu-west-1", base_url=url, timeout=patience
    )
    return MessagesApi(client, bedrock.service(), pause=pause)


def on_vertex(url: str, pause: Pause, patience: float) -> Model:
    client = anthropic.AsyncAnthropicVertex(
        access_token="a token", project_id="a-project", region="europe-west1", base_url=url, timeout=patience
    )
    return MessagesApi(client, vertex.service(), pause=pause)


def needing(package: str, extra: str) -> pytest.MarkDecorator:
    there = importlib.util.find_spec(package.partition(".")[0]) and importlib.util.find_spec(package)
    return pytest.mark.skipif(not there, reason=f"needs pip install 'temp-orchestrator[{extra}]'")


ADAPTERS = [
    pytest.param(Adapter(messages), id="messages"),
    pytest.param(
        Adapter(on_bedrock, partial(platform, Bedrock), "ANTHROPIC_BEDROCK_BASE_URL"),
        id="bedrock",
        marks=needing("boto3", "bedrock"),
    ),
    pytest.param(
        Adapter(on_vertex, partial(platform, Vertex), "ANTHROPIC_VERTEX_BASE_URL"),
        id="vertex",
        marks=needing("google.auth", "vertex"),
    ),
]


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    adapter: Adapter = request.param
    return adapter


def play(turns: str, setup: str = "") -> Screenplay:
    return Screenplay.parse(
        f"""
{setup}
captures: {{word: 'the word is (\\w+)'}}
actors:
  worker:
    match: You are the worker
    turns:
{indent(turns, "      ")}
"""
    )


def request(*messages: Message) -> Request:
    opening = Message("user", ({"type": "text", "text": "the word is Ahoy"},))
    return Request(
        model="claude-sonnet-5-5",
        system=({"type": "text", "text": "You are the worker"},),
        tools=({"name": "Read", "description": "Reads.", "input_schema": {"type": "object"}},),
        messages=(opening, *messages),
        max_tokens=1000,
    )


def answered(reply: Reply) -> tuple[Message, Message]:
    """The reply sent back, its calls answered."""
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": [{"type": "text", "text": "fine"}]}
        for block in reply.content
        if block["type"] == "tool_use"
    ]
    return (
        Message("assistant", reply.content),
        Message("user", (*results, {"type": "text", "text": "go on"})),
    )


class Stage:
    """A model at a scripted server. `waited`: the pauses it asked for; `sent`: the requests that arrived."""

    def __init__(self, adapter: Adapter, turns: str, setup: str = "") -> None:
        self.adapter = adapter
        self.patience = 0.3 if "stall" in turns else 60.0  # seconds of silence before the client gives up
        self.screenplay = play(turns, setup)
        self.waited: list[float] = []
        self.sent: list[Json] = []

    async def pause(self, seconds: float) -> None:
        self.waited.append(seconds)

    def run(self, talk: Callable[[Model], Awaitable[Said]]) -> Said:
        async def closing(url: str) -> Said:
            model = self.adapter.model(url, self.pause, self.patience)
            try:
                return await talk(model)
            finally:
                await model.close()

        with ScriptedServer(self.screenplay) as server, self.adapter.front(server.url) as url:
            self.sent = server.requests
            return asyncio.run(closing(url))


async def one(model: Model) -> Reply:
    return await model.reply(request())


def test_text_arrives_whole_and_while_it_is_said(adapter: Adapter) -> None:
    heard: list[str] = []
    reply = Stage(adapter, "- say: 'Good morning: {{word}}'").run(lambda model: model.reply(request(), heard.append))
    assert reply.content == ({"type": "text", "text": "Good morning: Ahoy"},)
    assert (reply.stop_reason, reply.model, reply.malformed) == ("end_turn", "claude-sonnet-5-5", frozenset())
    assert "".join(heard) == "Good morning: Ahoy"
    assert len(heard) > 1


def test_several_calls_arrive_in_their_order_with_their_arguments(adapter: Adapter) -> None:
    turns = "- calls: [{Read: {path: a.js, lines: [1, 2]}}, {Read: {path: größe.js}}, {Read: }]"
    reply = Stage(adapter, turns).run(one)
    assert [block["input"] for block in reply.content] == [{"path": "a.js", "lines": [1, 2]}, {"path": "größe.js"}, {}]
    assert len({block["id"] for block in reply.content}) == 3
    assert reply.stop_reason == "tool_use"


def test_what_was_said_can_be_sent_back_thinking_and_blank_text_included(adapter: Adapter) -> None:
    async def talk(model: Model) -> Reply:
        first = await model.reply(request())
        assert [block["type"] for block in first.content] == ["thinking", "tool_use"]
        return await model.reply(request(*answered(first)))

    stage = Stage(adapter, "- {think: Hm, say: ' ', calls: [Read: {path: a.js}]}\n- {say: Done., expect: fine}")
    assert stage.run(talk).content == ({"type": "text", "text": "Done."},)


def test_arguments_that_are_not_json_are_flagged_and_can_be_sent_back(adapter: Adapter) -> None:
    async def talk(model: Model) -> Reply:
        first = await model.reply(request())
        good, cut, listed = first.content
        assert first.malformed == {cut["id"], listed["id"]}
        assert (good["input"], cut["input"], listed["input"]) == ({"path": "a.js"}, {}, {})
        return await model.reply(request(*answered(first)))

    turns = """- calls: [{Read: {path: a.js}}, {Read: '{"path": "b.j'}, {Read: '["c.js"]'}]\n- say: Again."""
    assert Stage(adapter, turns).run(talk).content[0]["text"] == "Again."


def test_usage_is_counted_with_what_the_cache_held(adapter: Adapter) -> None:
    async def talk(model: Model) -> tuple[Reply, Reply]:
        first = await model.reply(request())
        return first, await model.reply(request(*answered(first)))

    first, second = Stage(adapter, "- say: One.\n- say: Two.").run(talk)
    written = first.usage.cache_creation_input_tokens
    assert written > 0
    assert second.usage.cache_read_input_tokens == written
    assert second.usage.output_tokens > 0


def test_usage_is_what_the_server_says(adapter: Adapter) -> None:
    usage = {name: number for number, name in enumerate(Usage.model_fields, 11)}
    assert Stage(adapter, f"- {{say: Hi., usage: {usage}}}").run(one).usage == Usage(**usage)


def test_the_reply_says_why_it_stopped(adapter: Adapter) -> None:
    assert Stage(adapter, "- {say: And then, stop_reason: max_tokens}").run(one).stop_reason == "max_tokens"


def test_the_system_prompt_and_the_whole_request_are_marked_for_the_cache(adapter: Adapter) -> None:
    stage = Stage(adapter, "- say: Hi.")
    stage.run(one)
    (sent,) = stage.sent
    last = sent["messages"][-1]["content"][-1]
    assert last["cache_control"] == sent["system"][-1]["cache_control"] == {"type": "ephemeral"}


def test_messages_are_summed_up_and_the_summary_stands_for_them(adapter: Adapter) -> None:
    async def talk(model: Model) -> tuple[Reply, Reply]:
        first = await model.reply(request())
        summary = await model.reply(replace(request(*answered(first)), compact=True))
        (opening,) = request().messages
        return summary, await model.reply(replace(request(), messages=(Message("assistant", summary.content), opening)))

    summary, reply = Stage(adapter, "- say: One.\n- say: Two.").run(talk)
    assert (summary.stop_reason, [block["type"] for block in summary.content]) == ("compaction", ["compaction"])
    assert summary.usage.total > 0
    assert reply.content[0]["text"] == "Two."


def test_a_conversation_the_model_cannot_hold_is_told_apart_and_sent_once(adapter: Adapter) -> None:
    stage = Stage(adapter, "- say: Never.", "window: 20")
    with pytest.raises(errors.TooLong, match="> 20 maximum"):
        stage.run(one)
    assert (len(stage.sent), stage.waited) == (1, [])


def test_the_window_is_what_the_server_says_or_the_smallest_there_is(adapter: Adapter) -> None:
    async def talk(model: Model) -> int:
        await one(model)
        return await model.window("a-model")

    telling = adapter.server == "ANTHROPIC_BASE_URL"  # the platforms have no such service
    assert Stage(adapter, "- say: Hi.", "window: 1000000").run(talk) == (1_000_000 if telling else WINDOW)
    assert Stage(adapter, "- say: Hi.").run(talk) == WINDOW


LASTING = {
    "status: 400": errors.BadRequest,
    "status: 401": errors.BadKey,
    "status: 403": errors.BadKey,
    "status: 404": errors.BadRequest,
    "status: 413": errors.TooLong,
}
PASSING = {
    "status: 429": errors.RateLimited,
    "status: 500": errors.Overloaded,
    "status: 503": errors.Overloaded,
    "status: 529": errors.Overloaded,
    "stream: error": errors.Overloaded,
    "stream: cut": errors.BrokenStream,
    "stream: drop": errors.BrokenStream,
    "stream: garble": errors.BrokenStream,
    "stream: stall": errors.BrokenStream,
}


def failure(stage: Stage) -> errors.ModelError:
    with pytest.raises(errors.ModelError) as caught:
        stage.run(one)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("fault", "kind"), LASTING.items())
def test_what_a_retry_cannot_mend_is_told_apart_and_sent_once(adapter: Adapter, fault: str, kind: type) -> None:
    stage = Stage(adapter, f"- fault: {{{fault}}}")
    refused = failure(stage)
    assert type(refused) is kind
    assert "as the screenplay says)" in str(refused)
    assert "{" not in str(refused)
    assert (len(stage.sent), stage.waited) == (1, [])


CROWDED = ("status: 429", "status: 503", "status: 529")


@pytest.mark.parametrize(("fault", "kind"), PASSING.items())
def test_what_does_not_pass_is_told_apart_and_given_up(adapter: Adapter, fault: str, kind: type) -> None:
    stage = Stage(adapter, f"- fault: {{{fault}}}")
    assert type(failure(stage)) is kind
    assert len(stage.sent) == len(stage.waited) + 1
    if fault in CROWDED:  # a server that has too much to do is waited for longer, and longer each time
        assert 400 < sum(stage.waited) <= PATIENCE
        assert stage.waited[0] < stage.waited[3] < stage.waited[6]
    else:
        assert len(stage.sent) == 3


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_waited_for(adapter: Adapter, fault: str) -> None:
    stage = Stage(adapter, f"- {{say: Here I am., fault: {{{fault}, times: 2}}}}")
    assert stage.run(one).content == ({"type": "text", "text": "Here I am."},)
    assert len(stage.sent) == 3
    assert len(stage.waited) == 2


def test_retry_after_is_obeyed_and_known(adapter: Adapter) -> None:
    stage = Stage(adapter, "- fault: {status: 429, retry_after: 7}")
    limited = failure(stage)
    assert isinstance(limited, errors.RateLimited)
    assert limited.retry_after == 7
    assert stage.waited == [7] * (600 // 7)


def test_a_retry_after_longer_than_ten_minutes_is_not_waited_for(adapter: Adapter) -> None:
    stage = Stage(adapter, "- fault: {status: 429, retry_after: 3600}")
    limited = failure(stage)
    assert isinstance(limited, errors.RateLimited)
    assert limited.retry_after == 3600
    assert stage.waited == []


def test_no_connection_is_named_with_its_address(adapter: Adapter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    async def ask() -> None:
        model = adapter.model(url, pause, 60.0)
        try:
            await model.reply(request())
        finally:
            await model.close()

    with pytest.raises(errors.Unreachable) as caught:
        asyncio.run(ask())
    assert url in str(caught.value)
    assert adapter.server in str(caught.value)
    assert not caught.value.charged  # nothing was sent
    assert len(waited) == 2


def test_a_failure_of_the_listener_is_not_taken_for_one_of_the_model(adapter: Adapter) -> None:
    def listener(text: str) -> None:
        raise ValueError("the terminal is gone")

    with pytest.raises(ValueError, match="the terminal is gone"):
        Stage(adapter, "- say: Hello.").run(lambda model: model.reply(request(), listener))


@pytest.mark.parametrize("name", ["../../evil", "draft"])
def test_a_provider_that_is_not_there_is_one_clear_line(name: str) -> None:
    with pytest.raises(errors.UsageError, match=r"no provider .*: set .* one of bedrock, messages, vertex"):
        connect(name)
