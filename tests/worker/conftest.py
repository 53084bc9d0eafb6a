"""A clerk at work: real files, real processes, the real client; only the model is played, by a screenplay."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, TypeVar

import pytest
from anthropic import AsyncAnthropic

from orchestrator.definitions import Library
from orchestrator.engine import Engine
from orchestrator.errors import OrchestratorError
from orchestrator.events import Json
from orchestrator.files import Disk
from orchestrator.models.messages import MessagesApi
from orchestrator.settings import Caps
from orchestrator.task import Task
from orchestrator.team import Team
from orchestrator.testing import Screenplay, ScriptedServer
from orchestrator.worker import Moment, Setting

Result = TypeVar("Result")

PLAN = "{Sync: {add_items: [{text: The note is written}]}}"
"""The call most plays begin with: R1 adds c1."""
WRITE = "{Write: {file_path: note.txt, content: hello}}"
DONE = """
- calls:
  - Sync: {check_items: [{item: c1, evidence: [R2]}]}
  - Finish: {summary: The note is written.}
"""
"""How most plays end: R2 proves c1."""


@dataclass
class Stage:
    """A workspace, an agent called clerk, and who plays its model."""

    workspace: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]}, repr=False)
    permitted: bool = True
    silence: float = 60.0
    answer: str | None = None
    """What a person says who is asked; None: there is nobody."""
    ask: Callable[[Task], Awaitable[str]] | None = None
    """The same, of somebody who takes a while."""
    asked: list[str] = field(default_factory=list, repr=False)
    caps: Caps = field(default_factory=Caps, repr=False)
    limits: dict[str, dict[str, float]] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list, repr=False)
    watch: Callable[[Moment], None] = lambda moment: None
    requests: list[Json] = field(default_factory=list, repr=False)
    ends: dict[str, Task | OrchestratorError] = field(default_factory=dict, repr=False)
    id: str = ""
    url: str = ""

    def agent(self, name: str, body: str = "You do as you are told.", **front: object) -> None:
        path = self.workspace / ".claude" / "agents" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{key}: {value}\n" for key, value in front.items())
        path.write_text(f"---\nname: {name}\ndescription: A test's agent\n{lines}---\n{body}\n")

    @contextmanager
    def engine(self, disk: Disk | None = None) -> Iterator[Engine]:
        """An engine of its own, as every command of a person's has."""
        engine = Engine(self.temp, disk=disk)
        yield engine
        engine.close()

    @contextmanager
    def team(self, disk: Disk | None = None) -> Iterator[Team]:
        with self.engine(disk) as engine:
            yield Team(
                engine,
                Library(self.workspace, self.workspace, self.workspace / "none"),
                lambda: MessagesApi(AsyncAnthropic(api_key="any", base_url=self.url), pause=self._pause),
                Setting(
                    workspace=self.workspace,
                    environment=self.environment,
                    permit=self._permit,
                    report=self._report,
                    ask=self._ask,
                    limits=self.limits,
                    silence=self.silence,
                ),
                self.caps,
            )

    def start(self, agent: str = "clerk", description: str = "Write a note", **more: Any) -> str:
        """A new task; the clerk's is the one that the rest of the stage speaks of."""
        with self.team() as team:
            task_id = team.start(agent, description, **more).id
        if agent == "clerk":
            self.id = task_id
        return task_id

    def play(self, *turns: str) -> Task | OrchestratorError:
        """Work on the clerk's task, a new one unless it was started, while its model says these turns, all of them."""
        if not self.id:
            self.start()
        with self.model(clerk=script(*turns)):
            self.work()
        return self.ends[self.id]

    @contextmanager
    def model(self, *, setup: str = "", **turns: str) -> Iterator[ScriptedServer]:
        """A model that plays these agents' turns, to their end. `setup`: what else the screenplay says."""
        actors = "".join(
            f"  {name}:\n    match: You are the agent {name}\\.\n    turns:\n{indent(script(said), '      ')}\n"
            for name, said in turns.items()
        )
        captures = (
            "captures: {workspace: '(?m)^Workspace: (.+)$', id: '(?m)^Task id: (.+)$', "
            "child: 'Task (\\w{6}) \\(\\w+\\) is', first: 'Task (\\w{6}) \\(helper\\) is', "
            "asker: 'Task (\\w{6}) \\(helper\\) (?:asks|is at work)', "
            "other: 'Task (\\w{6}) \\(other\\) is'}\n"
        )
        with ScriptedServer(Screenplay.parse(f"{captures}{setup}\nactors:\n{actors}")) as server:
            self.url, self.requests = server.url, server.requests
            yield server

    def work(self, *ids: str, disk: Disk | None = None) -> None:
        """Work as one process does, to the tasks' ends."""
        with self.team(disk) as team:
            self.ends |= asyncio.run(team.work(*(ids or (self.id,))))

    def die(self, moment: str, line: int | None, nth: int = 1) -> None:
        """Work in another process that is killed at the nth such moment, or, if given, before a journal line after it.

        `line`: how many lines come between them.
        """
        disk, moments = MortalDisk(), iter(range(1, nth + 1))

        def watch(seen: Moment) -> None:
            if seen.kind == moment and next(moments, None) == nth:
                if line is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                disk.lines_left = line

        pid = os.fork()
        if pid == 0:
            try:
                self.watch = watch
                self.work(disk=disk)
            finally:
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status)
        assert os.WTERMSIG(status) == signal.SIGKILL

    async def _permit(self, task: Task, command: str) -> bool:
        return self.permitted

    async def _ask(self, task: Task, question: str) -> str | None:
        self.asked.append(question)
        return await self.ask(task) if self.ask else self.answer

    async def _pause(self, seconds: float) -> None:
        """The client would wait between its attempts."""

    def _report(self, moment: Moment) -> None:
        self.moments.append(moment)
        self.watch(moment)

    # -- what is there afterwards --------------------------------------------

    @property
    def temp(self) -> Path:
        return self.workspace / ".temp"

    @property
    def task(self) -> Task:
        """The clerk's task as the journal tells it."""
        with self.engine() as engine:
            return engine.refresh(self.id).task

    @property
    def told(self) -> list[str]:
        """What the worker said to the model, message by message: the brief, the answer to the first turn …"""
        return [texts(message.content) for message in self.task.transcript if message.role == "user"]

    def document(self, kind: str) -> Path:
        """Where a document is, archived or not."""
        name = f"{kind}-{self.id}.{'json' if kind == 'task-status' else 'md'}"
        return next(path for path in (self.temp / name, self.temp / "completed" / name) if path.exists())

    def edit(self, kind: str, old: str, new: str) -> None:
        """As a person does, in an editor."""
        path = self.temp / f"{kind}-{self.id}.md"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def everything_kept(self) -> bytes:
        """Every byte below `.temp`, journals, documents, outputs, but for exact copies of the workspace's files."""
        found = (path for path in sorted(self.temp.rglob("*")) if path.is_file() and path.parent.name != "contents")
        return b"\n".join(path.read_bytes() for path in found)


