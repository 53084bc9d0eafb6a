"""How fast the workers of one run ask their server, all together."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager

LONGEST_ALONE = 10.0
"""Seconds after which the others wait no longer for the first reply to begin."""


class Pace:
    """One for all who ask: who is told to slow down slows down all of them.

    The first request with a prefix that others share is alone with it until its reply begins: then the server has the
    prefix in its cache, and the others pay a tenth for it. `pause` waits so many seconds.
    """

    def __init__(self, pause: Callable[[float], Awaitable[None]]) -> None:
        self._pause = pause
        self._width = math.inf
        self._busy = 0
        self._rest: asyncio.Task[None] | None = None
        self._warm: dict[Hashable, bool] = {}
        """By prefix: True once a reply to it has begun, False while the first is awaited."""
        self._waiting: list[asyncio.Future[None]] = []

    async def turn(self, prefix: Hashable) -> None:
        """Wait until one more request with that prefix may be sent; then take it, in the same step, with `taken`."""
        while self._rest is not None or self._busy + 1 > self._width or self._warm.get(prefix) is False:
            self._waiting.append(waiting := asyncio.get_running_loop().create_future())
            await waiting

    @contextmanager
    def taken(self, prefix: Hashable) -> Iterator[Callable[[], None]]:
        """While a request is on its way and answered. What is yielded is to be called when its reply begins."""

        def begun() -> None:
            if not self._warm[prefix]:
                self._warm[prefix] = True
                self._tell()

        self._warm.setdefault(prefix, False)
        self._busy += 1
        patience = asyncio.get_running_loop().call_later(LONGEST_ALONE, begun)
        try:
            yield begun
            self._width += 1 / self._width
        finally:
            patience.cancel()
            self._busy -= 1
            if not self._warm[prefix]:
                del self._warm[prefix]  # it failed before that: another one is the first
            self._tell()

    async def rest(self, seconds: float) -> None:
        """Nobody begins for so long; then half as many at once as did, and one more after that many replies."""
        if self._rest is None:
            self._width = max(1.0, (self._busy + 1) / 2)
            self._rest = asyncio.create_task(self._resting(seconds))
        await asyncio.shield(self._rest)

    async def _resting(self, seconds: float) -> None:
        try:
            await self._pause(seconds)
        finally:
            self._rest = None
            self._tell()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)
