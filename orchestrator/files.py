"""Journals and documents are written here only, one method an operation.

Every change goes through `Disk.perform`, so that a test can put another disk under the engine: one that counts,
fails or dies before or after the k-th operation.

Durability, as POSIX and Linux give it: a file's data is on the disk after `fdatasync`, its name after the `fsync` of
its directory. A sync that failed is never tried again: the cache may have dropped what it could not write
(Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from orchestrator import openings, renames

Result = TypeVar("Result")

LARGEST = 64 * 1024 * 1024


class Identity(NamedTuple):
    """What tells a file, and each change of it, from others; times are nanoseconds."""

    number: int
    size: int
    written: int
    changed: int
    mode: int

    @property
    def permissions(self) -> int:
        """Who may read, write and run it."""
        return permissions(self.mode)


def _name(error: OSError, path: Path) -> None:
    """Put the file's name into the error of what was done to it while it was open."""
    if error.filename is None:
        error.filename = str(path)


class Disk:
    """The operations that change a disk. Each raises OSError as the system gave it, with the path."""

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        """Run one operation. Tests override this."""
        try:
            return action()
        except OSError as error:
            _name(error, path)
            raise

    def create(self, path: Path, data: bytes, mode: int = 0o644, *, sync: bool = False, exactly: bool = False) -> None:
        """A new file with this content; FileExistsError when there is one. Durable data (not name) with `sync`.

        It has the mode less the umask, or `exactly` the mode. Nothing is left of one that could not be written whole.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = self.perform("create", path, lambda: os.open(path, flags, mode))
        try:
            if exactly and permissions(os.fstat(descriptor).st_mode) != mode:
                self.perform("chmod", path, lambda: os.fchmod(descriptor, mode))
            self._write(descriptor, path, data)
            if sync:
                self.sync_data(descriptor, path)
        except OSError:
            self.remove(path)
            raise
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int, path: Path, data: bytes, offset: int = 0) -> None:
        view = memoryview(data)
        while view:
            act = partial(os.pwrite, descriptor, view, offset)
            written = self.perform("write", path, act)
            view, offset = view[written:], offset + written

    def rewrite(self, path: Path, data: bytes, old: bytes, identity: Identity) -> bool:
        """Give a file another content in place; False, and nothing is done, where it is not as it was.

        It was `untouched` when it had the content `old` and this identity. At every moment it holds `old` or a
        beginning of `data`, and nothing is left of it when it could not be written whole.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            if _identity(os.fstat(descriptor)) != identity:
                return False
            same = _same_beginning(old, data)
            self.truncate(descriptor, path, same)
            self._write(descriptor, path, data[same:], same)
        except OSError:
            self.remove(path)
            raise
        finally:
            os.close(descriptor)
        return True

    def append(self, descriptor: int, path: Path, data: bytes, size: int) -> None:
        """Append in one write; what was written of a failed one is taken back to `size` bytes, and OSError raised."""
        try:
            written = self.perform("append", path, lambda: os.write(descriptor, data))
            if written != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError:
            self.truncate(descriptor, path, size)
            raise

    def mark(self, descriptor: int, path: Path, data: bytes) -> None:
        """Overwrite the start of a file; never synced."""
        self.perform("mark", path, lambda: os.pwrite(descriptor, data, 0))

    def truncate(self, descriptor: int, path: Path, size: int) -> None:
        self.perform("truncate", path, lambda: os.ftruncate(descriptor, size))

    def sync_data(self, descriptor: int, path: Path) -> None:
        """The file's data and size are on the disk when this returns."""
        self.perform("fdatasync", path, lambda: _fdatasync(descriptor))

    def sync_file(self, path: Path) -> None:
        """`sync_data` for a file that is not open."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            self.sync_data(descriptor, path)
        finally:
            os.close(descriptor)

    def sync_directory(self, path: Path) -> None:
        """The names in a directory are on the disk when this returns."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            self.perform("fsync", path, lambda: os.fsync(descriptor))
        finally:
            os.close(descriptor)

    def exchange(self, one: Path, other: Path) -> None:
        """The two names change places in one step."""
        self.perform("exchange", other, lambda: renames.exchange(one, other))

    def move(self, source: Path, target: Path) -> None:
        """Rename; an existing target is replaced."""
        self.perform("move", target, lambda: os.rename(source, target))

    def move_new(self, source: Path, target: Path) -> None:
        """Rename; FileExistsError when the target exists.

        A file that has both names already, as a power loss may leave it, loses the first one.
        """

        def act() -> None:
            try:
                try:
                    renames.move_new(source, target)
                except OSError as error:
                    if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
                        raise
                    os.link(source, target, follow_symlinks=False)
                    os.unlink(source)
            except FileExistsError:
                mine = os.lstat(source)
                if mine.st_nlink == 1 or not os.path.samestat(mine, os.lstat(target)):
                    raise
                os.unlink(source)

        self.perform("move_new", target, act)

    def remove(self, path: Path) -> None:
        """Unlink; no error when there is nothing."""

        def act() -> None:
            with suppress(FileNotFoundError):
                os.unlink(path)

        self.perform("remove", path, act)

    def make_directories(self, path: Path, mode: int = 0o755) -> None:
        """The directory and its missing parents, each name durable when this returns."""
        if path.is_dir():
            return
        if there := obstacle(path):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there))
        missing = []
        while not path.is_dir():
            missing.append(path)
            path = path.parent
        for directory in reversed(missing):
            self.perform("mkdir", directory, lambda made=directory: made.mkdir(mode, exist_ok=True))  # type: ignore[misc]
            try:
                self.sync_directory(directory.parent)
            except OSError:  # the next one who finds it there would take it for durable
                with suppress(OSError):
                    self.perform("rmdir", directory, directory.rmdir)
                raise


