"""The command as a person runs it: a process in a project, its model a screenplay on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from orchestrator.engine import Engine
from orchestrator.events import Delegated, Intent, ModelReplied, TaskCreated
from orchestrator.task import Task
from orchestrator.testing import Screenplay, ScriptedServer

from .prompt import Prompt

PROMPT = Prompt()
KEY = "a-key-for-tests-only"
CLERK = """\
---
name: clerk
description: Writes notes
---
You write notes.
"""


@dataclass
class Ended:
    """A process that ended."""

    code: int
    out: str
    err: str


@dataclass
class Shell:
    """A project and a person at its prompt."""

    project: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *arguments],
            cwd=self.project,
            env=self._variables,
            text=True,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
        )

    def __call__(self, *arguments: str, typed: str | None = None, **more: Any) -> Ended:
        if not more and (ran := PROMPT.run(arguments, self.project, self._variables, typed)):
            return Ended(*ran)
        stdin = subprocess.DEVNULL if typed is None else subprocess.PIPE
        with self.start(*arguments, stdin=stdin, **more) as process:
            out, err = process.communicate(typed, timeout=60)
        return Ended(process.returncode, out, err)

    @property
    def _variables(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), **self.environment}

    @property
    def temp(self) -> Path:
        return self.project / ".temp"

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        engine = Engine(self.temp)
        yield engine
        engine.close()

    def task(self, description: str = "Write a note", agent: str = "clerk") -> Task:
        """A task that nobody has begun."""
        with self.engine() as engine:
            return engine.create(TaskCreated(agent=agent, description=description))

    def agent(self, name: str, text: str) -> None:
        path = self.project / ".claude" / "agents" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @contextmanager
    def model(self, turns: str) -> Iterator[ScriptedServer]:
        """A model that plays these turns of the clerk's, to their end."""
        with ScriptedServer(play(turns)) as server:
            self.environment |= {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url}
            yield server


@dataclass
class Team:
    """A lead that gave two tasks away, the second to come after the first."""

    lead: str
    first: Delegated
    second: Delegated


def team(engine: Engine) -> Team:
    """None of the two is begun."""
    lead = engine.create(TaskCreated(agent="lead", description="All <of> it"))
    first = Delegated(child=engine.free_id(), agent="first", description="One", workstream="one")
    second = Delegated(child=engine.free_id(), agent='a "b"', description="Two", workstream="two", after=("one",))
    give(engine, lead.id, first, second)
    return Team(lead.id, first, second)


def give(engine: Engine, task_id: str, *given: Delegated) -> None:
    """The model of a task gives tasks away, and waits for them."""
    intents = tuple(Intent(call=row.child, tool="Delegate", delegated=row) for row in given)
    replied = ModelReplied(content=(), stop_reason="tool_use", model="m", intents=intents)
    engine.commit(task_id, [replied], actor="worker")


def begin(engine: Engine, given: Delegated, parent: str) -> Task:
    """The task that was given away is there."""
    created = TaskCreated(agent=given.agent, description=given.description, parent=parent)
    return engine.create(created, task_id=given.child)


def play(turns: str) -> Screenplay:
    return Screenplay.parse(
        "captures: {workspace: '(?m)^Workspace: (.+)$'}\n"
        "actors:\n  clerk:\n    match: You are the agent clerk\n    turns:\n" + indent(dedent(turns), "      ")
    )


def shell_in(directory: Path) -> Shell:
    shell = Shell(directory / "project", directory / "home")
    shell.project.mkdir()
    shell.home.mkdir()
    shell.agent("clerk", CLERK)
    return shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_in(tmp_path)


def interrupt(process: subprocess.Popen[str]) -> Ended:
    """Ctrl-C, and wait for the end."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)
