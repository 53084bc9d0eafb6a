"""Both agents of the demo started at the same time, in two processes on one `.temp`.

The db worker waits for the decisions it needs by reading the architect's documents.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import traceback
from pathlib import Path

import pytest
from anthropic import AsyncAnthropic

from orchestrator import demo, overview, shipped
from orchestrator.definitions import Library
from orchestrator.engine import Engine
from orchestrator.errors import OrchestratorError
from orchestrator.models.messages import MessagesApi
from orchestrator.task import Task
from orchestrator.team import Team
from orchestrator.testing import Screenplay, ScriptedServer
from orchestrator.worker import Setting


async def _anything(task: Task, command: str) -> bool:
    return True


def work(directory: Path, url: str, agent: str) -> None:
    engine = Engine(directory / ".temp")
    team = Team(
        engine,
        Library(directory, directory, shipped.folder("agents")),
        lambda: MessagesApi(AsyncAnthropic(api_key="scripted", base_url=url)),
        Setting(
            workspace=directory, environment={"PATH": os.environ["PATH"]}, permit=_anything, report=lambda moment: None
        ),
    )
    task = team.start(agent, demo.TASKS[agent])
    end = asyncio.run(team.work(task.id))[task.id]
    engine.close()
    if isinstance(end, OrchestratorError):
        raise end


@pytest.mark.parametrize("first", list(demo.TASKS))
def test_started_at_the_same_time_both_end_right(tmp_path: Path, first: str) -> None:
    directory = tmp_path / "clinic"
    demo.prepare(directory)
    children = []
    with ScriptedServer(Screenplay.load(Path(demo.__file__).parent / "screenplay.yaml")) as server:
        for agent in sorted(demo.TASKS, key=lambda agent: agent != first):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    work(directory, server.url, agent)
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(code)
            children.append(pid)
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0]
    rows = {row.text("agentId"): row for row in overview.read(directory / ".temp")}
    assert {agent: (row.archived, row.text("status")) for agent, row in rows.items()} == dict.fromkeys(
        demo.TASKS, (True, "completed")
    )
    architect, worker = rows[demo.ARCHITECT], rows[demo.DB_WORKER]
    refers = json.dumps(worker.data["relatedAgentFiles"])
    assert f".temp/completed/architecture-notes-{architect.id}.md" in refers
    assert f".temp/architecture-notes-{architect.id}.md" not in refers
    summary = (worker.path.parent / f"completion-summary-{worker.id}.md").read_text()
    assert "docs/associations.md` – created" not in summary
    if shutil.which("node") is None:
        return
    check = subprocess.run(["node", "scripts/check.js"], cwd=directory, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout
