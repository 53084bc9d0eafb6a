"""What one commit costs, beside the ways others make files agree; every row in the same run, on the same disk.

`engine.commit` as the worker calls it (lock, read-back, apply, render, append, publish) of a task with 15 items, beside
one SQLite row of the same bytes (WAL, synchronous=FULL) and five safe replacements (write, fsync, rename, fsync of the
directory). Also with a sync that takes 2 ms longer, as on a disk without a fast cache. Of each
round the tenth fastest in a hundred counts, so that it is not the other processes of the machine that are measured.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from benchmarks.row import Row, medians
from orchestrator.engine import Engine
from orchestrator.events import (
    CallSettled,
    DecisionChanged,
    DecisionRecorded,
    Event,
    ItemAdded,
    ItemChecked,
    ItemUnchecked,
    PhaseChanged,
    Receipt,
    TaskCreated,
    WorkstreamAdded,
)
from orchestrator.files import Disk

ROUNDS, COMMITS = 15, 25
SLOW = 0.002
Result = TypeVar("Result")


class CountingDisk(Disk):
    def __init__(self) -> None:
        self.operations: Counter[str] = Counter()

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        self.operations[operation] += 1
        return action()

    def syncs(self, run: Callable[[int], None]) -> int:
        """How often it syncs for one commit."""
        self.operations.clear()
        run(1)
        return self.operations["fdatasync"] + self.operations["fsync"]


class SlowDisk(Disk):
    """A sync takes two milliseconds more."""

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        if operation in ("fdatasync", "fsync"):
            time.sleep(SLOW)
        return action()


def engine_commits(place: Path, disk: Disk) -> Callable[[int], None]:
    """Makes n commits, each changing all five documents."""
    engine = Engine(place / ".temp", disk=disk)
    items = [ItemAdded(id=f"c{number}", text=f"Write part {number} of the model") for number in range(1, 16)]
    rest = [WorkstreamAdded(id="models", description="Models"), DecisionRecorded(id="D1", decision="UUID keys")]
    task = engine.create(TaskCreated(agent="db-worker", description="Create a User model"), *items, *rest)
    lease = engine.lease(task.id)
    proof = Receipt(id="R1", call="c", tool="Bash", command="npm test", outcome="ok", exit_code=0)
    engine.commit(task.id, [CallSettled(receipt=proof)], actor="worker", epoch=lease.epoch)
    turn = iter(range(sys.maxsize))

    def run(commits: int) -> None:
        for _ in range(commits):
            number = next(turn)
            tick: Event = ItemUnchecked(id="c1") if number % 2 else ItemChecked(id="c1", evidence=("R1",))
            decided = DecisionChanged(id="D1", decision=f"UUID keys, version {number % 10}")
            changed = [PhaseChanged(phase=f"phase {number % 10}"), tick, decided]
            engine.commit(task.id, changed, actor="worker", epoch=lease.epoch)

    return run


def sqlite_rows(place: Path, disk: Disk, texts: dict[str, bytes]) -> Callable[[int], None]:
    """Makes n transactions of one row that holds the same bytes."""
    base = sqlite3.connect(place / "rows.db", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body BLOB)")
    body = b"".join(texts.values())

    def run(commits: int) -> None:
        for _ in range(commits):
            base.execute("INSERT INTO rows (body) VALUES (?)", (body,))
            disk.perform("fdatasync", place, _nothing)

    return run


def safe_replacements(place: Path, disk: Disk, texts: dict[str, bytes]) -> Callable[[int], None]:
    """Replaces the five files n times, each as one replaces a file safely."""
    (place / "safe").mkdir()

    def run(commits: int) -> None:
        for _ in range(commits):
            for name, text in texts.items():
                target = place / "safe" / name
                staged = target.with_suffix(".new")
                staged.unlink(missing_ok=True)
                disk.create(staged, text, sync=True)
                disk.move(staged, target)
                disk.sync_directory(target.parent)

    return run


def _nothing() -> None:
    """What SQLite synced already: only the delay of a slow disk is added."""


def ways(place: Path, disk: Disk) -> dict[str, Callable[[int], None]]:
    """What makes n commits, by name; on a folder of its own."""
    place.mkdir()
    commits = engine_commits(place, disk)
    commits(2)
    texts = {path.name: path.read_bytes() for path in (place / ".temp").iterdir() if path.is_file()}
    return {
        "ours": commits,
        "SQLite": sqlite_rows(place, disk, texts),
        "files": safe_replacements(place, disk, texts),
    }


def measured(place: Path, disk: Disk, quick: bool, without: str = "") -> dict[str, float]:
    """Milliseconds a commit."""
    rounds, commits = (1, 2) if quick else (ROUNDS, COMMITS)
    tried = {name: run for name, run in ways(place, disk).items() if name != without}

    def milliseconds(run: Callable[[int], None]) -> float:
        return statistics.quantiles([timed(run) for _ in range(commits)], n=10)[0]

    return medians(tried, milliseconds, rounds)


def timed(run: Callable[[int], None]) -> float:
    begun = time.perf_counter()
    run(1)
    return (time.perf_counter() - begun) * 1000


def rows(quick: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder, "disk"), Disk(), quick)
        slow = measured(Path(folder, "slow"), SlowDisk(), quick, without="files")
        counting = CountingDisk()
        counted = ways(Path(folder, "counted"), counting)
        ours, safe = counting.syncs(counted["ours"]), counting.syncs(counted["files"])
    row, files = "SQLite FULL, one row", "five safe replacements"
    yield Row("commit", found["ours"], "ms", row, found["SQLite"], 4)
    yield Row("commit", found["ours"], "ms", files, found["files"], 0.4)
    yield Row("commit, sync + 2 ms", slow["ours"], "ms", row, slow["SQLite"], 1.25)
    yield Row("commit, syncs", ours, "", files, safe, 0.1)