class MortalDisk(Disk):
    """Kills its process before a journal line is written, once `lines_left` is set and that many were."""

    lines_left: int | None = None

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        if operation == "append" and path.suffix == ".jsonl" and self.lines_left is not None:
            if self.lines_left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.lines_left -= 1
        return action()


def script(*turns: str) -> str:
    return "\n".join(map(dedent, turns))


def texts(content: Any) -> str:
    """The words of a message's blocks, tool results included."""
    parts = [texts(block["content"]) if block["type"] == "tool_result" else block["text"] for block in content]
    return "\n".join(parts)


def conversation(request: Json) -> list[Json]:
    """The messages of a request, without the mark that says up to where the cache should hold them."""
    return [
        message
        | {"content": [{k: v for k, v in block.items() if k != "cache_control"} for block in message["content"]]}
        for message in request["messages"]
    ]


def git(place: Path, *words: str) -> str:
    settings = ("-c", "user.name=A Person", "-c", "user.email=person@example.invalid")
    ended = subprocess.run(["git", "-C", str(place), *settings, *words], capture_output=True, check=True, text=True)
    return ended.stdout.strip()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path / "project")
    stage.workspace.mkdir()
    stage.agent("clerk")
    return stage


@pytest.fixture
def repository(stage: Stage) -> Stage:
    """A project with one commit, whose documents git ignores."""
    git(stage.workspace, "init", "--quiet", "--initial-branch=main")
    (stage.workspace / ".gitignore").write_text(".temp\n__pycache__/\n")
    (stage.workspace / "a.txt").write_text("as it was\n")
    git(stage.workspace, "add", ".")
    git(stage.workspace, "commit", "--quiet", "-m", "Begin")
    return stage
