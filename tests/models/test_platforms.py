"""Bedrock and Vertex AI where they differ: what they need to be set, and what only they can send."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from anthropic import AsyncAnthropicBedrock

from orchestrator.errors import BadKey, BrokenStream, RateLimited, UsageError
from orchestrator.events import Json
from orchestrator.models import Model, Reply, Request, connect
from orchestrator.models.bedrock import service
from orchestrator.models.messages import MessagesApi
from orchestrator.task import Message
from orchestrator.testing import Screenplay, ScriptedServer

from .platforms import Bedrock, Vertex, frame, platform

PLAY = "actors: {worker: {match: You are, turns: [{say: Good morning.}]}}"
AWS = {"AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-key", "AWS_REGION": "eu-west-1"}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the credentials of whoever runs the tests, nor those of the machine they run on."""
    for name in os.environ:
        if name.startswith(("AWS_", "GOOGLE_", "CLOUD", "ANTHROPIC_")):
            monkeypatch.delenv(name)
    for name in ("HOME", "CLOUDSDK_CONFIG", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
def bedrock(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    pytest.importorskip("boto3", reason="needs pip install 'temp-orchestrator[bedrock]'")
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def vertex(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    pytest.importorskip("google.auth", reason="needs pip install 'temp-orchestrator[vertex]'")
    monkeypatch.setenv("CLOUD_ML_REGION", "europe-west1")
    return monkeypatch


def service_account(path: Path, tokens: str) -> Path:
    """A key file as Google hands them out, for somebody who gets tokens at `tokens`."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {"type": "service_account", "project_id": "a-project", "client_email": "me@example", "private_key": pem}
    path.write_text(json.dumps(account | {"token_uri": tokens}))
    return path


def ask(model: str, connect: Callable[[], Model]) -> Reply:
    request = Request(
        model=model,
        system=({"type": "text", "text": "You are the worker"},),
        tools=(),
        messages=(Message("user", ({"type": "text", "text": "Good day."},)),),
        max_tokens=100,
    )

    async def answer() -> Reply:
        connected = connect()
        try:
            return await connected.reply(request)
        finally:
            await connected.close()

    return asyncio.run(answer())


def said(reply: Reply) -> Json:
    (block,) = reply.content
    return block


def test_bedrock_is_asked_with_the_credentials_and_the_region_of_the_environment(bedrock: pytest.MonkeyPatch) -> None:
    with ScriptedServer(Screenplay.parse(PLAY)) as server, platform(Bedrock, server.url) as url:
        bedrock.setenv("ANTHROPIC_BEDROCK_BASE_URL", url)
        assert said(ask("eu.anthropic.claude-sonnet-5-5-v1:0", lambda: connect("bedrock")))["text"] == "Good morning."
    assert server.requests[0]["model"] == "eu.anthropic.claude-sonnet-5-5-v1:0"


class Irish(Bedrock):
    """Bedrock in Ireland, where what is signed for another region is refused."""

    def refusal(self, request: Json) -> str | None:
        signed = "/eu-west-1/bedrock/aws4_request" in self.headers["authorization"]
        return super().refusal(request) if signed else "Credential should be scoped to a valid region."


@pytest.mark.parametrize("region", ["AWS_REGION", "AWS_DEFAULT_REGION", "profile"])
def test_bedrock_is_asked_in_the_region_of_the_environment_or_of_the_profile(
    bedrock: pytest.MonkeyPatch, region: str, tmp_path: Path
) -> None:
    bedrock.delenv("AWS_REGION")
    if region == "profile":
        (tmp_path / "config").write_text("[profile irish]\nregion = eu-west-1\n")
        set_or_not(bedrock, {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_PROFILE": "irish"})
    else:
        bedrock.setenv(region, "eu-west-1")
    with ScriptedServer(Screenplay.parse(PLAY)) as server, platform(Irish, server.url) as url:
        bedrock.setenv("ANTHROPIC_BEDROCK_BASE_URL", url)
        assert said(ask("a-model", lambda: connect("bedrock")))["text"] == "Good morning."


def test_vertex_ai_is_asked_as_the_account_of_the_key_file_in_its_project(
    vertex: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with ScriptedServer(Screenplay.parse(PLAY)) as server, platform(Vertex, server.url) as url:
        vertex.setenv("ANTHROPIC_VERTEX_BASE_URL", url)
        vertex.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(service_account(tmp_path / "key.json", f"{url}/token")))
        assert said(ask("claude-sonnet-5-5@20260901", lambda: connect("vertex")))["text"] == "Good morning."
    assert server.requests[0]["model"] == "claude-sonnet-5-5@20260901"


class Throttled(Bedrock):
    """Bedrock that thinks better of it once it has begun."""

    def events(self, said: bytes) -> bytes:
        return frame(
            b'{"message": "Too many tokens"}', {":message-type": "exception", ":exception-type": "throttlingException"}
        )


class Torn(Bedrock):
    """Bedrock behind a line that flips a bit."""

    def events(self, said: bytes) -> bytes:
        wire = bytearray(super().events(said))
        wire[-10] ^= 1
        return bytes(wire)


@pytest.mark.parametrize(("wire", "kind"), [(Throttled, RateLimited), (Torn, BrokenStream)])
def test_bedrock_s_own_failures_are_told_apart(
    bedrock: pytest.MonkeyPatch, wire: type[Bedrock], kind: type[Exception]
) -> None:
    with ScriptedServer(Screenplay.parse(PLAY)) as server, platform(wire, server.url) as url:
        bedrock.setenv("ANTHROPIC_BEDROCK_BASE_URL", url)
        with pytest.raises(kind):
            ask("a-model", lambda: MessagesApi(AsyncAnthropicBedrock(), service(), attempts=1))


@pytest.mark.parametrize(
    ("change", "kind", "way"),
    [
        ({"AWS_REGION": None}, UsageError, "set AWS_REGION"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, BadKey, "set AWS_PROFILE"),
        ({"AWS_SECRET_ACCESS_KEY": None}, BadKey, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_PROFILE": "not-there"}, BadKey, "not-there"),
        ({"ANTHROPIC_BEDROCK_BASE_URL": "foo"}, UsageError, "ANTHROPIC_BEDROCK_BASE_URL"),
    ],
)
def test_what_bedrock_lacks_is_said_in_one_line(
    bedrock: pytest.MonkeyPatch, change: dict[str, str | None], kind: type[Exception], way: str
) -> None:
    set_or_not(bedrock, change)
    refused("bedrock", kind, way)


@pytest.mark.parametrize(
    ("change", "kind", "way"),
    [
        ({"CLOUD_ML_REGION": None}, UsageError, "set CLOUD_ML_REGION"),
        ({}, BadKey, "gcloud auth application-default login"),
        ({"GOOGLE_APPLICATION_CREDENTIALS": "/not/there"}, BadKey, "/not/there"),
        ({"ANTHROPIC_VERTEX_BASE_URL": "http://"}, UsageError, "ANTHROPIC_VERTEX_BASE_URL"),
    ],
)
def test_what_vertex_ai_lacks_is_said_in_one_line(
    vertex: pytest.MonkeyPatch, change: dict[str, str | None], kind: type[Exception], way: str
) -> None:
    set_or_not(vertex, change)
    refused("vertex", kind, way)


@pytest.mark.parametrize(("provider", "package"), [("bedrock", "boto3"), ("vertex", "google.auth")])
def test_a_package_that_is_missing_is_named_as_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, provider: str, package: str
) -> None:
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    refused(provider, UsageError, f"pip install 'temp-orchestrator[{provider}]'")


def set_or_not(environment: pytest.MonkeyPatch, change: dict[str, str | None]) -> None:
    for name, value in change.items():
        if value is None:
            environment.delenv(name)
        else:
            environment.setenv(name, value)


def refused(provider: str, kind: type[Exception], way: str) -> None:
    with pytest.raises(kind) as caught:
        connect(provider)
    assert way in str(caught.value)
    assert "\n" not in str(caught.value)
