"""Who has a place, and who waits for one: no worker has two, and none is lost."""

from __future__ import annotations

import asyncio

from orchestrator.team.places import Places


def test_a_call_that_waits_again_while_another_comes_back_takes_no_second_place() -> None:
    async def play() -> None:
        places = Places(1)
        other, over = asyncio.Event(), asyncio.Event()

        async def another() -> None:
            async with places.taken("Z"):
                other.set()
                await over.wait()

        async def comes_back() -> None:
            async with places.left("A"):
                running.append(asyncio.ensure_future(another()))
                await other.wait()

        running: list[asyncio.Task[None]] = []
        async with asyncio.timeout(60), places.taken("A"):
            back = asyncio.ensure_future(comes_back())
            await other.wait()
            await asyncio.sleep(0)  # it is on its way back, and Z has the place
            async with places.left("A"):
                over.set()
                await running[0]
            await back
        async with asyncio.timeout(60), places.taken("B"):
            pass

    asyncio.run(play())
