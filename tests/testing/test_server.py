"""The scripted server, as the official client sees it."""

from __future__ import annotations

import multiprocessing
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import httpx2
import pytest

from orchestrator.errors import ScreenplayError
from orchestrator.testing import Screenplay, ScriptedServer

Client = Callable[..., anthropic.Anthropic]
HELLO: dict[str, Any] = {"role": "user", "content": "You are the worker"}
CALL: dict[str, Any] = {"type": "tool_use", "id": "toolu_worker_01_1", "name": "Read", "input": {"path": "a.js"}}
RESULT: dict[str, Any] = {"type": "tool_result", "tool_use_id": "toolu_worker_01_1", "content": "fine"}


def play(turns: str) -> Screenplay:
    return Screenplay.parse(f"actors: {{worker: {{match: You are the worker, turns: {turns}}}}}")


@pytest.fixture
def client_of() -> Iterator[Client]:
    clients = []

    def client(server: ScriptedServer, **options: Any) -> anthropic.Anthropic:
        clients.append(anthropic.Anthropic(**{"api_key": "a key", "base_url": server.url, "max_retries": 0, **options}))
        return clients[-1]

    yield client
    for each in clients:
        each.close()


@contextmanager
def refusing(reason: str) -> Iterator[ScriptedServer]:
    """A server with one turn to say, which on leaving reports a request it refused for this reason."""
    with pytest.raises(ScreenplayError, match=reason), ScriptedServer(play("[{say: Hi.}]")) as server:
        yield server


def ask(client: anthropic.Anthropic, *messages: Any, **fields: Any) -> Any:
    return client.messages.create(**{"model": "m", "max_tokens": 100, "messages": messages or (HELLO,), **fields})


def drain(client: anthropic.Anthropic) -> list[Any]:
    with ask(client, stream=True) as events:
        return list(events)


def test_a_turn_is_said_as_json_and_as_a_stream_alike(client_of: Client) -> None:
    with ScriptedServer(play("[{say: I look., calls: [{Read: {path: a.js}}]}]")) as server:
        client = client_of(server)
        whole = ask(client)
        with client.messages.stream(model="m", max_tokens=100, messages=[HELLO]) as stream:  # type: ignore[list-item]
            streamed = stream.get_final_message()
    assert whole.content[1].input == {"path": "a.js"}
    assert whole.content[1].id == "toolu_worker_01_1"
    assert whole.stop_reason == "tool_use"
    for name in ("id", "model", "content", "stop_reason", "usage"):
        assert streamed.to_dict()[name] == whole.to_dict()[name]


def test_requests_are_kept_for_assertions(client_of: Client) -> None:
    with ScriptedServer(play("[{say: Hi.}]")) as server:
        ask(client_of(server))
    assert server.requests == [{"model": "m", "max_tokens": 100, "messages": [HELLO]}]


BROKEN: dict[str, tuple[Any, ...]] = {
    "the first message is the assistant's": ({"role": "assistant", "content": "Hi"}, HELLO),
    "the last message is the assistant's": (HELLO, {"role": "assistant", "content": "Hi"}),
    "a message without content": (HELLO, {"role": "assistant", "content": []}, HELLO),
    "an empty string": ({"role": "user", "content": ""},),
    "an empty text block": ({"role": "user", "content": [{"type": "text", "text": ""}]},),
    "a blank text block": ({"role": "user", "content": [{"type": "text", "text": " \n"}]},),
    "an empty text block in a result": (
        HELLO,
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [RESULT | {"content": [{"type": "text", "text": ""}]}]},
    ),
    "an error without words": (
        HELLO,
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [RESULT | {"content": "", "is_error": True}]},
    ),
    "a role nobody has": ({"role": "editor", "content": "Hi"},),
    "a block of no known type": ({"role": "user", "content": [{"type": "dance"}]},),
    "a result of a call never made": (
        HELLO,
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": [RESULT]},
    ),
    "a result at the very beginning": ({"role": "user", "content": [RESULT]},),
    "a result two messages late": (
        HELLO,
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [RESULT]},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": [RESULT]},
    ),
    "a call without its result": (HELLO, {"role": "assistant", "content": [CALL]}, HELLO),
    "two results of one call": (
        HELLO,
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [RESULT, RESULT]},
    ),
    "text before the results": (
        HELLO,
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [{"type": "text", "text": "here"}, RESULT]},
    ),
    "two calls of one id": (
        HELLO,
        {"role": "assistant", "content": [CALL, CALL]},
        {"role": "user", "content": [RESULT]},
    ),
    "a call whose input is text": (
        HELLO,
        {"role": "assistant", "content": [CALL | {"input": "a.js"}]},
        {"role": "user", "content": [RESULT]},
    ),
    "a call made by the user": ({"role": "user", "content": [CALL]},),
    "thinking without its signature": (
        HELLO,
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm"}]},
        HELLO,
    ),
}


