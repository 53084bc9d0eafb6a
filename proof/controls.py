"""Others' ways to keep five files in step, under the same power cuts: they must break, or the replay shows nothing."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from proof.folder import MEMORY
from proof.recording import RecordingDisk
from proof.replay import State
from proof.result import Part, Result

NAMES = tuple(f"{name}.md" for name in ("status", "plan", "checklist", "progress", "notes"))
COMMITS = 4
EACH = 40
"""States drawn after each operation."""

Way = Callable[[RecordingDisk, Path, bytes], None]


def parts(full: bool) -> Iterator[Part]:
    for way in (in_place, replaced):
        yield partial(tried, way)


def in_place(disk: RecordingDisk, path: Path, text: bytes) -> None:
    """As most write files: empty it, write it."""
    descriptor = os.open(path, os.O_WRONLY)
    disk.truncate(descriptor, path, 0)
    disk.append(descriptor, path, text, 0)
    os.close(descriptor)


def replaced(disk: RecordingDisk, path: Path, text: bytes) -> None:
    """As one replaces a single file safely."""
    staged = path.with_suffix(".new")
    disk.create(staged, text, sync=True)
    disk.move(staged, path)
    disk.sync_directory(path.parent)


CLAIMS: dict[Way, str] = {in_place: "five files written in place", replaced: "five files replaced safely, each"}


def tried(way: Way) -> Result:
    """Cuts between and within commits that change all files."""
    chance = random.Random(way.__name__)
    states: dict[int, State] = {}
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        folder = Path(place)
        (folder / "files").mkdir()
        for name in NAMES:
            (folder / "files" / name).write_bytes(text(name, 0))
        disk = RecordingDisk(folder)

        def sample() -> None:
            for state in islice(disk.model.states(chance), EACH):
                states[hash(tuple(sorted(state.items())))] = state

        disk.after = sample
        for revision in range(1, COMMITS + 1):
            for name in NAMES:
                way(disk, folder / "files" / name, text(name, revision))
    violations = tuple(problem for state in states.values() if (problem := judged(state)))
    return Result(CLAIMS[way], len(states), "disk states", violations, control=True)


def text(name: str, revision: int) -> bytes:
    return f"# {name}\n\nRevision {revision}\n".encode() + b"A line of what is known by then.\n" * (20 + revision)


def judged(state: State) -> str:
    """What is wrong with such a set of files; empty when they are whole, and all of one revision."""
    found = {name: state.get(f"files/{name}", (0, None))[1] for name in NAMES}
    for revision in range(COMMITS + 1):
        if all(data == text(name, revision) for name, data in found.items()):
            return ""
    whole = {text(name, revision) for name in NAMES for revision in range(COMMITS + 1)}
    torn = [name for name, data in found.items() if data not in whole]
    return f"torn: {', '.join(torn)}" if torn else "of several revisions"
