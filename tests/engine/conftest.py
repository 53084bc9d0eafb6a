from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from orchestrator.documents import KINDS, file_name, unstamp
from orchestrator.engine import Engine
from orchestrator.events import ItemAdded, Kind, TaskCreated, WorkstreamAdded
from orchestrator.files import Disk
from orchestrator.task import Task, digest

ID = "K7Q2MX"
CREATED = TaskCreated(agent="db-worker", description="Create a User model")
PLAN = (
    WorkstreamAdded(id="models", description="Models"),
    ItemAdded(id="c1", text="Write the model"),
    ItemAdded(id="c2", text="Write the migration"),
)
Result = TypeVar("Result")


class Died(BaseException):
    """The process is dead: nothing catches this, and nothing it does afterwards reaches the disk."""


class ScriptedDisk(Disk):
    """Counts operations, and does `before` or `after` at a chosen one."""

    def __init__(self) -> None:
        self.log: list[tuple[str, Path]] = []
        self.before: Callable[[int, str, Path], None] = lambda number, operation, path: None
        self.after: Callable[[int, str, Path], None] = lambda number, operation, path: None
        self.dead = False

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        if self.dead:
            raise Died
        number = len(self.log)
        self.log.append((operation, path))
        self.before(number, operation, path)
        result = action()
        self.after(number, operation, path)
        return result

    def die(self) -> None:
        self.dead = True
        raise Died

    def count(self, operation: str) -> int:
        return sum(1 for name, _ in self.log if name == operation)


def open_engine(temp: Path, disk: Disk | None = None, *, portable: bool = False) -> Engine:
    return Engine(
        temp, disk=disk, clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), ids=lambda: ID, portable=portable
    )


def path_of(temp: Path, kind: Kind, task_id: str = ID) -> Path:
    return temp / file_name(kind, task_id)


def text_of(temp: Path, kind: Kind, task_id: str = ID) -> str:
    return path_of(temp, kind, task_id).read_text()


def all_texts(temp: Path) -> dict[str, bytes]:
    """Every document and companion, by its place."""
    found = {}
    for folder in (temp, temp / "completed"):
        for path in folder.iterdir():
            if path.is_file():
                found[str(path.relative_to(temp))] = path.read_bytes()
    return found


def assert_in_step(temp: Path, task: Task) -> None:
    """Every document is whole, and exactly what the journal last published of it (invariants 4 and 7)."""
    home = temp / "completed" if task.archived else temp
    for kind, published in task.documents.items():
        text = (home / file_name(kind, task.id)).read_text()
        body, stamp = unstamp(kind, text)
        assert stamp is not None
        assert stamp.intact
        assert (stamp.revision, digest(body)) == (published.revision, published.digest)
    if task.archived:
        assert not [path for kind in KINDS if (path := temp / file_name(kind, task.id)).exists()]


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    return tmp_path / ".temp"


@pytest.fixture
def disk() -> ScriptedDisk:
    return ScriptedDisk()


@pytest.fixture(params=["exchange", "portable"])
def engine(request: pytest.FixtureRequest, temp: Path, disk: ScriptedDisk) -> Iterator[Engine]:
    """An engine with one task that has a plan; on both ways to publish."""
    found = open_engine(temp, disk, portable=request.param == "portable")
    found.create(CREATED, *PLAN)
    yield found
    found.close()
