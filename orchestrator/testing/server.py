"""A Messages API server on this machine that plays a screenplay and is as strict as the real one."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Self

from orchestrator.errors import ScreenplayError
from orchestrator.testing import stream, summary, tokens
from orchestrator.testing.conversation import refusal
from orchestrator.testing.screenplay import Answer, Fault, Screenplay

if TYPE_CHECKING:
    from orchestrator.events import Json

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class _Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        self.status = status
        self.message = message
        self.retry_after = retry_after
        super().__init__(message)

    @property
    def body(self) -> Json:
        error = {"type": _TYPES.get(self.status, "api_error"), "message": self.message}
        return {"type": "error", "error": error}


class ScriptedServer:
    """Plays the screenplay on `url` between entering and leaving a `with`; leaving it checks that all was played.

    `requests`: the bodies received, in order, those that were refused included. The server lives in a thread of
    the process that entered: start it after a fork, not before.
    """

    def __init__(self, screenplay: Screenplay, port: int = 0) -> None:
        self.requests: list[Json] = []
        self._screenplay = screenplay
        self._address = ("127.0.0.1", port)
        self._failures: list[str] = []
        self._reached: dict[str, int] = {}
        self._faults: Counter[tuple[str, int]] = Counter()

    def __enter__(self) -> Self:
        self._socket = socket.create_server(self._address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 40 ms an answer, for an ACK
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="scripted-server", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raises ScreenplayError that lists the requests the play had no answer to, and the turns never reached."""
        unplayed = [
            f"{turn.where}: turn {number} of {actor.name} was never reached"
            for actor in self._screenplay.actors
            for number, turn in enumerate(actor.turns, 1)
            if number > self._reached.get(actor.name, 0)
        ]
        if self._failures or unplayed:
            raise ScreenplayError("the screenplay was not played as written:\n" + "\n".join(self._failures + unplayed))

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._converse, sock=self._socket)
        await self._closing.wait()
        server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request, until either side ends it."""
        try:
            while await self._exchange(reader, writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client is gone, or the server closes
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False when the connection ends with it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if first.startswith("GET /v1/models/"):
            model = {"type": "model", "id": first.split("/")[3].split()[0], "max_input_tokens": self._screenplay.window}
            _write(writer, 200, model)
            return True
        try:
            request = self._accepted(first, headers, body)
            answer = self._answer(request)
        except _Refusal as refused:
            _write(writer, refused.status, refused.body, refused.retry_after)
            return True
        streamed = bool(request.get("stream"))
        pieces = list(stream.events(answer.message)) if streamed else [stream.whole(answer.message)]
        writer.write(_head(200, "text/event-stream" if streamed else "application/json", "transfer-encoding: chunked"))
        if answer.fault is None:
            writer.write(_chunk(b"".join(pieces)) + _chunk(b""))
            return True
        return await _break(answer.fault, pieces, reader, writer)

    def _accepted(self, first: str, headers: dict[str, str], body: bytes) -> Json:
        """The request, when the API would take it."""
        method, target, _ = first.split(" ")
        if (method, target.partition("?")[0]) != ("POST", "/v1/messages"):
            raise self._failed(404, f"there is only POST /v1/messages here, not {method} {target}")
        if not (headers.get("x-api-key") or headers.get("authorization")):
            raise self._failed(401, "x-api-key header is required")
        try:
            request = json.loads(body)
        except ValueError as error:
            raise self._failed(400, f"the request body is not valid JSON: {error}") from error
        self.requests.append(request)
        if (reason := refusal(request)) is not None:
            raise self._failed(400, reason)
        compacts = "compaction" in request or summary.leading(request["messages"]) is not None
        if compacts and summary.BETA not in headers.get("anthropic-beta", ""):
            raise self._failed(400, f"compaction: requires anthropic-beta: {summary.BETA}")
        return dict(request)

    def _answer(self, request: Json) -> Answer:
        """What the play says, or the refusal it plays."""
        window = self._screenplay.window
        if window is not None and (held := tokens.held(request)) > window:
            raise _Refusal(400, f"prompt is too long: {held} tokens > {window} maximum")
        try:
            answer = self._screenplay.answer(request)
        except ScreenplayError as error:
            raise self._failed(400, f"screenplay: {error}") from error
        self._reached[answer.actor] = max(answer.turn, self._reached.get(answer.actor, 0))
        fault, key = answer.fault, (answer.actor, answer.turn)
        if fault is None or (fault.times is not None and self._faults[key] >= fault.times):
            return Answer(answer.actor, answer.turn, answer.message, None)
        self._faults[key] += 1
        if fault.status is not None:
            raise _Refusal(fault.status, "as the screenplay says", fault.retry_after)
        return answer

    def _failed(self, status: int, message: str) -> _Refusal:
        self._failures.append(f"request {len(self.requests)}: {status}: {message}")
        return _Refusal(status, message)


async def _break(fault: Fault, pieces: list[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Half of an answer, and then what the fault says."""
    for piece in pieces[: len(pieces) // 2]:
        writer.write(_chunk(piece))
    match fault.stream:
        case "cut":
            writer.write(_chunk(b""))
            return True
        case "garble":
            writer.write(_chunk(stream.GARBLED) + _chunk(b""))
            return True
        case "error":
            writer.write(_chunk(stream.event(_Refusal(529, "Overloaded, as the screenplay says").body)) + _chunk(b""))
            return True
        case "stall":
            await reader.read(1)
    return False


def _chunk(piece: bytes) -> bytes:
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


def _head(status: int, kind: str, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} ", f"content-type: {kind}", *lines, "", ""]).encode()


def _write(writer: asyncio.StreamWriter, status: int, data: Json, retry_after: float | None = None) -> None:
    body = json.dumps(data).encode()
    lines = [f"content-length: {len(body)}"]
    if retry_after is not None:
        lines.append(f"retry-after: {retry_after:g}")
    writer.write(_head(status, "application/json", *lines) + body)
