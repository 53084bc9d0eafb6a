"""The files of the workspace as tools may touch them: inside it, regular, and replaced whole.

A path is resolved first, so that links within the workspace work, and then walked by directory descriptors without
following any: one that is turned into a link meanwhile is refused, not followed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator import locks
from orchestrator.errors import ToolError
from orchestrator.events import Kind
from orchestrator.evidence import WORKSPACE, local
from orchestrator.task import Task

LARGEST = 10 * 1024 * 1024
PRIVATE = ".orchestrator"
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_DOCUMENT = re.compile(r"([a-z]+(?:-[a-z]+)*)-([A-Z0-9]{6})\.(md|json)", re.ASCII)


@dataclass(frozen=True)
class File:
    """A path inside the workspace. `given`: as the model wrote it; `path`: relative, with forward slashes.

    `called`: what it calls the workspace when that is `/workspace`; what is answered then says so, too.
    """

    given: str
    root: Path
    path: str
    called: Path | None = None

    def read(self) -> bytes | None:
        """Its bytes, None when there is no such file; ToolError for what is not a regular file of at most 10 MiB."""
        try:
            with self._directory(create=False) as (directory, name):
                descriptor = os.open(name, _READ, dir_fd=directory)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._failed("open", error) from error
        try:
            self._check(os.fstat(descriptor))
            with open(descriptor, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(descriptor)

    def write(self, data: bytes) -> None:
        """Replace it whole, durably, with its mode kept; missing directories are made."""
        try:
            with self._directory(create=True) as (directory, name):
                _replace(directory, name, data)
        except OSError as error:
            raise self._failed("write", error) from error

    def remove(self) -> None:
        """Take it away, durably; no error when there is nothing."""
        try:
            with self._directory(create=False) as (directory, name):
                os.unlink(name, dir_fd=directory)
                os.fsync(directory)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._failed("remove", error) from error

    def clear(self) -> None:
        """Take away the directory in its place, which holds nothing but directories: no file is ever removed."""
        try:
            with self._directory(create=False) as (directory, name):
                for _, inner, _, there in os.fwalk(name, topdown=False, dir_fd=directory):
                    for each in inner:
                        os.rmdir(each, dir_fd=there)
                os.rmdir(name, dir_fd=directory)
        except OSError as error:
            raise self._failed("remove", error) from error

    def absent(self) -> ToolError:
        """What is said when there is no such file. Relative paths start at the workspace, so that is what it names."""
        return ToolError(f"File does not exist. Note: your current working directory is {self.called or self.root}.")

    def shown(self, path: str) -> str:
        """A path of the workspace in the words of the call: relative, or below `/workspace`."""
        return path if self.called is None else f"{self.called}/{path}"

    def _check(self, found: os.stat_result) -> None:
        if stat.S_ISDIR(found.st_mode):
            raise ToolError(f"EISDIR: illegal operation on a directory, read '{self.given}'")
        if not stat.S_ISREG(found.st_mode):
            raise mistake(f"{self.given} is not a regular file.")
        if found.st_size > LARGEST:
            raise mistake(
                f"File content ({found.st_size} bytes) exceeds maximum allowed size ({LARGEST} bytes). "
                "Use a command to look at parts of it."
            )

    def _failed(self, action: str, error: OSError) -> ToolError:
        code = errno.errorcode.get(error.errno or 0, "EIO")
        return ToolError(f"{code}: {(error.strerror or 'failed').lower()}, {action} '{self.given}'")

    @contextmanager
    def _directory(self, *, create: bool) -> Iterator[tuple[int, str]]:
        """The directory that holds it, open, and its name there."""
        *parents, name = self.path.split("/")
        directory = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for parent in parents:
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(parent, dir_fd=directory)
                inner = os.open(parent, os.O_DIRECTORY | _READ, dir_fd=directory)
                os.close(directory)
                directory = inner
            yield directory, name
        finally:
            os.close(directory)


def locate(workspace: Path, temp: Path, given: str) -> File:
    """The file that a path means; ToolError when it is outside the workspace or the engine's own.

    Definitions call the workspace `/workspace`, and so may the model, unless the real one is there.
    """
    root, folder = workspace.resolve(), temp.resolve()
    meant = given if root.is_relative_to(WORKSPACE) else local(given)
    called = None if meant == given else Path(WORKSPACE)
    try:
        real = Path(os.path.realpath(root / meant))
    except ValueError as error:  # a NUL, or half a surrogate pair
        raise mistake(f"Not a path: {given!r}.") from error
    if folder.parent != root:  # apart from others, but the documents are where they are for all
        if real.is_relative_to(root / temp.name):
            real = Path(os.path.realpath(folder / real.relative_to(root / temp.name)))
        if real.is_relative_to(folder) and not real.is_relative_to(root):
            root = folder.parent
    if not real.is_relative_to(root):
        raise mistake(
            f"{given} is outside the workspace {called or root}. Only files inside it can be read or changed."
        )
    if real.is_relative_to(folder / PRIVATE) and root == folder.parent:
        raise mistake(f"{given} belongs to the engine. What is true of the task is changed with Sync.")
    return File(given, root, real.relative_to(root).as_posix(), called)


def document(file: File, temp: Path, task: Task, kinds: Collection[Kind]) -> Kind | None:
    """The kind of this task's document that a file to be written is, None for a free file.

    Raises ToolError for a document of another task.
    """
    real, folder = file.root / file.path, temp.resolve()
    named = _DOCUMENT.fullmatch(real.name)
    if named is None or named[1] not in kinds or real.parent not in (folder, folder / "completed"):
        return None
    if (named[1] == "task-status") != (named[3] == "json"):
        return None
    if named[2] != task.id or real.parent != folder:
        raise mistake(
            f"{file.given} is a document of another task: only its own agent changes it. "
            "Refer to it with `references` in Sync."
        )
    return named[1]


@contextmanager
def changing(temp: Path, path: str | None = None) -> Iterator[None]:
    """While a file, or any, is compared and replaced: the agents of all processes do that one after another."""
    with locks.named(temp / PRIVATE / "locks" / "workspace.lock", path):
        yield


def digest(data: bytes | None) -> str | None:
    """SHA-256 in hexadecimal, None for no file."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def mistake(text: str) -> ToolError:
    """An error of the call itself, marked as agents know it."""
    return ToolError(f"<tool_use_error>{text}</tool_use_error>")


def _replace(directory: int, name: str, data: bytes) -> None:
    """Write beside it, sync, rename over it, sync the name. What a process that died in this left there goes."""
    written = f".orchestrator-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}.tmp"
    with suppress(FileNotFoundError):
        os.unlink(written, dir_fd=directory)
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with suppress(FileNotFoundError):
                found = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if not stat.S_ISREG(found.st_mode):
                    raise OSError(errno.EINVAL, "Not a regular file")
                os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.rename(written, name, src_dir_fd=directory, dst_dir_fd=directory)
        os.fsync(directory)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(written, dir_fd=directory)
        raise
