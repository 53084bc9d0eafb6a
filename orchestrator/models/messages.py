"""The Messages API, through the official client: streamed, with prompt caching, every failure told apart.

Anthropic serves it, and so do compatible servers; what other services do differently is a `Service`. All retries are
made here, before and inside the stream alike: the client's own end where the stream begins.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from orchestrator.errors import (
    BadRequest,
    BrokenStream,
    MalformedKey,
    ModelError,
    Unreachable,
)
from orchestrator.events import Json, Usage
from orchestrator.models import WINDOW, Model, Reply, Request, pricing
from orchestrator.models.draft import Draft
from orchestrator.models.pace import Pace, backoff
from orchestrator.models.service import Service, line

if TYPE_CHECKING:
    import anthropic

    Client = anthropic.AsyncAnthropic | anthropic.AsyncAnthropicBedrock | anthropic.AsyncAnthropicVertex

_UNSENDABLE = {
    "a line end in it": re.compile(r"[\r\n]"),
    "a control character in it": re.compile(r"[\x00-\x1f\x7f]"),
    "a character in it that is not ASCII": re.compile(r"[^\x00-\x7f]"),
    "a space before or after it": re.compile(r"\A | \Z"),
}
"""What no header of a request may hold."""


ANTHROPIC = Service(
    server="ANTHROPIC_BASE_URL",
    key="API key",
    remedy="set ANTHROPIC_API_KEY (and ANTHROPIC_BASE_URL for a compatible server), "
    "or see it work without one: `orchestrator demo`",
    check="check ANTHROPIC_API_KEY",
    rewritten=False,
)


def connect() -> Model:
    """The key is ANTHROPIC_API_KEY's, or whatever else the client finds.

    Raises BadKey when it finds none, MalformedKey when no request can carry it, and as `Service.connections`.
    """
    if not _may_have_credentials():
        raise ANTHROPIC.keyless()
    _check_key()
    import anthropic  # a second of start-up, paid only where a model is asked

    try:
        client = anthropic.AsyncAnthropic(http_client=ANTHROPIC.connections())
    except anthropic.CredentialsError as error:
        raise ANTHROPIC.keyless(error) from error
    if not (client.api_key or client.auth_token or client.credentials):
        raise ANTHROPIC.keyless()
    return MessagesApi(client)


class MessagesApi:
    """A `Model` behind a client, which is closed with it, for all workers of a run.

    `attempts` bounds how often a request is sent that fails; one that is refused, unanswered, because the server has
    too much to do is sent again for as long as `Pace` has patience. `pause` waits the seconds between two; `price`
    says in US dollars what a reply costs.
    """

    def __init__(
        self,
        client: Client,
        service: Service = ANTHROPIC,
        attempts: int = 3,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        price: Callable[[str, Usage], float | None] = pricing.cost,
    ) -> None:
        self._client = client
        self._service = service
        self._attempts = attempts
        self._pause = pause
        self.on_rest: Callable[[float], None] = lambda seconds: None
        self._pace = Pace(pause, told=lambda seconds: self.on_rest(seconds))
        self._price = price
        self._tables_read = False

    async def reply(
        self,
        request: Request,
        on_text: Callable[[str], None] | None = None,
        on_lost: Callable[[], Awaitable[None]] | None = None,
    ) -> Reply:
        head, headers = _head(request), {"content-type": "application/json", **_beta(request)}
        body, prefix = _body(head, request), hash(head)
        failures = 0
        while True:
            await self._pace.turn(prefix)
            try:
                with self._pace.taken(prefix) as begun:
                    reply = await self._attempt(body, headers, on_text, begun)
                return await self._priced(request, reply)
            except ModelError as failure:
                failures += failure.charged or not failure.crowded
                if not failure.retryable or failures >= self._attempts:
                    raise
                if not failure.crowded:
                    await self._pause(backoff(failures - 1))
                elif not await self._pace.rest(failure.retry_after):
                    raise
                if failure.charged and on_lost is not None:
                    await on_lost()

    async def _priced(self, request: Request, reply: Reply) -> Reply:
        """The reply with what it costs: by the name that was asked for, which may tell the region, or that it has."""
        known = await self.price(request.model, reply.usage)
        return replace(reply, cost=await self.price(reply.model, reply.usage) if known is None else known)

    async def price(self, model: str, usage: Usage) -> float | None:
        if self._tables_read:
            return self._price(model, usage)
        found = await asyncio.to_thread(self._price, model, usage)  # reading the tables takes a while
        self._tables_read = True
        return found

    async def close(self) -> None:
        await self._client.close()

    async def window(self, model: str) -> int:
        import anthropic

        if self._service.rewritten:
            return WINDOW
        try:
            found = await self._client.get(f"/v1/models/{quote(model)}", options={"max_retries": 0}, cast_to=object)
        except (anthropic.AnthropicError, ValueError):  # a compatible server need not have it
            return WINDOW
        limit = found.get("max_input_tokens") if isinstance(found, dict) else None
        return limit if isinstance(limit, int) else WINDOW

    async def _attempt(
        self,
        body: bytes,
        headers: dict[str, str],
        on_text: Callable[[str], None] | None,
        begun: Callable[[], None],
    ) -> Reply:
        import anthropic
        import httpx2

        service = self._service
        url = str(self._client.base_url.copy_with(userinfo=b""))  # a password may stand there
        unsigned: tuple[type[Exception], ...] = (anthropic.CredentialsError, *service.unsigned)
        garbled: tuple[type[Exception], ...] = (
            httpx2.RequestError,
            UnicodeDecodeError,
            json.JSONDecodeError,
            _Garbled,
            *service.garbled,
        )
        try:
            stream = await self._client.post(
                "/v1/messages",
                **({"body": json.loads(body)} if service.rewritten else {"content": body}),
                options={"headers": headers, "max_retries": 0},
                cast_to=object,
                stream=True,
                stream_cls=anthropic.AsyncStream[object],
            )
            async with stream:
                kind = stream.response.headers.get("content-type", "")
                if kind.startswith(("text/html", "application/json")):
                    raise BadRequest(f"{url} answered with {kind}, not with a stream of events: check {service.server}")
                return await _read(stream, on_text, begun)
        except unsigned as error:
            raise service.keyless(error) from error
        except anthropic.APIStatusError as error:
            failure = service.failure(error, url)
            failure.charged = error.status_code < 400  # it came within a stream that had begun
            raise failure from error
        except anthropic.APIConnectionError as error:
            why = error.__cause__ or error
            silence = Unreachable(
                f"no answer from {url} ({line(why)}): check the network, and {service.server} if it is set"
            )
            silence.charged = not isinstance(why, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise silence from error
        except garbled as error:
            raise BrokenStream(f"the reply from {url} broke off ({line(error)}): resume to try again") from error


def _head(request: Request) -> bytes:
    """What tasks of one agent have in common, encoded: as much as the server's cache goes by."""
    return json.dumps({"model": request.model, "system": _cached(request.system), "tools": request.tools}).encode()


