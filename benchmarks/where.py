"""Where the time of a commit goes: each step of `engine.commit` as the worker calls it, beside the whole of it.

Of each the tenth fastest in a hundred counts, as of the whole in `commit`.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from typing import Any

from benchmarks.commit import engine_commits
from benchmarks.row import Row
from orchestrator.engine.desk import Desk
from orchestrator.engine.shelf import Shelf
from orchestrator.files import Disk
from orchestrator.journal.file import FileJournal

COMMITS = 400
STEPS: dict[str, tuple[type, str]] = {
    "look at the documents": (Shelf, "reconcile"),
    "apply, render": (Desk, "append"),
    "append": (FileJournal, "append"),
    "sync": (Disk, "sync_data"),
    "publish": (Shelf, "publish"),
}
"""What does each step. What is left of a commit is its lock, and reading back what others committed."""


class Stopwatch:
    """The milliseconds of each step of one commit after another, what a step calls of another one left out."""

    def __init__(self) -> None:
        self.found: dict[str, list[float]] = defaultdict(list)
        self._inner = [0.0]
        self._now: dict[str, float] = {}

    def time(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(act)
        def timed(*arguments: Any, **named: Any) -> Any:
            self._inner.append(0.0)
            begun = time.perf_counter()
            try:
                return act(*arguments, **named)
            finally:
                took = time.perf_counter() - begun
                self._now[name] = self._now.get(name, 0.0) + took - self._inner.pop()
                self._inner[-1] += took

        return timed

    def commit(self, run: Callable[[int], None]) -> None:
        self._now.clear()
        self.time("", run)(1)
        for name, seconds in self._now.items():
            self.found[name].append(seconds * 1000)


def rows(quick: bool) -> Iterator[Row]:
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        run = engine_commits(Path(folder), Disk())
        run(2)
        for name, (kind, method) in STEPS.items():
            act = getattr(kind, method)
            stack.callback(setattr, kind, method, act)
            setattr(kind, method, watch.time(name, act))
        for _ in range(2 if quick else COMMITS):
            watch.commit(run)
    found = {name or "lock, read back": statistics.quantiles(each, n=10)[0] for name, each in watch.found.items()}
    whole = sum(found.values())
    for name in ("lock, read back", *STEPS):
        yield Row(name, found[name], "ms", "a whole commit", whole)
