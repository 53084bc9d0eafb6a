"""A service that offers the Messages API: where it is, and what its failures mean to a person."""

from __future__ import annotations

import html
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestrator.errors import BadKey, BadRequest, ModelError, Overloaded, RateLimited, TooLong, UsageError

if TYPE_CHECKING:
    import anthropic
    import httpx2

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

_PAGE = re.compile(r"\s*<(?:!|\?xml|html|head|body)", re.IGNORECASE)
_TITLE = re.compile(r"<title\b[^>]*(?:>|\Z)([^<]*)", re.IGNORECASE)
_MARKUP = re.compile(
    r"<(style|script)\b.*?(?:</\1>|\Z)|<!--.*?(?:-->|\Z)|<[^>]*(?:>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""What is not closed goes on to the end, as in a browser: so nothing is looked through twice, however long it is."""
_LONGEST = 160
"""Characters that are repeated of what a server said."""


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
        why = f" ({line(cause)})" if cause else ""
        return BadKey(f"no {self.key}{why}: {self.remedy}")

    def connections(self) -> httpx2.AsyncClient:
        """What a client connects with; a variable that says where to is taken out where it is empty.

        Raises UsageError when one is no address.
        """
        from urllib.request import getproxies

        import anthropic
        import httpx2

        if not (url := os.environ.get(self.server)):
            os.environ.pop(self.server, None)  # the client would take an empty one for an address
        elif not _is_address(url, "https?"):
            raise UsageError(f"{self.server} is no address of a server: write https://HOST or http://HOST:PORT")
        proxies = getproxies()
        names = ", ".join(f"{scheme.upper()}_PROXY" for scheme in proxies)
        for proxy in (proxies[scheme] for scheme in ("http", "https", "all") if scheme in proxies):
            if not _is_address(proxy if "://" in proxy else f"http://{proxy}", "https?|socks5h?"):
                raise UsageError(f"no address of a proxy in {names}: write http://HOST:PORT, or unset it")
        try:
            return anthropic.DefaultAsyncHttpxClient()
        except (httpx2.InvalidURL, ValueError, ImportError) as error:
            raise UsageError(f"no proxy can be used as {names} says ({line(error)}): mend or unset it") from error

    def failure(self, error: anthropic.APIStatusError, url: str) -> ModelError:
        """The error a status means, or one inside a stream, with what the server said and what to do."""
        status = error.status_code if error.status_code >= 400 else _STATUS.get(error.type or "", 500)
        plain = error.body.get("message") if isinstance(error.body, dict) else None
        heard = error.api_message or plain
        said = line(heard or error.message)
        page = not heard and _PAGE.match(error.message)
        stray = f"; that is no answer of the Messages API: check {self.server}" if page else ""
        retry_after = _seconds(error.response.headers.get("retry-after"))
        match status:
            case 401:
                return BadKey(f"{url} refused the {self.key} ({said}): {self.check}{stray}")
            case 403:
                may = f"{self.check} and what it may do{stray}"
                return BadKey(f"{url} does not let the {self.key} do this ({said}): {may}")
            case 404 | 405 | 501:
                return BadRequest(f"{url} does not know what was asked for ({said}): check model and {self.server}")
            case 429:
                return RateLimited(f"{url} asks for fewer requests ({said}): resume later", retry_after)
            case 408 | 409:
                return Overloaded(f"{url} could not answer in time ({said}): resume later")
        if status == 413 or _TOO_LONG.search(str(heard or error.message)):
            return TooLong(f"{url} says that the conversation is too long for the model ({status}: {said})")
        if status >= 500:
            crowded = status in (503, 529)
            failing = f"{url} is overloaded or failing ({status}: {said}): resume later"
            return Overloaded(failing, retry_after, crowded)
        return BadRequest(f"{url} refused the request ({status}: {said}){stray}")


def _is_address(url: str, schemes: str) -> bool:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return bool(re.fullmatch(schemes, parts.scheme) and host.strip(".") and not re.search(r"\s", url) and port != 0)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; None when it is absent, or a date, which only proxies send."""
    try:
        return max(0.0, float(retry_after or ""))
    except ValueError:
        return None


def line(cause: object) -> str:
    """One line, not too long. Some proxies answer with a page: of one, the title, or what it says without markup."""
    text = str(cause)
    if _PAGE.match(text):
        title = _TITLE.search(text)
        said = title[1].strip() if title else ""
        text = html.unescape(said or _MARKUP.sub(" ", text)).strip() or "a page"
    text = " ".join(text.split()) or type(cause).__name__
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
