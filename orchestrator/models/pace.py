"""How fast the workers of one run ask their server, all together."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager

LONGEST_ALONE = 10.0
"""Seconds after which the others wait no longer for the first reply to begin."""
KEPT = 300.0
"""Seconds for which the server keeps a prefix in its cache after it was last used."""
PATIENCE = 600.0
"""Seconds of rest after which a server that has answered nobody in between is given up."""
_SHORTEST, _LONGEST = 0.5, 60.0


class Pace:
    """One for all who ask: who is told to slow down slows down all of them.

    The first request with a prefix that others share is alone with it until its reply begins: then the server has the
    prefix in its cache, and the others pay a tenth for it. `pause` waits so many seconds; `clock` tells them; `told`
    hears of each rest, and how long it is.
    """

    def __init__(
        self,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        told: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._pause = pause
        self._clock = clock
        self._told = told
        self._width = math.inf
        self._busy = 0
        self._rest: asyncio.Task[None] | None = None
        self._rests, self._rested = 0, 0.0
        """How many, and how long, since the last reply that came to its end."""
        self._warm: dict[Hashable, float | None] = {}
        """By prefix: when a reply to it last began, None while the first is awaited."""
        self._waiting: list[asyncio.Future[None]] = []

    async def turn(self, prefix: Hashable) -> None:
        """Wait until one more request with that prefix may be sent; then take it, in the same step, with `taken`."""
        while self._rest is not None or self._busy + 1 > self._width or self._warm.get(prefix, 0.0) is None:
            self._waiting.append(waiting := asyncio.get_running_loop().create_future())
            await waiting

    @contextmanager
    def taken(self, prefix: Hashable) -> Iterator[Callable[[], None]]:
        """While a request is on its way and answered. What is yielded is to be called when its reply begins."""

        def begun() -> None:
            awaited = self._warm.get(prefix, 0.0) is None
            self._warm[prefix] = self._clock()
            if awaited:
                self._tell()

        if first := self._is_cold(prefix):
            self._warm[prefix] = None
        self._busy += 1
        patience = asyncio.get_running_loop().call_later(LONGEST_ALONE, begun) if first else None
        try:
            yield begun
            self._width += 1 / self._width
            self._rests, self._rested = 0, 0.0
        finally:
            if patience is not None:
                patience.cancel()
            self._busy -= 1
            if first and self._warm.get(prefix, 0.0) is None:
                del self._warm[prefix]  # it failed before that: another one is the first
            self._tell()

    def _is_cold(self, prefix: Hashable) -> bool:
        used = self._warm.get(prefix, -math.inf)
        return used is not None and self._clock() - used > KEPT

    async def rest(self, asked: float | None) -> bool:
        """Nobody begins for as long as the server asked for, or longer each time; then half as many at once as did,
        and one more after that many replies. False, at once, when the server has had rest enough and answered nobody.
        """
        if self._rest is None:
            seconds = backoff(self._rests) if asked is None else max(asked, _SHORTEST)
            if self._rested + seconds > PATIENCE:
                return False
            self._rests, self._rested = self._rests + 1, self._rested + seconds
            self._width = max(1.0, (self._busy + 1) / 2)
            self._rest = asyncio.create_task(self._resting(seconds))
            self._told(seconds)
        await asyncio.shield(self._rest)
        return True

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


def backoff(times: int) -> float:
    """Seconds until another attempt after so many: doubled each time, and spread, so that nobody marches in step."""
    return float(min(_SHORTEST * 2.0 ** min(times, 60), _LONGEST) * random.uniform(0.75, 1.25))
