"""Fifty workers of one process at once, beside as many bare loops under `asyncio.gather`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import loops, server
from benchmarks.row import Row, medians

ROUNDS, WORKERS = 3, 50
TURNS, SECONDS = 6, 1.0
"""Turns of each, and how long the model takes for an answer: real ones take longer."""
BARE = "bare messages.create"


def rows(quick: bool) -> Iterator[Row]:
    rounds, workers, turns, pause = (1, 2, 2, 0.1) if quick else (ROUNDS, WORKERS, TURNS, SECONDS)
    memory: dict[str, float] = {}
    with server.running() as url, tempfile.TemporaryDirectory() as place:

        def work(way: tuple[str, float]) -> float:
            name, seconds = way
            _, said = loops.run(name, url, Path(tempfile.mkdtemp(dir=place)), turns, workers, seconds)
            memory[name] = said["megabytes"] / workers
            return said["seconds"]

        ways = {f"{name}, {seconds:g}": (name, seconds) for seconds in (pause, 0) for name in ("ours", BARE)}
        took = list(medians(ways, work, rounds).values())
    yield Row(f"{workers} workers, {pause:g} s", took[0], "s", BARE, took[1], most=1.67)
    yield Row("  no time for an answer", took[2], "s", BARE, took[3])
    yield Row("  memory of each", memory["ours"], "MB", BARE, memory[BARE])