@pytest.mark.parametrize("messages", BROKEN.values(), ids=BROKEN)
def test_a_conversation_the_api_refuses_is_refused(client_of: Client, messages: tuple[Any, ...]) -> None:
    with refusing("request 1: 400") as server:
        with pytest.raises(anthropic.BadRequestError) as caught:
            ask(client_of(server), *messages)
        assert caught.value.type == "invalid_request_error"


SCHEMA = {"type": "object"}


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": 0},
        {"model": ""},
        {"system": [{"type": "text", "text": ""}]},
        {"tools": [{"name": "Read"}]},
        {"tools": [{"name": "Read it", "input_schema": SCHEMA}]},
        {"tools": [{"name": "Read", "input_schema": SCHEMA}, {"name": "Read", "input_schema": SCHEMA}]},
        {"messages": []},
    ],
    ids=str,
)
def test_a_request_the_api_refuses_is_refused(client_of: Client, fields: Any) -> None:
    with refusing("request 1: 400") as server, pytest.raises(anthropic.BadRequestError):
        ask(client_of(server), **fields)


@pytest.mark.parametrize("missing", ["model", "max_tokens", "messages"])
def test_a_request_without_what_it_needs_is_refused(missing: str) -> None:
    body = {"model": "m", "max_tokens": 100, "messages": [HELLO]}
    del body[missing]
    with refusing(missing) as server:
        response = httpx2.post(server.url + "/v1/messages", json=body, headers={"x-api-key": "a key"})
        assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_body_that_is_not_json_is_refused() -> None:
    with refusing("JSON") as server:
        response = httpx2.post(server.url + "/v1/messages", content=b"{", headers={"x-api-key": "a key"})
        assert response.status_code == 400


def test_a_request_without_a_key_is_refused() -> None:
    with refusing("401") as server:
        response = httpx2.post(server.url + "/v1/messages", json={})
        assert (response.status_code, response.json()["error"]["type"]) == (401, "authentication_error")


COMPACT: dict[str, Any] = {"betas": ["compact-2026-09-04"], "max_tokens": 100, "model": "m"}


def summed_up(client: anthropic.Anthropic, **fields: Any) -> Any:
    given = {"messages": [HELLO], "compaction": {"type": "summarize"}, **COMPACT, **fields}
    return client.beta.messages.create(**given)


