"""A Messages API whose answers a proof makes up, in a thread of its own."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from orchestrator.events import Json
from orchestrator.testing import stream

Say = Callable[[bytes, Json], tuple[list[Json], dict[str, int]]]
"""The calls and the usage of a reply, from the request as it came and as JSON. Called by one thread at a time."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, say: Say) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.say = say
        self.numbers = count()
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked was killed before it had the answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        size = int(self.headers["content-length"])
        body = self.rfile.read(size)
        if len(body) < size:  # who asked was killed
            return
        asked = json.loads(body)
        with self.server.lock:
            number = next(self.server.numbers)
            calls, usage = self.server.say(body, asked)
        content = [{"type": "tool_use", "id": f"toolu_{number}_{place}", **call} for place, call in enumerate(calls)]
        message = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": content or [{"type": "text", "text": "No more."}],
            "stop_reason": "tool_use" if content else "end_turn",
            "stop_sequence": None,
            "usage": usage,
        }
        said = b"".join(stream.events(message))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *words: object) -> None:
        """Nothing is said of it."""


@contextmanager
def answering(say: Say) -> Iterator[str]:
    """Its address, while it answers."""
    with Server(say) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.url
        finally:
            server.shutdown()
