"""What one commit costs, beside the ways others make files agree; every row in the same run, on the same disk.

    python benchmarks/commit.py [DIRECTORY]

`engine.commit` as the worker calls it (lock, read-back, apply, render, append, publish) of a task with 15 items, beside
one SQLite row of the same bytes (WAL, synchronous=FULL) and five safe replacements (write, fsync, rename, fsync of the
directory). Each also with a sync that takes 2 ms longer, as on a disk without a fast cache. Medians of rounds in turn.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from orchestrator.engine import Engine
from orchestrator.events import (
    DecisionChanged,
    DecisionRecorded,
    Event,
    ItemAdded,
    ItemChecked,
    ItemUnchecked,
    PhaseChanged,
    TaskCreated,
    WorkstreamAdded,
)
from orchestrator.files import Disk

ROUNDS, COMMITS = 7, 60
SLOW = 0.002
Result = TypeVar("Result")


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
    turn = iter(range(sys.maxsize))

    def run(commits: int) -> None:
        for _ in range(commits):
            number = next(turn)
            tick: Event = ItemUnchecked(id="c1") if number % 2 else ItemChecked(id="c1")
            decided = DecisionChanged(id="D1", decision=f"UUID keys, version {number % 10}")
            engine.commit(task.id, [PhaseChanged(phase=f"phase {number % 10}"), tick, decided], actor="user")

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


def measure(place: Path, disk: Disk) -> dict[str, float]:
    """Microseconds a commit, the median of rounds in turn."""
    place.mkdir()
    commits = engine_commits(place, disk)
    commits(2)
    texts = {path.name: path.read_bytes() for path in (place / ".temp").iterdir() if path.is_file()}
    ways = {
        "engine.commit, five documents": commits,
        "SQLite, one row of the same bytes": sqlite_rows(place, disk, texts),
        "five safe replacements": safe_replacements(place, disk, texts),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            begun = time.perf_counter()
            run(COMMITS)
            times[name].append((time.perf_counter() - begun) / COMMITS * 1e6)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        for title, disk in (("this disk", Disk()), ("a sync takes 2 ms more", SlowDisk())):
            found = measure(Path(folder) / title.replace(" ", "-"), disk)
            base = found["SQLite, one row of the same bytes"]
            print(f"{title:36} {'us':>8}  x SQLite")
            for name, value in found.items():
                print(f"  {name:34} {value:8.0f}  {value / base:8.2f}")


if __name__ == "__main__":
    main()
