"""The Messages API, through the official client: streamed, with prompt caching, every failure told apart.

All retries are made here, before and inside the stream alike: the client's own end where the stream begins.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from orchestrator.errors import (
    BadKey,
    BadRequest,
    BrokenStream,
    ModelError,
    Overloaded,
    RateLimited,
    TooLong,
    Unreachable,
)
from orchestrator.events import Json
from orchestrator.models import WINDOW, Reply, Request
from orchestrator.models.draft import Draft

if TYPE_CHECKING:
    import anthropic
    import httpx2
    from anthropic.types import RawMessageStreamEvent

_SERVER = "ANTHROPIC_BASE_URL"
_LONGEST_PAUSE = 60.0
_CACHED: Json = {"cache_control": {"type": "ephemeral"}}
_TOO_LONG = re.compile(r"prompt is too long|context (?:limit|length|size|window)", re.IGNORECASE)
"""How the API says that a conversation does not fit, and how compatible servers do."""
_STATUS = {  # of the errors that arrive inside a stream, which has answered 200 by then
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
}


class MessagesApi:
    """A `Model`. `attempts` bounds how often one request is sent; `pause` waits the seconds between two of them.

    What is None comes from the environment: ANTHROPIC_API_KEY (or a profile of the client's), ANTHROPIC_BASE_URL.
    Raises BadKey when there is no key. A given `http_client` is closed with this.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        http_client: httpx2.AsyncClient | None = None,
        attempts: int = 3,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not (api_key or _may_have_credentials()):
            raise _keyless("none is set")
        import anthropic  # a second of start-up, paid only where a model is asked

        self._attempts = attempts
        self._pause = pause
        try:
            self._client = anthropic.AsyncAnthropic(
                api_key=api_key, base_url=base_url, http_client=http_client, max_retries=0
            )
        except anthropic.CredentialsError as error:
            raise _keyless(error) from error
        if not (self._client.api_key or self._client.auth_token or self._client.credentials):
            raise _keyless("none is set")

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        body, headers = _body(request), {"content-type": "application/json", **_beta(request)}
        attempt = 1
        while True:
            try:
                return await self._attempt(body, headers, on_text)
            except ModelError as failure:
                seconds = _pause_after(failure, attempt)
                if not failure.retryable or attempt >= self._attempts or seconds > _LONGEST_PAUSE:
                    raise
            await self._pause(seconds)
            attempt += 1

    async def close(self) -> None:
        await self._client.close()

    async def window(self, model: str) -> int:
        import anthropic

        try:
            found = await self._client.get(f"/v1/models/{quote(model)}", cast_to=object)
        except (anthropic.AnthropicError, ValueError):  # a compatible server need not have it
            return WINDOW
        limit = found.get("max_input_tokens") if isinstance(found, dict) else None
        return limit if isinstance(limit, int) else WINDOW

    async def _attempt(self, body: bytes, headers: dict[str, str], on_text: Callable[[str], None] | None) -> Reply:
        import anthropic
        import httpx2
        from anthropic.types import Message, RawMessageStreamEvent

        url = str(self._client.base_url)
        try:
            stream = await self._client.post(
                "/v1/messages",
                content=body,
                options={"headers": headers},
                cast_to=Message,
                stream=True,
                stream_cls=anthropic.AsyncStream[RawMessageStreamEvent],
            )
            async with stream:
                return await _read(stream, url, on_text)
        except anthropic.CredentialsError as error:
            raise _keyless(error) from error
        except anthropic.APIStatusError as error:
            retry_after = error.response.headers.get("retry-after")
            raise _failure(error.status_code, error.api_message or error.message, url, retry_after) from error
        except anthropic.APIConnectionError as error:
            raise Unreachable(
                f"no answer from {url} ({_line(error.__cause__ or error)}): "
                "check the network, and ANTHROPIC_BASE_URL if it is set"
            ) from error
        except (httpx2.RequestError, UnicodeDecodeError) as error:
            raise _broken(url, error) from error


def _body(request: Request) -> bytes:
    """The request encoded. The client would walk the whole history again, at every turn and every attempt.

    Cached twice: up to the end of the system prompt, which many tasks share, and up to the end of the request.
    """
    system = [*request.system[:-1], *(last | _CACHED for last in request.system[-1:])]
    head = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "system": system,
        "tools": request.tools,
        "stream": True,
        **_CACHED,
        **({"compaction": {"type": "summarize"}} if request.compact else {}),
    }
    said = b", ".join(message.encoded for message in request.messages)
    return b'%b, "messages": [%b]}' % (json.dumps(head).encode()[:-1], said)


