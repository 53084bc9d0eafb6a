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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlsplit

from orchestrator.errors import (
    BadKey,
    BadRequest,
    BrokenStream,
    ModelError,
    Overloaded,
    RateLimited,
    TooLong,
    Unreachable,
    UsageError,
)
from orchestrator.events import Json, Usage
from orchestrator.models import WINDOW, Model, Reply, Request, pricing
from orchestrator.models.draft import Draft
from orchestrator.models.pace import Pace, backoff

if TYPE_CHECKING:
    import anthropic
    import httpx2

    Client = anthropic.AsyncAnthropic | anthropic.AsyncAnthropicBedrock | anthropic.AsyncAnthropicVertex

_TOO_LONG = re.compile(r"prompt is too long|context (?:limit|length|size|window)", re.IGNORECASE)
"""How the API says that a conversation does not fit, and how compatible servers do."""
_STATUS = {  # of the errors that arrive inside a stream, which has answered 200 by then
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "overloaded_error": 529,
    "validationException": 400,  # Bedrock's
    "throttlingException": 429,
}


@dataclass(frozen=True)
class Service:
    """What a service that offers the Messages API does in its own way, and what to tell a person about it.

    `rewritten`: its client makes address and body out of those of the Messages API. `unsigned`, `garbled`: what the
    client raises, beside its own errors, when there are no credentials and when a stream cannot be read.
    """

    server: str
    """The variable that holds its address."""
    key: str
    remedy: str
    check: str
    rewritten: bool = True
    unsigned: tuple[type[Exception], ...] = ()
    garbled: tuple[type[Exception], ...] = ()

    def keyless(self, cause: object = "") -> BadKey:
        """`cause`: why there is none, where somebody said so."""
        why = f" ({_line(cause)})" if cause else ""
        return BadKey(f"no {self.key}{why}: {self.remedy}")


ANTHROPIC = Service(
    server="ANTHROPIC_BASE_URL",
    key="API key",
    remedy="set ANTHROPIC_API_KEY (and ANTHROPIC_BASE_URL for a compatible server), "
    "or see it work without one: `orchestrator demo`",
    check="check ANTHROPIC_API_KEY",
    rewritten=False,
)


def connect() -> Model:
    """The key is ANTHROPIC_API_KEY's, or whatever else the client finds; raises BadKey when it finds none."""
    if not _may_have_credentials():
        raise ANTHROPIC.keyless()
    import anthropic  # a second of start-up, paid only where a model is asked

    try:
        client = anthropic.AsyncAnthropic(http_client=connections(ANTHROPIC))
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

        url, service = str(self._client.base_url), self._service
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
            failure = _failure(error, url, service)
            failure.charged = error.status_code < 400  # it came within a stream that had begun
            raise failure from error
        except anthropic.APIConnectionError as error:
            why = error.__cause__ or error
            silence = Unreachable(
                f"no answer from {url} ({_line(why)}): check the network, and {service.server} if it is set"
            )
            silence.charged = not isinstance(why, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise silence from error
        except garbled as error:
            raise BrokenStream(f"the reply from {url} broke off ({_line(error)}): resume to try again") from error


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


def _failure(error: anthropic.APIStatusError, url: str, service: Service) -> ModelError:
    """The error a status means, or one inside a stream, with what the server said and what to do."""
    status = error.status_code if error.status_code >= 400 else _STATUS.get(error.type or "", 500)
    plain = error.body.get("message") if isinstance(error.body, dict) else None
    said = _line(error.api_message or plain or error.message)
    retry_after = _seconds(error.response.headers.get("retry-after"))
    match status:
        case 401:
            return BadKey(f"{url} refused the {service.key} ({said}): {service.check}")
        case 403:
            return BadKey(f"{url} does not let the {service.key} do this ({said}): {service.check} and what it may do")
        case 404:
            return BadRequest(f"{url} does not know what was asked for ({said}): check model and {service.server}")
        case 429:
            return RateLimited(f"{url} asks for fewer requests ({said}): resume later", retry_after)
        case 408 | 409:
            return Overloaded(f"{url} could not answer in time ({said}): resume later")
    if status == 413 or _TOO_LONG.search(said):
        return TooLong(f"{url} says that the conversation is too long for the model ({status}: {said})")
    if status >= 500:
        crowded = status in (503, 529)
        return Overloaded(f"{url} is overloaded or failing ({status}: {said}): resume later", retry_after, crowded)
    return BadRequest(f"{url} refused the request ({status}: {said})")


def connections(service: Service) -> httpx2.AsyncClient:
    """What a client connects with. Raises UsageError when a variable that says where to is no address."""
    from urllib.request import getproxies

    import anthropic
    import httpx2

    url = os.environ.get(service.server)
    if url is not None and not _is_address(url, "https?"):
        raise UsageError(f"{service.server} is no address of a server: write https://HOST or http://HOST:PORT")
    proxies = getproxies()
    names = ", ".join(f"{scheme.upper()}_PROXY" for scheme in proxies)
    for proxy in (proxies[scheme] for scheme in ("http", "https", "all") if scheme in proxies):
        if not _is_address(proxy if "://" in proxy else f"http://{proxy}", "https?|socks5h?"):
            raise UsageError(f"no address of a proxy in {names}: write http://HOST:PORT, or unset it")
    try:
        return anthropic.DefaultAsyncHttpxClient()
    except (httpx2.InvalidURL, ValueError, ImportError) as error:
        raise UsageError(f"no proxy can be used as {names} says ({_line(error)}): mend or unset it") from error


def _is_address(url: str, schemes: str) -> bool:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return bool(re.fullmatch(schemes, parts.scheme) and host.strip(".") and not re.search(r"\s", url) and port != 0)


def _may_have_credentials() -> bool:
    """False only where the client could find none: in its variables, or its folder of profiles."""
    said = any(
        value for name, value in os.environ.items() if name.startswith("ANTHROPIC_") and name != ANTHROPIC.server
    )
    return said or (Path.home() / ".config" / "anthropic").exists()


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; None when it is absent, or a date, which only proxies send."""
    try:
        return max(0.0, float(retry_after or ""))
    except ValueError:
        return None


def _line(cause: object) -> str:
    """One line, not too long: some proxies answer with a page."""
    text = " ".join(str(cause).split()) or type(cause).__name__
    return text if len(text) <= 300 else text[:300] + "…"
