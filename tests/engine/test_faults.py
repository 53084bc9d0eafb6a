"""Calls that fail: what cannot be told is no absence, and no document is trusted that a failed sync left in doubt."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from orchestrator import files
from orchestrator.errors import StorageError
from orchestrator.events import PhaseChanged
from proof.disk import ScriptedDisk
from proof.folder import CREATED, ID, PLAN, open_engine, path_of


def full(disk: ScriptedDisk, temp: Path) -> None:
    """From the first sync of a document on, nothing new finds room."""
    begun = False

    def before(number: int, operation: str, path: Path) -> None:
        nonlocal begun
        begun = begun or (operation == "fdatasync" and path.parent == temp)
        if begun and operation in ("fdatasync", "create"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    disk.before = before


def test_documents_whose_sync_failed_are_written_anew_by_the_next_process_before_it_syncs_them(tmp_path: Path) -> None:
    temp, disk = tmp_path / ".temp", ScriptedDisk()
    open_engine(temp).create(CREATED, *PLAN)
    engine = open_engine(temp, disk)
    engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    full(disk, temp)
    engine.close()

    disk = ScriptedDisk()
    engine = open_engine(temp, disk)
    engine.refresh(ID)
    engine.close()
    plan = path_of(temp, "plan")
    assert [name for name, path in disk.log if path == plan] == ["exchange", "fdatasync"]

    disk = ScriptedDisk()
    engine = open_engine(temp, disk)
    engine.refresh(ID)
    engine.close()
    assert not [name for name, path in disk.log if path == plan and name == "exchange"]


def test_a_name_that_cannot_be_looked_at_is_not_taken_for_one_that_is_not_there(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert files.exists(loop)
    assert not files.exists(tmp_path / "nothing")
    with pytest.raises(OSError, match="symbolic links"):
        files.exists(loop / "report.md")


def test_what_the_disk_says_no_to_is_one_error_that_names_the_file(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    open_engine(temp).create(CREATED, *PLAN)
    journal = temp / ".orchestrator" / "journal" / f"{ID}.jsonl"
    journal.unlink()
    journal.symlink_to(journal)
    with pytest.raises(StorageError, match=rf"{ID}\.jsonl: Too many levels of symbolic links"):
        open_engine(temp).refresh(ID)
