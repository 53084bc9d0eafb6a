"""What a command did to the files of the workspace: they are looked at before it, and once it has ended."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from orchestrator import names, process, snapshot
from orchestrator.events import FileChange
from orchestrator.files import Disk
from orchestrator.snapshot import Row

_BEFORE = "before.json"
_LATEST = "workspace.json"


def begin(folder: Path, workspace: Path, temp: Path, keep: Callable[[bytes], str]) -> None:
    """Leave in the command's folder how the workspace is before it."""
    known = _load(folder.parent / _LATEST) or {}
    put(folder / _BEFORE, json.dumps(snapshot.take(workspace, temp, known, keep)))


def record(folder: Path, workspace: Path, temp: Path, keep: Callable[[bytes], str], *, apart: bool) -> list[FileChange]:
    """What it did; the next command of the task begins with what was seen. `apart`: no other task works there."""
    found, after = _compare(folder, workspace, temp, keep, apart=apart)
    if after:
        put(folder.parent / _LATEST, json.dumps(after))
    return found


def see(folder: Path, workspace: Path, temp: Path, keep: Callable[[bytes], str], *, apart: bool) -> list[FileChange]:
    """The same, only looked at."""
    return _compare(folder, workspace, temp, keep, apart=apart)[0]


def put(path: Path, text: str) -> None:
    """A small file of the command's folder, whole or not at all."""
    disk, written = Disk(), path.with_suffix(".new")
    disk.remove(written)
    disk.create(written, os.fsencode(text), 0o600)
    disk.move(written, path)


def _compare(
    folder: Path, workspace: Path, temp: Path, keep: Callable[[bytes], str], *, apart: bool
) -> tuple[list[FileChange], dict[str, Row]]:
    before = _load(folder / _BEFORE)
    if before is None:  # lost with the power, so nobody knows
        return [], {}
    after = snapshot.take(workspace, temp, before, keep)
    ran = process.last_sign(folder)
    shared = not apart and process.shared(folder)
    return [
        change.model_copy(update={"shared": shared or _since(workspace, change.path, after.get(change.path), ran)})
        for change in snapshot.changes(workspace, before, after)
    ], after


def _since(workspace: Path, path: str, row: Row | None, moment: int) -> bool:
    """True when something happened after that moment to the file, or to a directory that it is in or was in.

    To the workspace itself things happen all the time; that matters only where a file is gone from it.
    """
    if row is not None and row.changed > moment:
        return True
    there = row is not None
    for directory in (workspace / os.fsdecode(names.meant(path))).parents:
        if directory == workspace and there:
            return False
        try:
            if os.lstat(directory).st_ctime_ns > moment:
                return True
            there = True
        except OSError:  # gone too
            there = False
        if directory == workspace:
            return False
    return False


def _load(path: Path) -> dict[str, Row] | None:
    try:
        return {name: Row(*row) for name, row in json.loads(path.read_bytes()).items()}
    except (FileNotFoundError, ValueError):
        return None