def _body(head: bytes, request: Request) -> bytes:
    """The request encoded. The client would walk the whole history again, at every turn and every attempt.

    Cached twice: up to the end of the system prompt, which many tasks share, and up to the end of the request. Blocks
    are marked, not the request as a whole: Bedrock, Vertex AI and gateways to them refuse that.
    """
    *earlier, last = request.messages
    said = b", ".join([one.encoded for one in (*earlier, replace(last, content=_cached(last.content)))])
    own = {
        "max_tokens": request.max_tokens,
        "stream": True,
        **({"compaction": {"type": "summarize"}} if request.compact else {}),
    }
    return b'%b, %b, "messages": [%b]}' % (head[:-1], json.dumps(own).encode()[1:-1], said)


def _cached(blocks: tuple[Json, ...]) -> tuple[Json, ...]:
    """The blocks, marked as what the cache should hold to their end."""
    return (*blocks[:-1], *(last | {"cache_control": {"type": "ephemeral"}} for last in blocks[-1:]))


def _beta(request: Request) -> dict[str, str]:
    """The header without which a compaction is neither made nor taken back."""
    first = request.messages[0].content[0]
    return {"anthropic-beta": "compact-2026-09-04"} if request.compact or first["type"] == "compaction" else {}


class _Garbled(Exception):
    """A stream that is none of the Messages API, or not all of one."""


async def _read(
    stream: anthropic.AsyncStream[object], on_text: Callable[[str], None] | None, begun: Callable[[], None]
) -> Reply:
    """The events as they stand on the wire: the client's own models would double the time of a turn."""
    draft = Draft()
    async for event in stream:
        begun()
        try:
            text = draft.take(cast("Json", event))
        except (LookupError, TypeError, AttributeError) as error:
            raise _Garbled(f"{type(error).__name__}: {error}") from error
        if text and on_text is not None:
            on_text(text)
    reply = draft.finished()
    if reply is None:
        raise _Garbled("it ended in the middle")
    return reply


def _check_key() -> None:
    """Of the key that the client will take. What it would say of a bad one has the key in it."""
    name = next((name for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN") if os.environ.get(name)), None)
    if name is None:
        return
    for flaw, characters in _UNSENDABLE.items():
        if characters.search(os.environ[name]):
            raise MalformedKey(f"{name} has {flaw}: set it to the key and nothing else")


def _may_have_credentials() -> bool:
    """False only where the client could find none: in its variables, or its folder of profiles."""
    said = any(
        value for name, value in os.environ.items() if name.startswith("ANTHROPIC_") and name != ANTHROPIC.server
    )
    return said or (Path.home() / ".config" / "anthropic").exists()
