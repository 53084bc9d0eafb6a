"""Locks between processes and threads: files under `flock`, which the kernel frees when their holder dies."""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Lock:
    """A blocking lock between processes and threads: a kept-open file under `flock`, never unlinked.

    The file's first bytes are free for a mark (`Disk.mark`). The kernel frees it when its holder dies.
    A forked child would share its parent's lock, so it opens its own; so does who finds that somebody else has taken
    the file away, for others hold the one that has its name. Of those who wait one stands first, under a lock of the
    file's first byte: who has just released it cannot take it again before that one had it. Who waits for one that is
    closed meanwhile opens it again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin()

    def _begin(self) -> None:
        self.descriptor = _opened(self.path)
        self._process = os.getpid()
        self._threads = threading.RLock()
        self._depth = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the lock and hold it; may be nested within one thread."""
        with self.alone():
            if self._depth == 0:
                try:
                    self._take()
                    while not self._has_its_name():
                        opened = _opened(self.path)
                        os.close(self.descriptor)
                        self.descriptor = opened
                        self._take()
                except OSError as error:
                    raise OSError(error.errno, error.strerror, str(self.path)) from None
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other thread of this process holds the lock, or closes it, meanwhile."""
        if self._process != os.getpid():
            if self.descriptor >= 0:
                os.close(self.descriptor)
            self.descriptor = -1  # it may be another file's by the time when this one can be opened
            self._begin()
        with self._threads:
            yield

    def _take(self) -> None:
        if self.descriptor < 0:
            self.descriptor = _opened(self.path)
        self._stand_first(fcntl.F_WRLCK)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        finally:
            self._stand_first(fcntl.F_UNLCK)

    def _has_its_name(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self.descriptor), os.lstat(self.path))
        except FileNotFoundError:
            return False

    def _stand_first(self, lock: int) -> None:
        if hasattr(fcntl, "F_OFD_SETLKW"):  # Linux; elsewhere whoever comes first is served first
            fcntl.fcntl(self.descriptor, fcntl.F_OFD_SETLKW, _region(lock, 0, 1))

    def close(self) -> None:
        with self.alone():
            if self.descriptor >= 0:
                os.close(self.descriptor)
            self.descriptor = -1


@contextmanager
def named(path: Path, name: str | None = None) -> Iterator[None]:
    """Hold the name, or all names, while others hold other names of the same file; where that cannot be, all always."""
    descriptor = _opened(path)
    try:
        if hasattr(fcntl, "F_OFD_SETLKW"):
            place = 0 if name is None else zlib.crc32(name.encode("utf-8", "surrogateescape"))
            length = 0 if name is None else 1  # 0: to the end
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, _region(fcntl.F_WRLCK, place, length))
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _region(lock: int, start: int, length: int) -> bytes:
    """A `struct flock` of 64-bit offsets, see fcntl(2)."""
    return struct.pack("hhqqi4x", lock, os.SEEK_SET, start, length, 0)


def is_locked(path: Path) -> bool:
    """True when a living process holds a lock on this file; asking disturbs neither it nor others who ask."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
