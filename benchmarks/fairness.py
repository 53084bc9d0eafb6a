"""Eight processes that commit to one task as fast as they can, beside eight that write to one SQLite table
(WAL, synchronous=FULL, BEGIN IMMEDIATE, which waits its turn).

Jain's index says how equal the shares are: 1 when all are, 1/8 when one process has everything.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks.row import Row, medians
from orchestrator.engine import Engine
from orchestrator.events import ItemAdded, PhaseChanged, TaskCreated

ROUNDS, PROCESSES, SECONDS = 3, 8, 2.0
Commit = Callable[[int], object]


def of_engine(folder: str) -> Commit:
    engine = Engine(Path(folder, ".temp"))
    (task,) = engine.ids()
    return lambda number: engine.commit(task, [PhaseChanged(phase=f"phase {number}")], actor="user")


def of_sqlite(folder: str) -> Commit:
    base = sqlite3.connect(Path(folder, "rows.db"), timeout=60, isolation_level=None)
    base.execute("PRAGMA synchronous=FULL")

    def commit(number: int) -> None:
        base.execute("BEGIN IMMEDIATE")
        base.execute("INSERT INTO rows (body) VALUES (?)", (f"phase {number}",))
        base.execute("COMMIT")

    return commit


def contend(ready: Callable[[str], Commit], folder: str, begin: Barrier, counts: Queue[int], seconds: float) -> None:
    """One process: how often it commits in that time."""
    commit = ready(folder)
    begin.wait()
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        commit(count)
        count += 1
    counts.put(count)


def shares(ready: Callable[[str], Commit], folder: str, processes: int, seconds: float) -> list[int]:
    """The commits of each of the processes."""
    context = multiprocessing.get_context("spawn")
    begin, counts = context.Barrier(processes), context.Queue()
    given = (ready, folder, begin, counts, seconds)
    started = [context.Process(target=contend, args=given) for _ in range(processes)]
    for process in started:
        process.start()
    found = [counts.get() for _ in started]
    for process in started:
        process.join()
    return found


def jain(counts: list[int]) -> float:
    return sum(counts) ** 2 / (len(counts) * sum(count * count for count in counts))


def rows(quick: bool) -> Iterator[Row]:
    rounds, processes, seconds = (1, 2, 0.1) if quick else (ROUNDS, PROCESSES, SECONDS)
    ways = {"ours": of_engine, "SQLite": of_sqlite}
    fair: dict[Callable[[str], Commit], list[float]] = {ready: [] for ready in ways.values()}
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder, ".temp"))
        items = [ItemAdded(id=f"c{number}", text=f"Write part {number} of the model") for number in range(1, 16)]
        engine.create(TaskCreated(agent="db-worker", description="Create a User model"), *items)
        engine.close()
        base = sqlite3.connect(Path(folder, "rows.db"))
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB)")
        base.close()

        def rate(ready: Callable[[str], Commit]) -> float:
            counts = shares(ready, folder, processes, seconds)
            fair[ready].append(jain(counts))
            return sum(counts) / seconds

        rates = medians(ways, rate, rounds)
    equal = {name: statistics.median(fair[ready]) for name, ready in ways.items()}
    yield Row(f"{processes} at one task: Jain", equal["ours"], "", "equal shares", 1.0, least=0.99)
    yield Row("  the same", equal["ours"], "", "SQLite FULL, one row", equal["SQLite"])
    yield Row("  commits", rates["ours"], "/s", "SQLite FULL, one row", rates["SQLite"])
