"""Fifty workers of one process at once, beside as many of other loops, in one process too."""

from __future__ import annotations

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks import loops, server
from benchmarks.row import Row, medians

ROUNDS, WORKERS = 3, 50
TURNS, SECONDS = 6, 1.0
"""Turns of each, and how long the model takes for an answer: real ones take longer."""
BARE = "bare messages.create"
PEERS = (BARE, "pydantic-ai", "LangGraph, SqliteSaver")


def rows(quick: bool) -> Iterator[Row]:
    rounds, workers, turns, pause = (1, 2, 2, 0.1) if quick else (ROUNDS, WORKERS, TURNS, SECONDS)
    grown: dict[tuple[str, float], list[float]] = defaultdict(list)
    with server.running() as url, tempfile.TemporaryDirectory() as place:

        def work(way: tuple[str, float]) -> float:
            name, seconds = way
            _, said = loops.run(name, url, Path(tempfile.mkdtemp(dir=place)), turns, workers, seconds)
            grown[way].append(said["megabytes"] / workers)
            return said["seconds"]

        there = [name for name in PEERS if loops.installed(name)]
        ways = {(name, seconds): (name, seconds) for seconds in (pause, 0) for name in ("ours", *there)}
        took = medians(ways, work, rounds)
    for seconds, label in ((pause, f"{workers} workers, {pause:g} s"), (0, "  no time for an answer")):
        for name in PEERS:
            most = 1.67 if seconds and name == BARE else None
            yield Row(label, took["ours", seconds], "s", name, took.get((name, seconds)), most=most)
    memory = {way: statistics.median(runs) for way, runs in grown.items()}
    for name in PEERS:
        yield Row("  memory of each", memory["ours", 0], "MB", name, memory.get((name, 0)))
