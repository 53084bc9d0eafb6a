"""How long a command takes from start to end, beside a Python that does nothing."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.row import Row, medians
from orchestrator.engine import Engine
from orchestrator.events import ItemAdded, PhaseChanged, TaskCreated, WorkstreamAdded

ROUNDS, FEW, MANY = 15, 100, 10_000
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Without compiled files kept, everything would be compiled again at each start."""


def folder_of(place: Path, tasks: int) -> Path:
    """A project with so many tasks in progress: one that is real, and copies of its files under other ids."""
    engine = Engine(place / ".temp")
    items = [ItemAdded(id=f"c{number}", text=f"Write part {number} of the model") for number in range(1, 16)]
    created = TaskCreated(agent="db-worker", description="Create a User model with a unique email")
    task = engine.create(created, *items, WorkstreamAdded(id="models", description="Models"))
    engine.lease(task.id).release()
    engine.commit(task.id, [PhaseChanged(phase="models")], actor="user")
    engine.close()
    files = {path: path.read_bytes() for path in (place / ".temp").rglob(f"*{task.id}*")}
    for letters in itertools.islice(itertools.product("ABCDEFGHJK", repeat=5), tasks - 1):
        name = f"{''.join(letters)}9"
        for path, data in files.items():
            path.with_name(path.name.replace(task.id, name)).write_bytes(data.replace(task.id.encode(), name.encode()))
    return place


def milliseconds(words: Sequence[str]) -> float:
    """Of one run; its output goes nowhere."""
    begun = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    return (time.perf_counter() - begun) * 1000


def rows(quick: bool) -> Iterator[Row]:
    rounds, few, many = (1, 2, 3) if quick else (ROUNDS, FEW, MANY)
    command = str(Path(sys.executable).with_name("orchestrator"))
    most = {"--help": 5.0, f"status, {few:,} tasks": 5.0, f"status, {many:,} tasks": 15.0}
    with tempfile.TemporaryDirectory() as place:
        folders = [str(folder_of(Path(place, str(tasks)), tasks)) for tasks in (few, many)]
        ways = [[command, "--help"], *([command, "--project", folder, "status"] for folder in folders)]
        named = {"": [sys.executable, "-c", "pass"], **dict(zip(most, ways, strict=True))}
        medians(named, milliseconds, 1)  # what is to be compiled is, and what is on the disk is in memory
        found = medians(named, milliseconds, rounds)
    for name, bound in most.items():
        yield Row(name, found[name], "ms", "python -c pass", found[""], bound)
