"""A disk that does something at a chosen operation, as a fault would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from orchestrator.files import Disk

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
