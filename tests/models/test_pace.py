"""The workers of a run ask their server together: what slows one slows all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from orchestrator.models.pace import KEPT, PATIENCE, Pace


class Server:
    """Requests that begin and end when a test says so; `asked` in the order in which they were let through."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.resting = asyncio.Event()
        self.rested: list[float] = []
        self.seconds = 0.0
        self.pace = Pace(self.pause, lambda: self.seconds)
        self._begins: dict[str, asyncio.Event] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def pause(self, seconds: float) -> None:
        self.rested.append(seconds)
        await self.resting.wait()

    async def request(self, name: str, prefix: str) -> None:
        self._begins[name], self._ends[name] = asyncio.Event(), asyncio.Event()
        await self.pace.turn(prefix)
        with self.pace.taken(prefix) as begun:
            self.asked.append(name)
            await self._begins[name].wait()
            begun()
            await self._ends[name].wait()

    async def begins(self, name: str) -> None:
        self._begins[name].set()
        await settled()

    async def ends(self, name: str) -> None:
        self._begins[name].set()
        self._ends[name].set()
        await settled()


async def settled() -> None:
    """Everybody has gone as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


def play(act: Coroutine[Any, Any, None]) -> None:
    async def whole() -> None:
        try:
            await act
        finally:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    asyncio.run(whole())


async def start(server: Server, names: str, prefix: str = "") -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(server.request(name, prefix or name)) for name in names]
    await settled()
    return tasks


def test_the_first_of_equal_prefixes_goes_alone_until_its_reply_begins() -> None:
    async def act() -> None:
        server = Server()
        await start(server, "abc", prefix="one agent")
        await start(server, "x", prefix="another")
        assert server.asked == ["a", "x"]
        await server.begins("a")
        assert server.asked == ["a", "x", "b", "c"]

    play(act())


def test_when_the_first_fails_before_that_another_is_the_first() -> None:
    async def act() -> None:
        server = Server()
        (first, *_) = await start(server, "abc", prefix="one agent")
        first.cancel()
        await settled()
        assert server.asked == ["a", "b"]
        await server.begins("b")
        assert server.asked == ["a", "b", "c"]

    play(act())


def test_while_one_rests_nobody_begins_and_then_half_as_many_do_and_one_more_with_each_round_of_replies() -> None:
    async def act() -> None:
        server = Server()
        await start(server, "abc")
        told = [asyncio.create_task(server.pace.rest(seconds)) for seconds in (7, 9)]
        await start(server, "defghijklm")
        for name in "abc":
            await server.ends(name)
        assert (server.asked, server.rested) == (list("abc"), [7])
        server.resting.set()
        await asyncio.gather(*told)
        await settled()
        assert len(server.asked) == 3 + 3  # two at once, and one more for the three replies since
        for name in server.asked[3:6]:
            await server.ends(name)
        assert len(server.asked) == 6 + 3 + 1

    play(act())


def test_what_the_server_s_cache_has_forgotten_goes_alone_again() -> None:
    async def act() -> None:
        server = Server()
        await start(server, "a", prefix="one agent")
        await server.ends("a")
        server.seconds = KEPT - 1
        await start(server, "bc", prefix="one agent")
        assert server.asked == ["a", "b", "c"]
        await server.ends("b")
        server.seconds += KEPT + 1
        await start(server, "de", prefix="one agent")
        assert server.asked == ["a", "b", "c", "d"]
        await server.begins("d")
        assert server.asked == ["a", "b", "c", "d", "e"]

    play(act())


def test_a_server_that_answers_nobody_is_given_up_and_one_that_answers_somebody_is_not() -> None:
    async def act() -> None:
        server = Server()
        server.resting.set()
        assert await server.pace.rest(PATIENCE)
        assert not await server.pace.rest(1)
        (task,) = await start(server, "a")
        await server.ends("a")
        await task
        assert await server.pace.rest(PATIENCE)
        assert not await server.pace.rest(None)

    play(act())


def test_who_no_longer_waits_for_a_turn_takes_none() -> None:
    async def act() -> None:
        server = Server()
        _, second, _ = await start(server, "abc", prefix="one agent")
        second.cancel()
        await settled()
        await server.begins("a")
        assert server.asked == ["a", "c"]
        with pytest.raises(asyncio.CancelledError):
            await second

    play(act())
