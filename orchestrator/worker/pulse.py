"""Signs of life."""

from __future__ import annotations

import asyncio

from orchestrator.engine import Lease

BEAT = 10.0
"""Seconds between two; a lease without one for a minute may be taken over."""


async def beat(lease: Lease) -> None:
    """Show that this process lives, however long a reply or a command takes."""
    while True:
        lease.beat()
        await asyncio.sleep(BEAT)