def _beta(request: Request) -> dict[str, str]:
    """The header without which a compaction is neither made nor taken back."""
    first = request.messages[0].content[0]
    return {"anthropic-beta": "compact-2026-09-04"} if request.compact or first["type"] == "compaction" else {}


async def _read(
    stream: anthropic.AsyncStream[RawMessageStreamEvent], url: str, on_text: Callable[[str], None] | None
) -> Reply:
    """The events as they stand on the wire: the client's own parsing would double the time of a turn."""
    draft = Draft()
    async for event in stream.raw_events(stream.response):
        if event.event is None or not event.data:
            continue  # a sign of life
        try:
            data = json.loads(event.data)
            text = draft.take(data)
            error = data["error"] if event.event == "error" else None
            failure = None if error is None else _failure(_STATUS.get(error["type"], 500), error["message"], url)
        except (LookupError, TypeError, ValueError) as garbled:
            raise _broken(url, garbled) from garbled
        if failure is not None:
            raise failure
        if text and on_text is not None:
            on_text(text)
    reply = draft.finished()
    if reply is None:
        raise _broken(url, "it ended in the middle")
    return reply


def _failure(status: int, said: str, url: str, retry_after: str | None = None) -> ModelError:
    """The error a status means, with what the server said and what to do."""
    said = _line(said)
    match status:
        case 401 | 403:
            return BadKey(f"{url} refused the key ({said}): check ANTHROPIC_API_KEY")
        case 404:
            return BadRequest(f"{url} does not know what was asked for ({said}): check model and ANTHROPIC_BASE_URL")
        case 429:
            return RateLimited(f"{url} asks for fewer requests ({said}): resume later", _seconds(retry_after))
        case 408 | 409:
            return Overloaded(f"{url} could not answer in time ({said}): resume later")
    if status == 413 or _TOO_LONG.search(said):
        return TooLong(f"{url} says that the conversation is too long for the model ({status}: {said})")
    if status >= 500:
        return Overloaded(f"{url} is overloaded or failing ({status}: {said}): resume later")
    return BadRequest(f"{url} refused the request ({status}: {said})")


def _may_have_credentials() -> bool:
    """False only where the client could find none: in its variables, or its folder of profiles."""
    said = any(value for name, value in os.environ.items() if name.startswith("ANTHROPIC_") and name != _SERVER)
    return said or (Path.home() / ".config" / "anthropic").exists()


def _keyless(cause: object) -> BadKey:
    return BadKey(
        f"no API key ({_line(cause)}): set ANTHROPIC_API_KEY (and ANTHROPIC_BASE_URL for a compatible server), "
        "or see it work without one: `orchestrator demo`"
    )


def _broken(url: str, cause: object) -> BrokenStream:
    return BrokenStream(f"the reply from {url} broke off ({_line(cause)}): resume to try again")


def _pause_after(failure: ModelError, attempt: int) -> float:
    """Seconds: what the server asks for, else half a second doubled each time, spread so that workers do not march."""
    if isinstance(failure, RateLimited) and failure.retry_after is not None:
        return failure.retry_after
    return 0.5 * 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)


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


connect = MessagesApi
