"""How many workers are at work at once. One that only waits gives its place away: else a tree would stand still."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """So many places. Who finds none waits for one."""

    def __init__(self, width: int) -> None:
        self._free = asyncio.Semaphore(width)
        self._taken: set[str] = set()
        self._waits: Counter[str] = Counter()

    @asynccontextmanager
    async def taken(self, task_id: str) -> AsyncIterator[None]:
        """The task's worker is at work."""
        await self._take(task_id)
        try:
            yield
        finally:
            self._give_back(task_id)

    @asynccontextmanager
    async def left(self, task_id: str) -> AsyncIterator[None]:
        """Calls of the task's worker wait: it has a place again once none does."""
        self._waits[task_id] += 1
        self._give_back(task_id)
        ends = False
        try:
            yield
        except asyncio.CancelledError:
            ends = True  # it will do nothing more
            raise
        finally:
            self._waits[task_id] -= 1
            if not ends:
                await self._take(task_id)

    async def _take(self, task_id: str) -> None:
        """Nothing is taken for a worker that waits again by then, or has its place."""
        if self._waits[task_id]:
            return
        await self._free.acquire()
        if self._waits[task_id] or task_id in self._taken:
            self._free.release()
        else:
            self._taken.add(task_id)

    def _give_back(self, task_id: str) -> None:
        if task_id in self._taken:
            self._taken.remove(task_id)
            self._free.release()
