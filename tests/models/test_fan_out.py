"""Many workers at once, and a server that lets few requests through in a second, or keeps the first one waiting."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from anthropic import AsyncAnthropic

from orchestrator.events import Json
from orchestrator.models import Request
from orchestrator.models.messages import MessagesApi
from orchestrator.task import Message
from orchestrator.testing import stream

WORKERS = 40
SAID = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "a-model",
    "content": [{"type": "text", "text": "Done."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


ASKED = Request("a-model", (), (), (Message("user", ({"type": "text", "text": "Hi"},)),), 10)


class Server(ThreadingHTTPServer):
    """Says with which status it answers, each request in a thread of its own."""

    daemon_threads = True
    request_queue_size = WORKERS

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.lock = threading.Lock()

    def status(self, asked: Json) -> int:
        raise NotImplementedError

    @property
    def client(self) -> AsyncAnthropic:
        return AsyncAnthropic(api_key="a key", base_url=f"http://127.0.0.1:{self.server_port}")


class Narrow(Server):
    """Answers `width` requests, then refuses all, until a second has passed; that is when a test says so."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = self.left = width
        self.refused = 0

    async def pass_a_second(self, seconds: float) -> None:
        with self.lock:
            self.left = self.width

    def status(self, asked: Json) -> int:
        with self.lock:
            self.left -= 1
            self.refused += self.left < 0
            return 200 if self.left >= 0 else 429


class Gate(Server):
    """Answers the first request with this status, once `opened`, and all others at once. `seen`: their models."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first
        self.seen: list[str] = []
        self.reached, self.opened = threading.Event(), threading.Event()

    def status(self, asked: Json) -> int:
        with self.lock:
            self.seen.append(asked["model"])
            first = len(self.seen) == 1
        if not first:
            return 200
        self.reached.set()
        self.opened.wait()
        return self.first


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        status = self.server.status(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        through = status == 200
        body = b"".join(stream.events(SAID)) if through else b'{"type": "error", "error": {"message": "slower"}}'
        self.send_response(status)
        self.send_header("content-type", "text/event-stream" if through else "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("retry-after", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Nothing is said of it."""


@contextmanager
def serving(server: Server) -> Iterator[None]:
    with server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


@pytest.mark.parametrize("width", [10, 4])
def test_however_few_are_let_through_every_worker_has_its_reply(width: int) -> None:
    async def ask() -> list[str]:
        model = MessagesApi(server.client, pause=server.pass_a_second)
        try:
            replies = await asyncio.gather(*(model.reply(replace(ASKED, max_tokens=n + 1)) for n in range(WORKERS)))
        finally:
            await model.close()
        return [reply.content[0]["text"] for reply in replies]

    server = Narrow(width)
    with serving(server):
        assert asyncio.run(ask()) == ["Done."] * WORKERS
        assert server.refused > 0


def test_of_six_with_equal_heads_one_asks_and_when_it_is_answered_the_others_do() -> None:
    async def ask() -> None:
        model = MessagesApi(server.client)
        six = [asyncio.create_task(model.reply(replace(ASKED, max_tokens=n + 1))) for n in range(6)]
        try:
            await asyncio.to_thread(server.reached.wait)
            await model.reply(replace(ASKED, model="another"))  # began last, and is back: whoever may ask has asked
            assert server.seen == ["a-model", "another"]
            server.opened.set()
            await asyncio.gather(*six)
            assert server.seen == ["a-model", "another", *["a-model"] * 5]
        finally:
            await model.close()

    server = Gate(200)
    with serving(server):
        asyncio.run(ask())


def test_while_one_that_was_refused_waits_no_other_worker_of_the_run_asks() -> None:
    async def ask() -> None:
        rests, rested = asyncio.Queue[float](), asyncio.Event()

        async def pause(seconds: float) -> None:
            rests.put_nowait(seconds)
            await rested.wait()

        client = server.client
        model, of_another_run = MessagesApi(client, pause=pause), MessagesApi(client)
        refused = asyncio.create_task(model.reply(ASKED))
        try:
            assert await rests.get() == 1  # as the server said
            others = [asyncio.create_task(model.reply(replace(ASKED, model=f"model {n}"))) for n in range(5)]
            await of_another_run.reply(replace(ASKED, model="another"))  # began last, and is back
            assert server.seen == ["a-model", "another"]
            rested.set()
            await asyncio.gather(refused, *others)
            assert sorted(server.seen[2:]) == ["a-model", *(f"model {n}" for n in range(5))]
            assert rests.empty()
        finally:
            await model.close()

    server = Gate(429)
    server.opened.set()
    with serving(server):
        asyncio.run(ask())
