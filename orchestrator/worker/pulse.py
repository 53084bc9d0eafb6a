"""Signs of life."""

from __future__ import annotations

import asyncio
from typing import Any

from orchestrator.engine import Engine, Lease
from orchestrator.events import TaskStopped

BEAT = 10.0
"""Seconds between two; a lease without one for a minute may be taken over."""
LOOK = 0.5
"""Seconds between two looks whether a person wants it to stop."""


async def beat(lease: Lease) -> None:
    """Show that this process lives, however long a reply or a command takes."""
    while True:
        lease.beat()
        await asyncio.sleep(BEAT)


async def heed(engine: Engine, task_id: str, since: int, worker: asyncio.Task[Any] | None) -> None:
    """Cancel the worker, whatever it is doing, when a person stops the task after that revision."""
    while True:
        commits = await asyncio.to_thread(engine.since, task_id, since)
        for commit in commits:
            if commit.actor == "user" and any(isinstance(event, TaskStopped) for event in commit.events):
                assert worker is not None
                worker.cancel()
                return
            since = commit.revision
        await asyncio.sleep(LOOK)
