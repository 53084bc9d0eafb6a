"""The Messages API adapter where it differs from any other: the key, and what it costs to import."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from anthropic import AsyncAnthropic

from orchestrator.errors import BadKey, BadRequest, ModelError, UsageError
from orchestrator.models import Names, Request, connect
from orchestrator.models.messages import MessagesApi
from orchestrator.task import Message


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.mark.usefixtures("no_key")
@pytest.mark.parametrize("profile", [None, "none-of-mine"])
def test_without_a_key_the_way_out_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, profile: str | None) -> None:
    if profile is not None:
        monkeypatch.setenv("ANTHROPIC_PROFILE", profile)
    with pytest.raises(BadKey) as caught:
        connect()
    for way in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "orchestrator demo"):
        assert way in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["foo", "http://", " http://a.example", "http://a b/", "https://[", "ftp://a.example", "http://a:b"]
)
def test_a_base_url_that_is_no_address_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
    with pytest.raises(UsageError, match=r"^ANTHROPIC_BASE_URL is no address.*http://HOST:PORT$"):
        connect()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "http://"),
        ("HTTP_PROXY", "http://me:my-password@[::1"),
        ("ALL_PROXY", "ftp://a.example"),
        ("HTTPS_PROXY", "http://a b"),
        ("NO_PROXY", "[::1"),
    ],
)
def test_a_proxy_that_is_no_address_is_named_in_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError) as caught:
        connect()
    assert variable in str(caught.value)
    assert "my-password" not in str(caught.value)
    assert "\n" not in str(caught.value)
    gc.collect()
    assert capsys.readouterr().err == ""


def test_the_client_is_not_imported_before_a_model_is_asked() -> None:
    code = "import sys, orchestrator.models.messages, orchestrator.testing; sys.exit('anthropic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@contextmanager
def web_site(status: int, page: str, kind: str = "text/html; charset=utf-8") -> Iterator[str]:
    """Something that is no API and answers whatever is sent with a page; its address."""

    class WebSite(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), WebSite) as site:
        serving = threading.Thread(target=site.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"127.0.0.1:{site.server_port}"
        finally:
            site.shutdown()
            serving.join()


async def ask(url: str) -> None:
    async def at_once(seconds: float) -> None:
        pass

    model = MessagesApi(AsyncAnthropic(api_key="a key", base_url=url), pause=at_once)
    try:
        await model.reply(Request("a-model", (), (), (Message("user", ({"type": "text", "text": "Hi"},)),), 10))
    finally:
        await model.close()


def test_an_address_of_something_else_is_told_from_a_reply_that_broke_off() -> None:
    is_said = pytest.raises(BadRequest, match=r"text/html.*check ANTHROPIC_BASE_URL")
    with web_site(200, "<html>Welcome!</html>") as host, is_said:
        asyncio.run(ask(f"http://{host}"))


PAGE = "<!DOCTYPE HTML>\n<html><head><style>a {{}}</style>{}</head><body><h1>No &amp; no</h1>" + "<p>word</p>" * 200


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500, 501, 503])
@pytest.mark.parametrize(
    ("page", "said"),
    [
        (PAGE.format("<title>Error response</title>"), "Error response"),
        (PAGE.format(""), "No & no word"),
        ("<html></html>", "a page"),
        ("no healthy upstream", "no healthy upstream"),
    ],
)
def test_a_page_instead_of_an_error_of_the_api_is_one_short_line(status: int, page: str, said: str) -> None:
    with web_site(status, page) as host, pytest.raises(ModelError) as caught:
        asyncio.run(ask(f"http://{host}"))
    told = str(caught.value)
    assert said in told
    if status >= 500 and status != 501:
        assert told.endswith(": resume later")
    elif status in (404, 405, 501):
        assert told.endswith(": check model and ANTHROPIC_BASE_URL")
    else:
        assert ("no answer of the Messages API: check ANTHROPIC_BASE_URL" in told) == ("<" in page)
    assert "<" not in told
    assert "\n" not in told
    assert len(told) < 400


@pytest.mark.parametrize("status", [400, 401, 403, 408, 409, 429, 500, 503])
@pytest.mark.parametrize("body", ['{"detail": "model overloaded"}', '{"error": "model overloaded"}'])
def test_an_answer_in_other_words_than_the_api_s_sends_nobody_to_another_address(status: int, body: str) -> None:
    with web_site(status, body, "application/json") as host, pytest.raises(ModelError) as caught:
        asyncio.run(ask(f"http://{host}"))
    assert "model overloaded" in str(caught.value)
    assert "ANTHROPIC_BASE_URL" not in str(caught.value)


READ = """
import resource
from orchestrator.models.service import line
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))  # what reads it again and again takes hours
for part in (" ", "<title", "<style ", "<!--", "<", "<title> </title>"):
    print(line("<html><title>" + part * (1_000_000 // len(part))))
"""


def test_a_page_is_read_once_however_long_it_is() -> None:
    ended = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "a page\n" * 6)


def test_the_name_and_password_in_an_address_are_not_said() -> None:
    with web_site(404, "no such page") as host, pytest.raises(BadRequest) as caught:
        asyncio.run(ask(f"http://user:pa55word@{host}"))
    assert f"http://{host}" in str(caught.value)
    assert "pa55word" not in str(caught.value)


def test_an_empty_address_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "")
    model = connect()
    assert isinstance(model, MessagesApi)
    assert str(model._client.base_url) == "https://api.anthropic.com"
    asyncio.run(model.close())


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("opus", "claude-opus-5-5"),
        ("sonnet", "claude-sonnet-5-5"),
        ("haiku", "claude-haiku-5-5"),
        ("a-local-model", "a-local-model"),
    ],
)
def test_a_short_name_means_a_model_and_a_full_name_itself(name: str, meant: str) -> None:
    assert Names().full(name) == meant


@pytest.mark.parametrize("name", [None, "inherit"])
def test_no_name_means_the_default(name: str | None) -> None:
    assert Names().full(name) == "claude-sonnet-5-5"
    assert Names(default="haiku").full(name) == "claude-haiku-5-5"


def test_names_of_one_s_own_go_before_ours_and_may_mean_another_name() -> None:
    names = Names({"fast": "haiku", "haiku": "claude-haiku-6", "a": "b", "b": "a"}, default="fast")
    assert (names.full("fast"), names.full(None), names.full("opus")) == ("claude-haiku-6",) * 2 + ("claude-opus-5-5",)
    assert names.full("a") in ("a", "b")
