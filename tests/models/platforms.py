"""Bedrock and Vertex AI on this machine: each takes requests its own way and has a scripted server answer them."""

from __future__ import annotations

import base64
import json
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit
from zlib import crc32

from orchestrator.events import Json


class Platform(BaseHTTPRequestHandler):
    """One connection. A subclass says where requests go, who may send them, and how events are written."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream = ""
    path_of_model = re.compile("")
    authorization = ""
    content_type = ""

    def events(self, said: bytes) -> bytes:
        """Server-sent events on the platform's wire."""
        raise NotImplementedError

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if (refused := self.refusal(request)) is not None:
            self.answer(400, json.dumps({"message": refused}).encode())
            return
        del request["anthropic_version"]
        request |= {"model": unquote(self.path_of_model.fullmatch(self.path)[1]), "stream": True}  # type: ignore[index]
        betas = ",".join(request.pop("anthropic_beta", [])) or self.headers["anthropic-beta"] or ""
        headers = {"x-api-key": "any", "anthropic-beta": betas}
        with closing(HTTPConnection(urlsplit(self.upstream).netloc)) as connection:
            connection.request("POST", "/v1/messages", json.dumps(request), headers)
            response = connection.getresponse()
            if response.status == 200:
                self.relay(response)
            else:
                error = json.loads(response.read())["error"]
                self.answer(response.status, json.dumps({"message": error["message"]}).encode(), response)

    def refusal(self, request: Json) -> str | None:
        if not self.path_of_model.fullmatch(self.path):
            return f"there is no {self.path} here"
        if not self.headers["authorization"].startswith(self.authorization):
            return "the request is not signed"
        if "anthropic_version" not in request:
            return "anthropic_version: Field required"
        extra = sorted({"model", "cache_control"} & request.keys())
        return f"{extra[0]}: Extra inputs are not permitted" if extra else None

    def answer(self, status: int, body: bytes, response: HTTPResponse | None = None) -> None:
        self.send_response(status)
        if response is not None and (retry_after := response.headers["retry-after"]):
            self.send_header("retry-after", retry_after)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def relay(self, response: HTTPResponse) -> None:
        self.send_response(200)
        self.send_header("content-type", self.content_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        said = b""
        try:
            while piece := response.read1(1 << 16):
                whole, gap, said = (said + piece).rpartition(b"\n\n")
                self.chunk(self.events(whole + gap))
            self.wfile.write(b"0\r\n\r\n")
        except (HTTPException, OSError):
            self.close_connection = True  # one side is gone: so is the other

    def chunk(self, wire: bytes) -> None:
        if wire:
            self.wfile.write(f"{len(wire):x}\r\n".encode() + wire + b"\r\n")

    def log_message(self, *_: object) -> None:
        pass


class Vertex(Platform):
    """Also where a service account gets its tokens."""

    path_of_model = re.compile(
        "/projects/a-project/locations/europe-west1/publishers/anthropic/models/([^/]+):streamRawPredict"
    )
    authorization = "Bearer a token"
    content_type = "text/event-stream; charset=utf-8"

    def do_POST(self) -> None:
        if self.path == "/token":
            self.rfile.read(int(self.headers["content-length"]))
            self.answer(200, json.dumps({"access_token": "a token", "expires_in": 3600}).encode())
        else:
            super().do_POST()

    def events(self, said: bytes) -> bytes:
        return said


class Bedrock(Platform):
    path_of_model = re.compile("/model/([^/]+)/invoke-with-response-stream")
    authorization = "AWS4-HMAC-SHA256 Credential=an-id/"
    content_type = "application/vnd.amazon.eventstream"

    def events(self, said: bytes) -> bytes:
        return b"".join(map(bedrock_event, re.findall(rb"^data: (.*)$", said, re.MULTILINE)))


def bedrock_event(data: bytes) -> bytes:
    """One event of a Messages API stream as Bedrock says it; errors are frames of a kind of their own."""
    if data.startswith(b'{"type": "error"'):
        payload = json.dumps({"message": json.loads(data)["error"]["message"]}).encode()
        return frame(payload, {":message-type": "exception", ":exception-type": "serviceUnavailableException"})
    payload = json.dumps({"bytes": base64.b64encode(data).decode(), "p": "abcdef"}).encode()
    return frame(payload, {":message-type": "event", ":event-type": "chunk", ":content-type": "application/json"})


def frame(payload: bytes, headers: dict[str, str]) -> bytes:
    """A message of AWS's event stream: lengths, their checksum, headers, payload, the checksum of all."""
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", len(head) + len(payload) + 16, len(head))
    message = prelude + struct.pack("!I", crc32(prelude)) + head + payload
    return message + struct.pack("!I", crc32(message))


@contextmanager
def platform(kind: type[Platform], upstream: str) -> Iterator[str]:
    """Its address, before a scripted server at `upstream`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (kind,), {"upstream": upstream}))
    server.daemon_threads = True  # a stalled one ends with the scripted server
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
