"""Which files of a workspace a command changed: its files before and after, by what the system says of them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from orchestrator import names
from orchestrator.events import UNREAD, FileChange

MOST_FILES = 20_000
MOST_KEPT = 256 * 1024 * 1024
"""Bytes of contents that one look keeps: the first one reads every small file there is."""
_SMALL = 1_000_000
_SKIPPED = {".git", "node_modules"}


class Row(NamedTuple):
    """A file: equal numbers mean that it was not touched. `digest`: SHA-256, None when it was never worth reading."""

    modified: int
    changed: int
    size: int
    inode: int
    digest: str | None = None


Snapshot = Mapping[str, Row]


def take(
    workspace: Path, skip: Path, known: Snapshot, keep: Callable[[bytes], str], room: int = MOST_KEPT
) -> dict[str, Row]:
    """The workspace's files, but for `skip`, .git and node_modules; the first 20,000 of a larger one.

    What is as `known` says is not read again; what it never saw is read when it is small. `keep` gets what small files
    hold, `room` bytes of it at most, and returns its SHA-256.
    """
    rows: dict[str, Row] = {}
    for entry in _files(str(workspace), str(skip)):
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError:  # as below: removed meanwhile, or not ours to see
            continue
        path = names.written(os.fsencode(entry.path[len(str(workspace)) + 1 :]))
        row = Row(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
        old = known.get(path)
        if old is not None and old[:4] == row[:4]:
            row = old
        elif row.size < _SMALL and row.size <= room:
            row = row._replace(digest=_digest(entry.path, keep))
            room -= row.size
        elif old is not None or row.size < _SMALL:
            row = row._replace(digest=_digest(entry.path))
        rows[path] = row
        if len(rows) == MOST_FILES:
            break
    return rows


def changes(workspace: Path, before: Snapshot, after: Snapshot) -> tuple[FileChange, ...]:
    """The files that differ. One that a snapshot was too small to hold is neither new nor deleted."""
    found = []
    end = max(map(_turn, before)) if len(before) == MOST_FILES else None
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new or (new is None and _there(workspace, path)):
            continue
        if old is None and end is not None and _turn(path) > end:
            continue
        change = FileChange(path=path, before=_shown(old), after=_shown(new))
        if change.before != change.after:
            found.append(change)
    return tuple(found)


def _files(directory: str, skip: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as listing:
            entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
    except OSError:  # removed meanwhile, or not ours to read
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _SKIPPED and entry.path != skip:
                yield from _files(entry.path, skip)
        elif entry.is_file(follow_symlinks=False):
            yield entry


def _turn(path: str) -> list[bytes]:
    """What orders paths as a look comes by them."""
    return names.meant(path).split(b"/")


def _there(workspace: Path, path: str) -> bool:
    """True when a look would find that file, had it room, or when nobody can tell. As a look, this follows no link."""
    place, found = workspace, stat.S_IFDIR
    try:
        for name in os.fsdecode(names.meant(path)).split("/"):
            if not stat.S_ISDIR(found):
                return False
            place /= name
            found = place.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # its directory is not ours to read any more
        return True
    return stat.S_ISREG(found)


def _shown(row: Row | None) -> str | None:
    return None if row is None else row.digest or UNREAD


def _digest(path: str, keep: Callable[[bytes], str] | None = None) -> str | None:
    """SHA-256 of a file; its content is kept if that can be."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            if keep is None:
                return hashlib.file_digest(file, "sha256").hexdigest()
            data = file.read()
    except OSError:
        return None
    try:
        return keep(data)
    except OSError:  # a full disk: to undo it will say so
        return hashlib.sha256(data).hexdigest()