def exists(path: Path) -> bool:
    """True when something has that name, be it a link to nothing. Raises OSError when that cannot be told."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def names(directory: Path) -> list[str]:
    """What is in a directory, nothing when there is none. Raises OSError when that cannot be told."""
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []


def obstacle(path: Path) -> Path | None:
    """What is there in place of a directory, the path itself or one above it."""
    return next((place for place in (*reversed(path.parents), path) if place.exists() and not place.is_dir()), None)


def read(path: Path, *, follow: bool = False, finished: bool = False) -> bytes | None:
    """The bytes of a regular file, None when there is nothing.

    A link in the last component is followed only with `follow`; a FIFO is never waited for. Raises OSError, also for
    what is not a regular file (EINVAL) or larger than 64 MiB (EFBIG), and with `finished` for what a process has open
    for writing (EAGAIN).
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None
    try:
        return _read(descriptor, path, finished)
    except OSError as error:
        _name(error, path)
        raise
    finally:
        os.close(descriptor)


def _read(descriptor: int, path: Path, finished: bool) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if finished and openings.has_writer(descriptor):
        raise OSError(errno.EAGAIN, "a program had it open for writing when it was replaced", str(path))
    if found.st_size > LARGEST:
        raise OSError(errno.EFBIG, "larger than 64 MiB", str(path))
    data = os.read(descriptor, found.st_size + 1)
    while len(data) != found.st_size and (more := os.read(descriptor, 65536)):  # it changes while it is read
        data += more
    return data


def read_open(descriptor: int, start: int = 0) -> bytes:
    """What an open file holds from there on, all of it. Raises OSError.

    One read is not to be believed: before a bad sector, and beyond 2 GiB, it returns what it has, and the next one says
    why.
    """
    size = max(0, os.fstat(descriptor).st_size - start)
    data = os.pread(descriptor, size, start)
    while len(data) < size:
        more = os.pread(descriptor, size - len(data), start + len(data))
        if not more:
            raise OSError(errno.EIO, "shorter than the system says")
        data += more
    return data


def untouched(path: Path, data: bytes) -> Identity | None:
    """The file's identity if it holds exactly this and nobody sees what is written into it, else None.

    It has no other name then and is open nowhere; other systems than Linux do not say.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        alone = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and openings.is_open_here_alone(descriptor)
        return _identity(found) if alone and os.read(descriptor, found.st_size + 1) == data else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def identity(path: Path | str, *, follow: bool = False) -> Identity | None:
    """The file's; None when there is none. `follow`: links too."""
    try:
        return _identity(os.stat(path, follow_symlinks=follow))
    except OSError:
        return None


def settled(identity: Identity, seconds: float) -> bool:
    """True when that file was last changed so long ago that one more change would give it another identity."""
    return time.time() - identity.changed / 1e9 > seconds


def _identity(found: os.stat_result) -> Identity:
    return Identity(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode)


def permissions(mode: int) -> int:
    """Of a file's mode, who may read, write and run it."""
    return stat.S_IMODE(mode) & 0o777


def mode(*paths: Path) -> int | None:
    """The permissions of the first of these that is a regular file."""
    for path in paths:
        with suppress(OSError):
            if stat.S_ISREG(found := os.lstat(path).st_mode):
                return permissions(found)
    return None


def _same_beginning(one: bytes, other: bytes) -> int:
    """How many bytes two contents begin with in common."""
    size = min(len(one), len(other))
    difference = int.from_bytes(one[:size], "big") ^ int.from_bytes(other[:size], "big")
    return size - (difference.bit_length() + 7) // 8


def exchanges(disk: Disk, directory: Path) -> bool:
    """True when two names in this directory really change places: some file systems silently rename instead.

    One at a time: the caller sees to that.
    """
    one, other = directory / ".probe-1", directory / ".probe-2"
    try:
        for path in (one, other):
            disk.remove(path)
            disk.create(path, path.name.encode())
        disk.exchange(one, other)
        return read(one) == other.name.encode() and read(other) == one.name.encode()
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM):
            return False
        raise
    finally:
        disk.remove(one)
        disk.remove(other)


def _fdatasync(descriptor: int) -> None:
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(descriptor)
