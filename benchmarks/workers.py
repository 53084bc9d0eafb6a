"""Fifty workers of one process at once, beside as many bare loops under `asyncio.gather`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import loops, server
from benchmarks.row import Row, medians

ROUNDS, WORKERS, TURNS = 3, 50, 20
BARE = "bare messages.create"


def rows(quick: bool) -> Iterator[Row]:
    rounds, workers, turns = (1, 2, 2) if quick else (ROUNDS, WORKERS, TURNS)
    memory: dict[str, float] = {}
    with server.running() as url, tempfile.TemporaryDirectory() as place:

        def work(name: str) -> float:
            folder = Path(tempfile.mkdtemp(dir=place))
            _, said = loops.run(name, url, folder, turns, workers)
            memory[name] = said["megabytes"] / workers
            return said["seconds"]

        seconds = medians({name: name for name in ("ours", BARE)}, work, rounds)
    yield Row(f"{workers} workers, {turns} turns", seconds["ours"], "s", BARE, seconds[BARE])
    yield Row("  memory of each", memory["ours"], "MB", BARE, memory[BARE])
