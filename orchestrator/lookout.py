"""Which tasks' documents and journals are being touched, by whomever; nothing is read here but names and times."""

from __future__ import annotations

import logging
import os
import re
import time
from contextlib import ExitStack, suppress
from math import inf
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Self

from orchestrator import documents
from orchestrator.errors import StorageError

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent

QUIET = 0.025
"""Seconds from the first touch of a task's files until it is told: most edits are over then, and so it is told once."""
ABSENCE = 0.5
"""The same where a file went away: an editor may be about to put another in its place, or somebody delete the rest."""
ROUND = 10.0
"""Seconds between two rounds, which find what the system did not tell: it forgets when it is told too much."""
POLL = 1.0
"""The same where the system tells nothing."""
_SHARE = 50
"""A round takes at most one part in so many of the time."""

_JOURNAL = re.compile(r"([A-Z0-9]{6})\.jsonl", re.ASCII)
_Found = dict[str, tuple[str, int, int, int]]


class Lookout:
    """Of one `.temp`, whose folders are there. `blind`: why the system cannot tell, None while it does."""

    def __init__(self, temp: Path) -> None:
        journals = temp / ".orchestrator" / "journal"
        self._places = (temp, temp / "completed", journals, journals / "completed")
        self._due: dict[str, float] = {}
        self._told: SimpleQueue[tuple[str, float] | None] = SimpleQueue()  # Ctrl-C may come in the midst of its `get`
        self._identity = self._identify()
        self._stack = ExitStack()
        self.blind = self._listen()
        self._found = self._look()
        self._next = time.monotonic() + self._pause

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._stack.close()

    def touched(self, task_id: str, after: float) -> None:
        """`wait` will say this task, in so many seconds unless it was to do so before. From any thread."""
        self._told.put((task_id, time.monotonic() + after))

    def wait(self, longest: float = inf) -> list[str]:
        """The tasks that were touched, once there are any or so many seconds are over.

        Raises StorageError when the folder is not there any more.
        """
        end = time.monotonic() + longest
        while True:
            if self._identify() != self._identity:
                raise StorageError(f"{self._places[0]} was taken away: start again once there is one")
            if time.monotonic() >= self._next:
                self._go_round()
            self._hear()
            now = time.monotonic()
            ready = [task_id for task_id, due in self._due.items() if due <= now]
            for task_id in ready:
                del self._due[task_id]
            if ready or now >= end:
                return ready
            self._hear(max(0.0, min(end, self._next, *self._due.values()) - now))

    def _hear(self, longest: float = 0.0) -> None:
        """Note what was touched; where nothing was, wait for so many seconds that something is."""
        with suppress(Empty):
            told = self._told.get(timeout=longest)
            while True:
                if told is not None:
                    task_id, due = told
                    self._due[task_id] = min(due, self._due.get(task_id, inf))
                told = self._told.get_nowait()

    @property
    def _pause(self) -> float:
        return POLL if self.blind else ROUND

    def _identify(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._places[0])
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _listen(self) -> str | None:
        """Ask the system to tell; returns why it does not."""
        from watchdog import events
        from watchdog.observers import Observer

        # Watchdog holds back what follows a file that was moved away, for half a second, in case it turns up
        # elsewhere. Each publication moves one away, and where it goes is all the same here.
        with suppress(ImportError):  # a version that keeps this elsewhere only tells later
            from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper

            InotifyMoveEventGrouper.delay = 0.0
        logging.getLogger("watchdog").setLevel(logging.CRITICAL)  # that events were lost: the rounds find them

        class Handler(events.FileSystemEventHandler):
            def on_any_event(_, event: FileSystemEvent) -> None:
                if event.is_directory:  # one that is watched is gone: perhaps with all there was
                    self._told.put(None)
                    return
                gone = event.event_type == events.EVENT_TYPE_DELETED
                self._tell(event.src_path, ABSENCE if gone or event.dest_path else QUIET)
                self._tell(event.dest_path, QUIET)

        touches = [
            events.FileCreatedEvent,
            events.FileModifiedEvent,
            events.FileMovedEvent,
            events.FileDeletedEvent,
            events.DirDeletedEvent,
        ]
        observer = None
        try:
            observer = Observer()
            for place in self._places:
                # a journal is closed by those too who only read it, ourselves among them
                more = [] if ".orchestrator" in place.parts else [events.FileClosedEvent]
                observer.schedule(Handler(), str(place), event_filter=[*touches, *more])
            observer.start()
        except OSError as error:
            if observer is not None:
                observer.stop()
            return error.strerror or str(error)
        self._stack.callback(observer.stop)
        return None

    def _tell(self, path: bytes | str, after: float) -> None:
        if task_id := _owner(os.path.basename(os.fsdecode(path))):
            self.touched(task_id, after)

    def _go_round(self) -> None:
        begun = time.monotonic()
        before, self._found = self._found, self._look()
        for task_id in {row[0] for _, row in before.items() ^ self._found.items()}:
            self.touched(task_id, QUIET)
        ended = time.monotonic()
        self._next = ended + max(self._pause, _SHARE * (ended - begun))

    def _look(self) -> _Found:
        """Every document and journal: its task, when it was last written, its size and number."""
        found: _Found = {}
        for place in self._places:
            with suppress(OSError):
                for entry in os.scandir(place):
                    if task_id := _owner(entry.name):
                        with suppress(OSError):
                            stat = entry.stat(follow_symlinks=False)
                            found[entry.path] = (task_id, stat.st_mtime_ns, stat.st_size, stat.st_ino)
        return found


def _owner(name: str) -> str | None:
    """The task whose document or journal is called so."""
    if named := documents.identify(name):
        return named[1]
    journal = _JOURNAL.fullmatch(name)
    return journal[1] if journal else None
