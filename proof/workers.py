"""Workers of a process, for proofs that need many."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from orchestrator.definitions import Library
from orchestrator.engine import Engine
from orchestrator.team import Team
from orchestrator.worker import Setting
from proof import kills

NAME = "clerk"


def agent(workspace: Path) -> None:
    """The definition of the only agent there is."""
    path = workspace / ".claude" / "agents" / f"{NAME}.md"
    path.parent.mkdir(parents=True)
    path.write_text(f"---\nname: {NAME}\ndescription: Goes on\ntools: Read, Edit\n---\nYou go on.\n")


def run(workspace: Path, url: str, ids: Sequence[str]) -> None:
    """Work on all these tasks at once, to their ends, whatever these are."""

    async def permit(*asked: object) -> bool:
        return False

    engine = Engine(workspace / ".temp")
    setting = Setting(workspace=workspace, environment={}, permit=permit, report=lambda moment: None)
    team = Team(engine, Library(workspace, workspace, workspace), lambda: kills.model(url), setting)
    asyncio.run(team.work(*ids))
    engine.close()
