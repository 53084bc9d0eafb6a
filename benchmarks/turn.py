"""What one turn of a worker costs, with its two durable commits, beside loops that commit nothing or less.

A turn is what the server sees of it: from its answer to the next request, whole; so neither its own time nor what a
client spends on starting is in it.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import loops, server
from benchmarks.row import Row

ROUNDS, TURNS = 5, 200
PEERS = ("pydantic-ai", "mini-swe-agent", "LangGraph, SqliteSaver")


def rows(quick: bool) -> Iterator[Row]:
    rounds, turns = (1, 4) if quick else (ROUNDS, TURNS)
    others = [name for name in PEERS if loops.installed(name)]
    found: dict[str, list[list[float]]] = {name: [] for name in loops.LOOPS}
    with server.running() as url, tempfile.TemporaryDirectory() as place:
        for number in range(rounds):
            for name in ("ours", "bare messages.create", *(others if number == 0 else ())):
                length = turns * 2 if name == "ours" else turns
                address, _ = loops.run(name, url, Path(place, f"{len(found[name])}-{name.split()[0]}"), length)
                found[name].append(server.waits(address))
    yield Row(f"turn, mean of {turns}", mean(found["ours"], turns), "ms", *against(found, "bare messages.create"), 1.5)
    early, late = (around(found["ours"], turn) for turn in (turns // 4, turns * 2))
    yield Row(f"turn {turns * 2}", late, "ms", f"our turn {turns // 4}", early, 1.5)
    for name in PEERS:
        yield Row(f"turn, mean of {turns}", mean(found["ours"], turns), "ms", *against(found, name), 1)


def against(found: dict[str, list[list[float]]], name: str) -> tuple[str, float | None]:
    return name, mean(found[name], None) if found[name] else None


def mean(runs: list[list[float]], turns: int | None) -> float:
    """Milliseconds a turn over a run's first turns, the median of the runs."""
    return statistics.median(statistics.mean(run[:turns]) for run in runs) * 1000


def around(runs: list[list[float]], turn: int) -> float:
    """Milliseconds of the turns about this one: the median of 20, and that of the runs."""
    return statistics.median(statistics.median(run[max(turn - 11, 0) : turn + 10]) for run in runs) * 1000
