"""A Messages API of canned answers in a process of its own, that costs the same at every turn.

The address says the work: at `/NAME/TURNS/TOOLS/SECONDS` each of TURNS turns asks for one file to be written, then it
is done; an answer takes SECONDS. With `Write,Sync` it also asks to record that: whoever writes and never syncs is
refused to write more.
Whose turn it is, and which, the last call's id says, found from the end: the history, which grows, is not read.
(`orchestrator.testing` reads and checks all of it, as the real one does; that would be measured too.)
`GET` of an address tells the seconds the client took from each answer to its next request.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from urllib.request import urlopen

from orchestrator.testing import stream

NOTE = "The model, its migration and their tests are written; the index on the email column is unique.\n" * 2


@cache
def answer(worker: int, turn: int, turns: int, tools: str, streamed: bool) -> bytes:
    """The whole HTTP response. No two workers of an address are asked for the same file."""
    said = {"type": "text", "text": f"Now note {turn}." if turn < turns else "All notes are written."}
    path = f"notes/note-{worker}-{turn}.txt"
    given = {
        "bash": {"command": f"{path} {NOTE}"},
        "Write": {"file_path": path, "content": NOTE},
        "Sync": {"phase": f"Note {turn} is written"},
    }
    calls = [
        {"type": "tool_use", "id": f"toolu_{worker:06}{turn:06}_{tool}", "name": tool, "input": given[tool]}
        for tool in tools.split(",")
    ]
    message = {
        "id": f"msg_{turn:06}",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [said, *calls] if turn < turns else [said],
        "stop_reason": "tool_use" if turn < turns else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1000, "output_tokens": 100},
    }
    body = b"".join(stream.events(message)) if streamed else stream.whole(message)
    kind = "text/event-stream" if streamed else "application/json"
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


WAITS: dict[str, list[float]] = defaultdict(list)
"""Of each address, the seconds from each answer to the next request."""
ANSWERED: dict[str, float] = {}
WORKERS: dict[str, Iterator[int]] = defaultdict(count)


class Connection(asyncio.Protocol):
    """Request after request of one connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._parts: list[bytes] = []
        self._missing = 0

    def data_received(self, data: bytes) -> None:
        if not self._parts:
            head = data.partition(b"\r\n\r\n")[0]
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._missing = int(length or 0) + len(head) + 4
            self._address = head.split(b" ", 2)[1].decode().removesuffix("/v1/messages")
        self._parts.append(data)
        self._missing -= len(data)
        if self._missing <= 0:
            request, self._parts = b"".join(self._parts), []
            found, seconds = self._whole(request)
            if seconds:
                asyncio.get_running_loop().call_later(seconds, self._transport.write, found)
            else:
                self._transport.write(found)

    def _whole(self, request: bytes) -> tuple[bytes, float]:
        """The response, and the seconds after which it is sent."""
        address, now = self._address.partition("?")[0], time.monotonic()
        if request.startswith(b"GET"):
            body = json.dumps(WAITS[address]).encode()
            return f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body, 0
        if address in ANSWERED:
            WAITS[address].append(now - ANSWERED[address])
        _, _, turns, tools, seconds = address.split("/")
        last = request.rfind(b"toolu_") + 6
        if last < 6:
            worker, turn = next(WORKERS[address]), 0
        else:
            worker, turn = int(request[last : last + 6]), int(request[last + 6 : last + 12]) + 1
        streamed = b'"stream": true' in request or b'"stream":true' in request
        found = answer(worker, turn, int(turns), tools, streamed)
        ANSWERED[address] = time.monotonic()
        return found, float(seconds)


@contextmanager
def running() -> Iterator[str]:
    """The server's address, while it runs in a process of its own."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.server"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def waits(address: str) -> list[float]:
    """Seconds the client at this address took for each of its turns, one after the other."""
    with urlopen(address) as told:
        return [float(seconds) for seconds in json.load(told)]


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
