"""Disks that do something at a chosen operation, as a fault would."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from orchestrator.files import Disk
from proof.claims import Claims

Result = TypeVar("Result")


class Died(BaseException):
    """The process is dead: nothing catches this, and nothing it does afterwards reaches the disk."""


class FailingDisk(Disk):
    """A sync of data fails when it was asked to."""

    _left = 0

    def fail_sync(self, number: int) -> None:
        """The sync of that number fails, counted from now, from 1."""
        self._left = number

    def failing(self, operation: str) -> bool:
        """To be asked once an operation."""
        if operation != "fdatasync" or not self._left:
            return False
        self._left -= 1
        return not self._left


def broken(error: int, path: Path) -> OSError:
    return OSError(error, os.strerror(error), str(path))


class ScriptedDisk(FailingDisk):
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
        if self.failing(operation):
            raise broken(errno.EIO, path)
        result = action()
        self.after(number, operation, path)
        return result

    def die(self) -> None:
        self.dead = True
        raise Died

    def count(self, operation: str) -> int:
        return sum(1 for name, _ in self.log if name == operation)


class FullDisk(ScriptedDisk):
    """Fails at one operation; what that was to write may be there, or of a line a half. `lasting`: from then on."""

    def __init__(
        self, temp: Path, point: int, way: str = "before", error: int = errno.ENOSPC, lasting: bool = False
    ) -> None:
        super().__init__()
        self.claims = Claims()
        self._temp = temp
        self._point = point
        self._way = way
        self._error = error
        self._lasting = lasting

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        full = len(self.log) == self._point or (self._lasting and len(self.log) > self._point)
        if full and self._way == "before":
            self.log.append((operation, path))
            raise broken(self._error, path)
        done = super().perform(operation, path, action)
        self.claims = self.claims.looked(self._temp)
        if full and self._way == "after":
            raise broken(self._error, path)
        if full and self._way == "half" and isinstance(done, int):
            os.truncate(path, path.stat().st_size - done // 2)
            return type(done)(done - done // 2)
        return done
