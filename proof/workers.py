"""Workers of a process, for proofs that need many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrator.definitions import Library
from orchestrator.engine import Engine
from orchestrator.events import Usage
from orchestrator.team import Team
from orchestrator.worker import Setting
from proof import kills

NAME = "clerk"


def agent(workspace: Path) -> None:
    """The definition of the only agent there is."""
    path = workspace / ".claude" / "agents" / f"{NAME}.md"
    path.parent.mkdir(parents=True)
    path.write_text(f"---\nname: {NAME}\ndescription: Goes on\ntools: Read, Edit, Write\n---\nYou go on.\n")


def run(
    workspace: Path, url: str, ids: Sequence[str], dollars: Callable[[float, float], float] = lambda read, said: 0.0
) -> None:
    """Work on all these tasks at once, to their ends, whatever these are. `dollars`: what tokens cost."""

    def price(model: str, usage: Usage) -> float:
        return dollars(usage.total - usage.output_tokens, usage.output_tokens)

    async def permit(*asked: object) -> bool:
        return False

    engine = Engine(workspace / ".temp")
    setting = Setting(workspace=workspace, environment={}, permit=permit, report=lambda moment: None)
    team = Team(engine, Library(workspace, workspace, workspace), lambda: kills.model(url, price), setting)
    asyncio.run(team.work(*ids))
    engine.close()