def test_a_conversation_is_summed_up_in_one_block_and_goes_on_from_it(client_of: Client) -> None:
    with ScriptedServer(play("[{say: Hi.}, {say: Again.}]")) as server:
        client = client_of(server)
        ask(client)
        said = [HELLO, {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Go on."}]
        summary = summed_up(client, messages=said)
        assert (summary.stop_reason, [block.type for block in summary.content]) == ("compaction", ["compaction"])
        assert (summary.usage.input_tokens, summary.usage.iterations[0].type) == (0, "compaction")
        block = summary.content[0].to_dict()
        alone = [{"role": "assistant", "content": [block]}, HELLO]
        within = [{"role": "user", "content": [block, {"type": "text", "text": "You are the worker"}]}]
        for messages in (alone, within):
            assert client.beta.messages.create(**COMPACT, messages=messages).content[0].text == "Again."


CHANGED: dict[str, Callable[[Any], Any]] = {
    "reworded": lambda block: [{"role": "assistant", "content": [block | {"content": "Nothing happened."}]}, HELLO],
    "signed by another": lambda block: [{"role": "assistant", "content": [block | {"signature": "x"}]}, HELLO],
    "with more fields": lambda block: [{"role": "assistant", "content": [block | {"citations": None}]}, HELLO],
    "not first": lambda block: [HELLO, {"role": "assistant", "content": [block]}, HELLO],
    "twice": lambda block: [{"role": "assistant", "content": [block, block]}, HELLO],
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_a_summary_that_is_not_first_or_not_as_it_came_is_refused(client_of: Client, change: Any) -> None:
    with refusing("request 2: 400: messages.*compaction_") as server:
        client = client_of(server)
        block = summed_up(client).content[0].to_dict()
        with pytest.raises(anthropic.BadRequestError):
            client.beta.messages.create(**COMPACT, messages=change(block))


def test_a_summary_needs_the_beta_header_to_be_made_and_to_be_sent_back(client_of: Client) -> None:
    with refusing("request 1: 400: compaction: requires anthropic-beta(.|\n)*request 3: 400: compaction") as server:
        client = client_of(server)
        with pytest.raises(anthropic.BadRequestError):
            summed_up(client, betas=[])
        block = summed_up(client).content[0].to_dict()
        with pytest.raises(anthropic.BadRequestError):
            client.beta.messages.create(
                model="m", max_tokens=1, messages=[{"role": "assistant", "content": [block]}, HELLO]
            )


def test_there_is_nothing_but_messages(client_of: Client) -> None:
    with refusing("404") as server, pytest.raises(anthropic.NotFoundError):
        client_of(server).models.list()


def test_neighbours_of_one_role_count_as_one_message(client_of: Client) -> None:
    with ScriptedServer(play("[{say: Hi.}, {say: Done.}]")) as server:
        client = client_of(server)
        ask(client)
        answer = {"role": "user", "content": [RESULT]}
        assert ask(client, HELLO, HELLO, {"role": "assistant", "content": [CALL]}, answer, HELLO)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (413, anthropic.ContentTooLargeError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (503, anthropic.ServiceUnavailableError),
        (529, anthropic.OverloadedError),
    ],
)
def test_a_status_is_what_the_client_takes_it_for(client_of: Client, status: int, kind: type[Exception]) -> None:
    with ScriptedServer(play(f"[{{say: Hi., fault: {{status: {status}, retry_after: 0.5}}}}]")) as server:
        client = client_of(server)
        with pytest.raises(anthropic.APIStatusError) as caught:
            ask(client)
        assert type(caught.value) is kind
        assert caught.value.response.headers["retry-after"] == "0.5"
        assert ask(client).content[0].text == "Hi."


def test_the_clients_own_retries_get_past_a_fault_that_ends(client_of: Client) -> None:
    with ScriptedServer(play("[{say: Hi., fault: {status: 529, retry_after: 0.001, times: 2}}]")) as server:
        assert ask(client_of(server, max_retries=2)).content[0].text == "Hi."
    assert len(server.requests) == 3


@pytest.mark.parametrize("fault", ["drop", "garble", "stall", "error"])
def test_a_broken_stream_breaks_as_it_would(client_of: Client, fault: str) -> None:
    kinds = {
        "drop": httpx2.RemoteProtocolError,
        "garble": ValueError,
        "stall": httpx2.ReadTimeout,
        "error": anthropic.APIStatusError,
    }
    with ScriptedServer(play(f"[{{say: Hello there., fault: {{stream: {fault}}}}}]")) as server:
        impatient = client_of(server, http_client=anthropic.DefaultHttpxClient(timeout=0.3))
        with pytest.raises(kinds[fault]):
            drain(impatient)
        assert drain(client_of(server))[-1].type == "message_stop"


def test_a_cut_stream_ends_without_an_error_and_without_an_end(client_of: Client) -> None:
    with ScriptedServer(play("[{say: Hello there., fault: {stream: cut}}]")) as server:
        assert "message_delta" not in {event.type for event in drain(client_of(server))}


def test_the_server_closes_while_it_stalls() -> None:
    server = ScriptedServer(play("[{say: Hello there., fault: {stream: stall}}]"))
    with server:
        host, port = server.url.removeprefix("http://").split(":")
        body = b'{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"You are the worker"}]}'
        silent = socket.create_connection((host, int(port)))
        silent.sendall(
            b"POST /v1/messages HTTP/1.1\r\nx-api-key: k\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        )
        assert silent.recv(12) == b"HTTP/1.1 200"
    while silent.recv(4096):
        pass
    silent.close()


def test_a_turn_never_reached_is_reported_with_its_line(client_of: Client) -> None:
    screenplay = Screenplay.parse(
        """actors:
  worker:
    match: worker
    turns:
      - say: Hi.
      - say: Bye.
""",
        "farewell.yaml",
    )
    reason = r"farewell\.yaml:6: turn 2 of worker was never reached"
    with pytest.raises(ScreenplayError, match=reason), ScriptedServer(screenplay) as server:
        ask(client_of(server))


def test_leaving_the_screenplay_is_said_to_the_client_and_reported(client_of: Client) -> None:
    with refusing("no actor would answer") as server:
        ask(client_of(server))
        with pytest.raises(anthropic.BadRequestError, match="no actor would answer"):
            ask(client_of(server), {"role": "user", "content": "Who are you?"})


def test_an_error_inside_the_with_is_not_hidden_by_the_check() -> None:
    with pytest.raises(KeyError), ScriptedServer(play("[{say: Hi.}]")):
        raise KeyError


def test_check_can_be_asked_before_the_end(client_of: Client) -> None:
    with ScriptedServer(play("[{say: Hi.}]")) as server:
        with pytest.raises(ScreenplayError):
            server.check()
        ask(client_of(server))
        server.check()


def _serve_in_a_child(results: Any) -> None:
    with ScriptedServer(play("[{say: Hi.}]")) as server:
        response = httpx2.post(
            server.url + "/v1/messages",
            json={"model": "m", "max_tokens": 9, "messages": [HELLO]},
            headers={"x-api-key": "a key"},
        )
    results.put(response.json()["content"])


def test_it_serves_in_a_forked_process() -> None:
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=_serve_in_a_child, args=(results,))
    child.start()
    assert results.get() == [{"type": "text", "text": "Hi."}]
    child.join()
    assert child.exitcode == 0
