"""Servers that others wrote, as witnesses: what our own would not notice, because it errs as the client does.

`docs/testing.md` says how to install them. AIMOCK and LLMOCK are their programs, both of which are called llmock.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request as Post
from urllib.request import urlopen

import anthropic
import pytest

from orchestrator.errors import BrokenStream
from orchestrator.events import Json
from orchestrator.models import Reply, Request
from orchestrator.models.messages import MessagesApi
from orchestrator.task import Message

CLERK = "---\nname: clerk\ndescription: Writes notes\n---\nYou write notes.\n"
NOTE: list[Json] = [
    {"name": "Sync", "arguments": {"add_items": [{"text": "The note is written"}]}},
    {"name": "Write", "arguments": {"file_path": "note.txt", "content": "hello, größe\n"}},
]
END: list[Json] = [
    {"name": "Sync", "arguments": {"check_items": [{"item": "c1", "evidence": ["R2"]}]}},
    {"name": "Finish", "arguments": {"summary": "The note is written."}},
]


def program(variable: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not os.environ.get(variable), reason=f"needs {variable}, the llmock of {package}")


needs_aimock = program("AIMOCK", "npm's @copilotkit/aimock")
needs_llmock = program("LLMOCK", "PyPI's llmock")


@contextmanager
def serving(*command: str) -> Iterator[str]:
    """The address that a server names once it listens."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        try:
            yield next(
                found[0] for line in server.stdout if (found := re.search(r"http://127\.0\.0\.1:[1-9]\d+", line))
            )
        finally:
            server.kill()


@pytest.fixture
def aimock(tmp_path: Path) -> Iterator[str]:
    overloaded = {"error": {"message": "Overloaded", "type": "overloaded_error"}, "status": 529}
    said = [{"type": "text", "text": "I write the note."}, *({"type": "toolCall", **call} for call in NOTE)]
    fixtures = [
        {"match": {"turnIndex": 0}, "response": {"blocks": said}},
        {"match": {"turnIndex": 1, "sequenceIndex": 0}, "response": overloaded},
        {"match": {"turnIndex": 1}, "response": {"toolCalls": END}},
    ]
    path = tmp_path / "fixtures.json"
    path.write_text(json.dumps({"fixtures": fixtures}))
    with serving(os.environ["AIMOCK"], "-p", "0", "-f", str(path)) as url:
        yield url


@pytest.fixture(scope="module")
def llmock() -> Iterator[str]:
    with serving(os.environ["LLMOCK"], "serve", "--port", "0") as url:
        yield url


def get(url: str, posted: Json | None = None) -> str:
    body = None if posted is None else json.dumps(posted).encode()
    with urlopen(Post(url, body, {"content-type": "application/json"})) as answer:
        return str(answer.read().decode())


def orchestrate(project: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (project / ".claude/agents").mkdir(parents=True, exist_ok=True)
    (project / ".claude/agents/clerk.md").write_text(CLERK)
    environment = {"PATH": os.environ["PATH"], "HOME": str(project), "ANTHROPIC_API_KEY": "a key", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", *arguments],
        cwd=project,
        env=environment | {"ANTHROPIC_BASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def ask(model: MessagesApi) -> Reply:
    """The reply to one question."""
    request = Request(
        model="claude-sonnet-5-5",
        system=({"type": "text", "text": "You are the worker"},),
        tools=(),
        messages=(Message("user", ({"type": "text", "text": "Say something long."},)),),
        max_tokens=1000,
    )

    async def answer() -> Reply:
        try:
            return await model.reply(request)
        finally:
            await model.close()

    return asyncio.run(answer())


@needs_aimock
def test_a_whole_task_is_done_with_several_calls_a_reply_and_a_server_that_is_overloaded_once(
    tmp_path: Path, aimock: str
) -> None:
    ended = orchestrate(tmp_path, aimock, "run", "clerk", "Write a note", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["status"] == "archived"
    assert (tmp_path / "note.txt").read_text() == "hello, größe\n"
    asked = [entry for entry in json.loads(get(f"{aimock}/__aimock/journal")) if entry["path"] == "/v1/messages"]
    assert [entry["response"]["status"] for entry in asked] == [200, 529, 200]


@needs_llmock
@pytest.mark.parametrize("kind", ["truncate", "disconnect", "malformed", "stall"])
def test_a_stream_that_breaks_is_tried_again_and_given_up_after_three(llmock: str, kind: str) -> None:
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    def model() -> MessagesApi:
        patience = 0.3 if kind == "stall" else 60.0
        client = anthropic.AsyncAnthropic(api_key="a key", base_url=f"{llmock}/anthropic", timeout=patience)
        return MessagesApi(client, pause=pause)

    fault = {"type": "stream_fault", "kind": kind, "after_chunks": 3, "stall_seconds": 60}
    get(f"{llmock}/_llmock/scenario", {"behaviors": [fault | {"times": 2}]})
    assert ask(model()).stop_reason == "end_turn"
    get(f"{llmock}/_llmock/scenario", {"behaviors": [fault | {"times": 3}]})
    with pytest.raises(BrokenStream):
        ask(model())
    assert len(waited) == 4


@needs_llmock
def test_a_task_waits_as_long_as_it_is_asked_to_and_goes_on_after_a_stream_that_broke(
    tmp_path: Path, llmock: str
) -> None:
    asked = {"path": "/anthropic/v1/messages"}
    limited = {"type": "fail", "status": 429, "retry_after": 0.2, "match": asked}
    get(f"{llmock}/_llmock/reset", {})
    get(
        f"{llmock}/_llmock/scenario", {"behaviors": [limited, {"type": "stream_fault", "kind": "truncate", "times": 3}]}
    )
    broken = orchestrate(tmp_path, f"{llmock}/anthropic", "run", "clerk", "Write a note")
    assert broken.returncode == 1
    assert "broke off" in broken.stderr
    replies = [{"type": "reply", "tool_calls": calls} for calls in (NOTE, END)]
    get(f"{llmock}/_llmock/scenario", {"behaviors": replies})
    ended = orchestrate(tmp_path, f"{llmock}/anthropic", "resume", "--all")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "note.txt").read_text() == "hello, größe\n"
    found = {finding["code"] for finding in json.loads(get(f"{llmock}/_llmock/verdict"))["findings"]}
    assert "retry_after_ignored" not in found
