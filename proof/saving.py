"""The ways in which editors save a file: a list of steps each, between which anything may happen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from orchestrator.events import Kind

Step = Callable[[], None]
QUIET = 60
"""A file was left alone for so many seconds, as its time says."""


@dataclass
class Saving:
    """One document as somebody had it before them, as they save it, and the steps of that; `old`: an old buffer."""

    kind: Kind
    path: Path
    base: bytes
    data: bytes
    ticks: dict[str, bool]
    old: bool = False
    steps: list[Step] = field(default_factory=list)
    begun: bool = False

    def go_on(self) -> None:
        self.begun = True
        self.steps.pop(0)()

    def finish(self) -> None:
        while self.steps:
            self.go_on()


def in_place(saving: Saving, rng: Random) -> list[Step]:
    return [lambda: _write(saving.path, saving.data)]


def in_pieces(saving: Saving, rng: Random) -> list[Step]:
    """Truncated, then written in pieces; the file stays open all the while."""
    opened: list[int] = []
    cuts = sorted(rng.randint(0, len(saving.data)) for _ in range(2))
    pieces = [saving.data[: cuts[0]], saving.data[cuts[0] : cuts[1]], saving.data[cuts[1] :]]

    def begin() -> None:
        opened.append(os.open(saving.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644))

    def write(piece: bytes) -> Step:
        return lambda: _write_all(opened[0], piece)

    return [begin, *(write(piece) for piece in pieces), lambda: os.close(opened[0])]


def appended(saving: Saving, rng: Random) -> list[Step]:
    """`echo >>`, twice: nothing that was there is seen or written again."""
    added = saving.data[len(saving.base) :]
    cut = added.find(b"\n") + 1

    def append(piece: bytes) -> Step:
        def act() -> None:
            descriptor = os.open(saving.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            _write_all(descriptor, piece)
            os.close(descriptor)

        return act

    return [append(added[:cut]), append(added[cut:])]


def renamed(saving: Saving, rng: Random) -> list[Step]:
    """Written beside the file and renamed onto it."""
    beside = saving.path.with_name(rng.choice([".{}.tmp", "{}.new", "sed-{}"]).format(saving.path.name))
    return [lambda: _write(beside, saving.data), lambda: os.replace(beside, saving.path)]


def backed_up(saving: Saving, rng: Random) -> list[Step]:
    """The file is renamed to a backup, written anew, and the backup taken away."""
    backup = saving.path.with_name(f"{saving.path.name}.~")

    def put_away() -> None:
        if saving.path.exists():
            os.replace(saving.path, backup)

    return [put_away, lambda: _write(saving.path, saving.data), lambda: backup.unlink(missing_ok=True)]


WAYS = (in_place, in_pieces, renamed, backed_up)


def settle(path: Path) -> None:
    """Let the file look as if nobody had touched it for a while."""
    if path.exists():
        then = time.time() - QUIET
        os.utime(path, (then, then))


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
