"""How long it takes from a person's saving of a document until `orchestrator watch`, a process of its own, has
committed the edit and says so; beside a bare watchdog that only sees a file of the same size being saved.

Every other save is in place, the rest put a new file in the place of the old one, as editors do.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from benchmarks.row import Row, medians
from orchestrator.engine import Engine
from orchestrator.events import ItemAdded, TaskCreated

EDITS, MOST = 60, 100.0
Seen = Callable[[str], object]


@contextmanager
def by_us(place: Path) -> Iterator[tuple[Path, Seen]]:
    """A document of a task, and what returns once an edit with that word is committed."""
    engine = Engine(place / ".temp")
    items = [ItemAdded(id=f"c{number}", text=f"Write part {number} of the model") for number in range(1, 16)]
    task = engine.create(TaskCreated(agent="db-worker", description="Create a User model"), *items)
    engine.close()
    words = [sys.executable, "-m", "orchestrator", "--project", str(place), "watch", "--output", "stream-json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        said: IO[str] = process.stdout  # type: ignore[assignment]
        said.readline()

        def seen(word: str) -> None:
            while word not in json.loads(said.readline()).get("event", {}).get("text", ""):
                pass

        yield place / ".temp" / f"checklist-{task.id}.md", seen
        process.terminate()


@contextmanager
def by_watchdog(place: Path) -> Iterator[tuple[Path, Seen]]:
    """A file, and what returns once watchdog tells of it."""
    path, told = place / "checklist.md", queue.SimpleQueue[None]()
    path.write_text("- [ ] Write part 1 of the model\n" * 15)

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            if event.event_type in ("modified", "moved") and not event.is_directory:
                told.put(None)

    def seen(word: str) -> None:
        told.get()
        while not told.empty():  # an edit is several events
            told.get()

    logging.getLogger("watchdog").setLevel(logging.CRITICAL)  # what it has to say when it is stopped
    observer = Observer()
    observer.schedule(Handler(), str(place))
    observer.start()
    yield path, seen
    observer.stop()


def rows(quick: bool) -> Iterator[Row]:
    numbers = itertools.count()

    def milliseconds(way: tuple[Path, Seen]) -> float:
        path, seen = way
        number = next(numbers)
        word = f"wording {number}"
        text = path.read_text().replace("Write part 3 of the model", f"Write part 3 of the model, {word},", 1)
        begun = time.perf_counter()
        if number // 2 % 2:
            path.write_text(text)
        else:
            path.with_suffix(".swp").write_text(text)
            os.replace(path.with_suffix(".swp"), path)
        seen(word)
        return (time.perf_counter() - begun) * 1000

    with ExitStack() as stack:
        ours, theirs = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        ways = {"ours": stack.enter_context(by_us(ours)), "watchdog": stack.enter_context(by_watchdog(theirs))}
        found = medians(ways, milliseconds, 2 if quick else EDITS)
    yield Row("an edit is committed", found["ours"], "ms", "a tenth of a second", MOST, 1.0)
    yield Row("  the same", found["ours"], "ms", "watchdog tells of it", found["watchdog"])
