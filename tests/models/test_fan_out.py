"""Many workers at once, and a server that lets few requests through in a second."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from anthropic import AsyncAnthropic

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


class Narrow(ThreadingHTTPServer):
    """Answers `width` requests, then refuses all, until a second has passed; that is when a test says so."""

    daemon_threads = True
    request_queue_size = WORKERS

    def __init__(self, width: int) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.width = self.left = width
        self.refused = 0
        self.lock = threading.Lock()

    async def pass_a_second(self, seconds: float) -> None:
        with self.lock:
            self.left = self.width

    def lets_through(self) -> bool:
        with self.lock:
            self.left -= 1
            self.refused += self.left < 0
            return self.left >= 0


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Narrow

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        through = self.server.lets_through()
        body = b"".join(stream.events(SAID)) if through else b'{"type": "error", "error": {"message": "slower"}}'
        self.send_response(200 if through else 429)
        self.send_header("content-type", "text/event-stream" if through else "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("retry-after", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Nothing is said of it."""


@pytest.mark.parametrize("width", [10, 4])
def test_however_few_are_let_through_every_worker_has_its_reply(width: int) -> None:
    async def ask(server: Narrow) -> list[str]:
        client = AsyncAnthropic(api_key="a key", base_url=f"http://127.0.0.1:{server.server_port}")
        model = MessagesApi(client, pause=server.pass_a_second)
        asked = Request("a-model", (), (), (Message("user", ({"type": "text", "text": "Hi"},)),), 10)
        try:
            replies = await asyncio.gather(*(model.reply(replace(asked, max_tokens=n + 1)) for n in range(WORKERS)))
        finally:
            await model.close()
        return [reply.content[0]["text"] for reply in replies]

    with Narrow(width) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            assert asyncio.run(ask(server)) == ["Done."] * WORKERS
            assert server.refused > 0
        finally:
            server.shutdown()
