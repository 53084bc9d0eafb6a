"""An agent that calls tools as a worker would: intents first, then results, receipts folded into its task."""

import asyncio
import hashlib
import os
import shutil
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

import pytest

from orchestrator.contents import Contents
from orchestrator.errors import ToolError
from orchestrator.events import CallSettled, Event, Intent, Json, Kind, Receipt, TaskCreated, WorkerStarted
from orchestrator.files import Disk
from orchestrator.task import Task
from orchestrator.tools import accept, catalog
from orchestrator.tools.tool import Assignment, ToolResult, Workplace
from orchestrator.transitions import apply_all, create

PATH = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)))
AT = "2026-01-01T00:00:00.000Z"


class Alone:
    """Nobody is there to be given work."""

    def agents(self) -> dict[str, str]:
        return {}

    def reserve(self, task: Task, agent: str) -> str:
        raise ToolError(f"no agent named {agent!r}")

    async def carry_out(self, task: Task, given: Assignment) -> ToolResult:
        raise AssertionError("nothing was reserved")

    async def is_told(self, task: Task) -> bool:
        return False

    async def go_on(self, task: Task, child: str, instruction: str, *, wait: bool) -> ToolResult:
        raise AssertionError("there is no child")

    async def wait_for(self, task: Task, children: Sequence[str], *, messages: bool = False) -> ToolResult:
        raise AssertionError("there is no child")

    async def cancel(self, child: str, reason: str) -> ToolResult:
        raise AssertionError("there is no child")

    async def tell(self, task: Task, to: str, call: str, message: str) -> None:
        raise ToolError(f"There is no task {to!r}")

    async def ask(self, task: Task, call: str) -> str:
        raise AssertionError("there is nobody to answer")

    async def answer(self, child: str, question: str | None, text: str) -> None:
        raise AssertionError("there is no child")


@dataclass
class Agent:
    workspace: Path
    task: Task
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    permitted: bool = True
    kept: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    calls: int = 0
    documents: dict[Kind, str] = field(default_factory=dict)
    deadline: float = inf
    disk: Disk = field(default_factory=Disk)

    @property
    def contents(self) -> Contents:
        return Contents(self.workspace / ".temp" / ".orchestrator" / "contents", self.disk)

    @property
    def place(self) -> Workplace:
        temp = self.workspace / ".temp"
        commands = temp / ".orchestrator" / "commands" / self.task.id
        return Workplace(
            workspace=self.workspace,
            temp=temp,
            task=self.task,
            commands=commands,
            environment=self.environment,
            permit=self._permit,
            keep=self._keep,
            contents=self.contents,
            kinds=("plan", "checklist", "progress", "task-status"),
            delegation=Alone(),
            tasks=str,
            documents=self.documents,
            deadline=self.deadline,
        )

    def call(self, tool: str, **given: object) -> ToolResult:
        """Run one call; a ToolError is recorded as a worker does, then raised."""
        self.calls += 1
        call = f"toolu_{self.calls}"
        try:
            result = asyncio.run(catalog()[tool].run(call, accept(catalog()[tool], given), self.place))
        except ToolError:
            self.record(call, tool, ToolResult("", outcome="error"))
            raise
        self.record(call, tool, result)
        return result

    def error(self, tool: str, **given: object) -> str:
        """The text of the ToolError that a call raises."""
        with pytest.raises(ToolError) as raised:
            self.call(tool, **given)
        return str(raised.value)

    def intend(self, *calls: tuple[str, Json]) -> list[Intent]:
        """The intents of one message with several calls, pending from now on."""
        overlay: dict[str, bytes | None] = {}
        intents = []
        for tool, given in calls:
            self.calls += 1
            chosen = catalog()[tool]
            intents.append(chosen.intent(f"toolu_{self.calls}", accept(chosen, given), self.place, overlay))
        self.task = replace(self.task, pending=tuple(intents))
        return intents

    def settle(self, intent: Intent, given: Json) -> ToolResult:
        tool = catalog()[intent.tool]
        result = asyncio.run(tool.settle(intent, accept(tool, given), self.place))
        self.record(intent.call, intent.tool, result)
        return result

    def run(self, intent: Intent, given: Json) -> ToolResult:
        """Run an intended call without its result being recorded, as when the process dies then."""
        tool = catalog()[intent.tool]
        return asyncio.run(tool.run(intent.call, accept(tool, given), self.place))

    def apply(self, *events: Event, actor: str = "worker") -> None:
        self.task = apply_all(self.task, events, actor=actor, at=AT)

    def record(self, call: str, tool: str, result: ToolResult) -> None:
        receipt = Receipt(
            id=self.task.fresh_id("R"),
            call=call,
            tool=tool,
            outcome=result.outcome,
            command=result.command,
            exit_code=result.exit_code,
            files=result.files,
            output=result.output,
        )
        self.apply(CallSettled(receipt=receipt), *result.events)

    async def _permit(self, command: str) -> bool:
        self.asked.append(command)
        return self.permitted

    def _keep(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        self.kept[name] = data
        return name


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    workspace = tmp_path / "project"
    for name in ("commands", "contents", "locks"):
        (workspace / ".temp" / ".orchestrator" / name).mkdir(parents=True)
    created = TaskCreated(agent="db-worker", description="Create a User model")
    task = create(created, task_id="K7Q2MX", uuid="1", at=AT)
    task = apply_all(task, [WorkerStarted(epoch=1, holder="test")], actor="engine", at=AT)
    return Agent(workspace, task)


@pytest.fixture
def ripgrep() -> str:
    """Where ripgrep is; the test is skipped where it is not installed."""
    found = shutil.which("rg", path=PATH)
    if found is None:
        pytest.skip("ripgrep is not installed: pip install '.[test]'")
    return found
