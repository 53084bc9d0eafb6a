"""The `.temp` folder: where everything is, and which file belongs to which task."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from orchestrator import documents, files
from orchestrator.contents import Contents
from orchestrator.errors import StorageError
from orchestrator.events import Kind
from orchestrator.files import Disk
from orchestrator.locks import is_locked
from orchestrator.task import Reference, Task

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
EXAMPLES = frozenset({"AB12C3", "A1B2C3", "X9Y8Z7"})
"""Ids that prompts show as examples: agents copy them, so they name nothing."""
FIT = "six of A-Z and 2-9 without I and O, at least a letter and a digit, and none that prompts show as an example"

_DRAFT = re.compile(r"[.#].*|.*~")
"""What editors leave beside a file while they have it open, and when they save it."""
_BELONGS = re.compile(r"[-_]([A-Z0-9]{6})(?=(?:\.[^.]*)?(?:\.(?:bak|old|orig))?\Z)", re.ASCII)


def draw_id() -> str:
    """Six random characters, at least one letter and one digit, none that look alike."""
    while True:
        drawn = "".join(secrets.choice(ALPHABET) for _ in range(6))
        if is_fit(drawn):
            return drawn


def is_fit(text: str) -> bool:
    """True for what a task may be called from now on: at least a letter and a digit, none that look alike."""
    mixed = any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
    return len(text) == 6 and set(text) <= set(ALPHABET) and mixed and text not in EXAMPLES


def is_id(text: str) -> bool:
    """True for what may be a task's id: those of others may have look-alikes."""
    return owner(f"-{text}") == text


def owner(name: str) -> str | None:
    """The id of the task a file belongs to: its stem ends in `-ID` or `_ID`, also that of a copy with `.bak` behind."""
    found = _BELONGS.search(name)
    return found.group(1) if found else None


def under(task_id: str, name: str) -> str:
    """The name of a task's file as it is under another id."""
    return _BELONGS.sub(lambda found: found[0][0] + task_id, name)


@lru_cache(maxsize=1024)
def _place(directory: Path, kind: Kind, task_id: str) -> Path:
    return directory / documents.file_name(kind, task_id)


NOTHING = "this change was not committed: mend it and try again"
AGAIN = "mend it and try again"
LATER = "mend it: the next command goes on"


@contextmanager
def storage(temp: Path, otherwise: str = NOTHING) -> Iterator[None]:
    """What the disk says no to is a StorageError. `otherwise`: what that means, where it may be after a commit."""
    try:
        yield
    except OSError as error:
        where = os.fsdecode(error.filename or temp)
        raise StorageError(f"{where}: {error.strerror}; {otherwise}") from None


class Folder:
    """The paths below one `.temp`. `outputs`: of large tool results; `contents`: what files held around calls."""

    def __init__(self, temp: Path, disk: Disk) -> None:
        self.temp = temp
        self.disk = disk
        self.completed = temp / "completed"
        self.internal = temp / ".orchestrator"
        self.staging = self.internal / "staging"
        self.outputs = Contents(self.internal / "outputs", disk)
        self.contents = Contents(self.internal / "contents", disk)
        self.locks = self.internal / "locks"
        self.logs = self.internal / "logs"

    def prepare(self) -> None:
        """Make the folders that are not there. The engine's own is private and ignores itself in git."""
        self.disk.make_directories(self.completed)
        for path in (self.internal, self.staging, self.outputs.folder, self.contents.folder, self.locks):
            self.disk.make_directories(path, 0o700)
        ignore = self.internal / ".gitignore"
        if files.read(ignore) != b"*\n":
            self.disk.remove(ignore)
            with suppress(FileExistsError):  # another process was faster
                self.disk.create(ignore, b"*\n")

    def place(self, archived: bool) -> Path:
        """Where documents are: of archived tasks, or of the others."""
        return self.completed if archived else self.temp

    def home(self, task: Task) -> Path:
        """Where the task's documents are."""
        return self.place(task.archived)

    def document(self, task: Task, kind: Kind) -> Path:
        return _place(self.home(task), kind, task.id)

    def elsewhere(self, task: Task, kind: Kind) -> Path:
        """Where the document would be if the task were archived, or not any more."""
        return _place(self.place(not task.archived), kind, task.id)

    def mode(self, task: Task, kind: Kind) -> int | None:
        """The permissions of a document, also of one that is just being moved; None when there is none."""
        move, here = task.moving, self.document(task, kind)
        before = (self.place(move.archived) / documents.file_name(kind, move.id),) if move else ()
        return files.mode(here, *before)

    def staged(self, task: Task, kind: Kind) -> Path:
        return _place(self.staging, kind, task.id)

    def commands(self, task_id: str) -> Path:
        """The private folder of a task's running commands."""
        return self.internal / "commands" / task_id

    def companions(self, task: Task) -> tuple[str, ...]:
        """The names of the files that agents or people left beside the task's documents."""
        names = self._names(self.home(task), task.id)
        return tuple(sorted(name for name in names if documents.identify(name) is None))

    def strayed(self, row: Reference) -> bool:
        """True when the documents of a task that another one refers to are in the other place than is said."""
        name = documents.file_name("task-status", row.task)
        return not (self.place(row.moved) / name).exists() and (self.place(not row.moved) / name).exists()

    def log(self, task_id: str) -> Path:
        """What its detached workers say."""
        return self.logs / f"{task_id}.log"

    def running(self, task_id: str) -> tuple[Path, ...]:
        """The folders of the task's commands that run now: they may outlive its worker."""
        folder = self.commands(task_id)
        return tuple(folder / name for name in files.names(folder) if is_locked(folder / name / "lock"))

    def taken(self, task_id: str) -> bool:
        """True when any file here carries the id, ours or hand-made."""
        return any(any(self._names(place, task_id)) for place in (self.temp, self.completed))

    def _names(self, place: Path, task_id: str) -> Iterator[str]:
        for path in place.iterdir():
            if owner(path.name) == task_id and not _DRAFT.fullmatch(path.name):
                yield path.name

    def free_name(self, place: Path, prefix: str, task_id: str, suffix: str, data: bytes | None = None) -> str:
        """A name of the task's that nothing has yet: `prefix-ID.suffix`, `prefix-2-ID.suffix` …

        Or what has it is a beginning of `data`, or all of it: left by who died then.
        """
        name, number = f"{prefix}-{task_id}.{suffix}", 2
        while files.exists(place / name) and not _begins(place / name, data):
            name, number = f"{prefix}-{number}-{task_id}.{suffix}", number + 1
        return name


def _begins(path: Path, data: bytes | None) -> bool:
    """True when all that a file holds is a beginning of `data`."""
    try:
        return data is not None and data.startswith(files.read(path) or b"")
    except OSError:
        return False
