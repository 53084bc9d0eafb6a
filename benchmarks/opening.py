"""What opening a long task costs, and recovering one that a process died over; how fast one process commits.

Opening reads, checks and folds 5,000 commits and looks at the documents, beside SQLite, which reads the same lines as
rows, unparsed. To recover, the journal of 1 MiB is cut in its last line and its mark is gone: it is written anew.
SQLite recovers a log of as much, left by a process that died over it.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.fairness import Commit, of_engine, of_sqlite
from benchmarks.row import Row, medians
from orchestrator.engine import Engine
from orchestrator.events import ItemAdded, PhaseChanged, TaskCreated

ROUNDS, COMMITS, RECOVERED, SECONDS = 7, 5_000, 2**20, 1.0
LIMIT = 100.0
"""Milliseconds in which 1 MiB is to be recovered."""


def filled(folder: Path, commits: int, size: int) -> Path:
    """The journal of a task with so many commits, or of so many bytes."""
    engine = Engine(folder / ".temp")
    items = [ItemAdded(id=f"c{number}", text=f"Write part {number} of the model") for number in range(1, 16)]
    task_id = engine.create(TaskCreated(agent="db-worker", description="Create a User model"), *items).id
    journal = engine.folder.internal / "journal" / f"{task_id}.jsonl"
    for number in range(commits):
        if journal.stat().st_size >= size:
            break
        engine.commit(task_id, [PhaseChanged(phase=f"phase {number}")], actor="user")
    engine.close()
    return journal


def open_engine(folder: Path) -> None:
    engine = Engine(folder / ".temp")
    for task_id in engine.ids():
        engine.refresh(task_id)
    engine.close()


def open_sqlite(folder: Path) -> None:
    base = sqlite3.connect(folder / "rows.db")
    assert base.execute("SELECT body FROM rows ORDER BY id").fetchall()
    base.close()


def rows_of(journal: Path, folder: Path) -> None:
    """The same lines in a table."""
    base = sqlite3.connect(folder / "rows.db")
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB)")
    base.executemany("INSERT INTO rows (body) VALUES (?)", ((line,) for line in journal.read_bytes().splitlines()))
    base.commit()
    base.close()


def interrupt(journal: Path) -> None:
    """What a process leaves that died while it wrote the next line."""
    with journal.open("ab") as file:
        file.write(journal.read_bytes().splitlines()[-1][:100])
    (journal.parent.parent / "locks" / f"{journal.stem}.lock").write_bytes(b"")


def fill_log(folder: Path, size: int) -> None:
    """A table as a process leaves it that dies: with so many bytes in its log."""
    base = sqlite3.connect(folder / "living.db", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA wal_autocheckpoint=0")
    base.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB)")
    while (log := folder / "living.db-wal").stat().st_size < size:
        base.execute("INSERT INTO rows (body) VALUES (randomblob(200))")
    shutil.copy(folder / "living.db", folder / "died-rows.db")
    shutil.copy(log, folder / "died-rows.db-wal")
    base.close()


def milliseconds(act: Callable[[], None]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def rate(commit: Commit, seconds: float) -> float:
    """Commits a second, of one process."""
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        commit(count)
        count += 1
    return count / seconds


def rows(quick: bool) -> Iterator[Row]:
    rounds, commits, size, seconds = (1, 50, 10_000, 0.05) if quick else (ROUNDS, COMMITS, RECOVERED, SECONDS)
    with tempfile.TemporaryDirectory() as place:
        long, torn, fast = (Path(place, name) for name in ("long", "torn", "fast"))
        for folder in (long, torn, fast):
            folder.mkdir()
        rows_of(filled(long, commits, 2**30), long)
        opened = medians(
            {"ours": open_engine, "SQLite": open_sqlite}, lambda way: milliseconds(lambda: way(long)), rounds
        )
        journal = filled(torn, 2**30, size)

        fill_log(torn, size)

        def recovered(act: Callable[[Path], None]) -> float:
            interrupt(journal)
            for name in ("rows.db", "rows.db-wal"):
                shutil.copy(torn / f"died-{name}", torn / name)
            return milliseconds(lambda: act(torn))

        recovery = medians({"ours": open_engine, "SQLite": open_sqlite}, recovered, rounds)
        rows_of(filled(fast, 1, 2**30), fast)
        ready = {"ours": of_engine(str(fast)), "SQLite": of_sqlite(str(fast))}
        rates = medians(ready, lambda commit: rate(commit, seconds), rounds)
    yield Row(f"open {commits:,} commits", opened["ours"], "ms", "SQLite, same rows", opened["SQLite"])
    yield Row(f"recover {size / 2**20:.2g} MiB", recovery["ours"], "ms", "the limit", LIMIT, most=1)
    yield Row("  the same", recovery["ours"], "ms", "SQLite, a log of it", recovery["SQLite"])
    yield Row("one process commits", rates["ours"], "/s", "SQLite FULL, one row", rates["SQLite"])
