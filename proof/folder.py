"""A `.temp` folder under test: how it is opened, read, and found to be in step."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from orchestrator import system
from orchestrator.documents import KINDS, file_name, unstamp
from orchestrator.errors import Fenced
from orchestrator.events import ItemAdded, Kind, PhaseChanged, TaskCreated, WorkstreamAdded
from orchestrator.files import Disk
from orchestrator.task import Task, digest
from orchestrator.transitions import fold, origin
from proof.disk import ScriptedDisk
from proof.witness import Witness

ID, NEW = "K7Q2MX", "N2W3D4"
CREATED = TaskCreated(agent="db-worker", description="Create a User model")
PLAN = (
    WorkstreamAdded(id="models", description="Models"),
    ItemAdded(id="c1", text="Write the model"),
    ItemAdded(id="c2", text="Write the migration"),
)
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where a proof is that is no matter of the disk: twice as fast there."""


def always() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def open_engine(
    temp: Path, disk: Disk | None = None, *, portable: bool = False, clock: Callable[[], datetime] = always
) -> Witness:
    """One whose times, unless a clock is given, and ids are always the same: ID, or where there is one, NEW."""

    def draw() -> str:
        return NEW if any((temp / ".orchestrator" / "journal").rglob(f"{ID}.jsonl")) else ID

    return Witness(temp, disk=disk, clock=clock, ids=draw, portable=portable)


def path_of(temp: Path, kind: Kind, task_id: str = ID) -> Path:
    return temp / file_name(kind, task_id)


def text_of(temp: Path, kind: Kind, task_id: str = ID) -> str:
    return path_of(temp, kind, task_id).read_text()


def all_texts(temp: Path) -> dict[str, bytes]:
    """Every document and companion, by its place."""
    found = {}
    for folder in ("", "completed/"):
        with os.scandir(f"{temp}/{folder}") as rows:
            for row in rows:
                if row.is_file():
                    with open(row, "rb", buffering=0) as file:
                        found[folder + row.name] = file.read()
    return found


def assert_in_step(temp: Path, task: Task) -> None:
    """Every document is whole, and exactly what the journal last published of it (invariants 4 and 7)."""
    home = temp / "completed" if task.archived else temp
    for kind, published in task.documents.items():
        body, stamp = unstamp(kind, (home / file_name(kind, task.id)).read_bytes().decode())
        assert stamp is not None, f"{kind}: no stamp"
        assert stamp.intact, f"{kind}: its stamp does not fit"
        found, recorded = (stamp.revision, digest(body)), (published.revision, published.digest)
        assert found == recorded, f"{kind}: {found} where the journal published {recorded}"
    left = [kind for kind in KINDS if task.archived and (temp / file_name(kind, task.id)).exists()]
    assert not left, f"archived, yet {left} are in both places"


def content(temp: Path) -> bytes:
    """A digest of all that a process to come finds in the folder.

    When files were last changed counts only where a mark says that what power took is not seen to yet.
    """
    found, times, rebooted = hashlib.sha256(), [], False
    for folder, folders, names in os.walk(temp):
        folders.sort()
        found.update(f"{folder[len(str(temp)) :]}/".encode())
        for name in sorted(names):
            row = os.lstat(path := f"{folder}/{name}")
            times.append(row.st_mtime < system.boot_time())
            found.update(f"{name} {row.st_mode} {row.st_size} ".encode())
            if stat.S_ISREG(row.st_mode):
                with open(path, "rb", buffering=0) as file:
                    found.update(data := file.read())
                rebooted |= name.endswith(".lock") and b" rebooted" in data
    if rebooted:
        found.update(repr(times).encode())
    return found.digest()


def recovered(temp: Path, lasting: set[bytes] | None = None) -> Witness:
    """Open after a fault: everything is in step, nothing is left in staging, doing it twice changes nothing.

    `lasting`: the contents of which the last is known; it becomes known of this one.
    """
    engine = refreshed(temp)
    assert_all_in_step(engine)
    if lasting is None or (found := content(temp)) not in lasting:
        assert_lasting(temp)
        if lasting is not None:
            lasting.add(found)
    return engine


def refreshed(temp: Path) -> Witness:
    """Open after a fault: every task is brought up to date."""
    engine = open_engine(temp)
    for task_id in engine.ids():
        engine.refresh(task_id)
    return engine


def assert_all_in_step(engine: Witness) -> None:
    for task_id in engine.ids():
        assert_in_step(engine.folder.temp, engine.peek(task_id))


def assert_lasting(temp: Path) -> None:
    """Nothing is left in staging of what was brought in step, and doing it again changes nothing."""
    before = all_texts(temp)
    again = open_engine(temp)
    for task_id in again.ids():
        again.refresh(task_id)
    again.close()
    assert all_texts(temp) == before, "a second recovery changed a document"
    left = [path for path in (temp / ".orchestrator" / "staging").iterdir() if not path.name.startswith(".probe")]
    assert not left, f"left in staging: {left}"


def assert_sound(temp: Path) -> None:
    """What holds of every folder that is in step, of each of its tasks (invariants 2, 3, 8 and 9)."""
    engine = open_engine(temp, disk := ScriptedDisk())
    for task_id in engine.ids():
        task = engine.refresh(task_id).task
        assert_folds(engine, task)
        before = all_texts(temp)
        for kind in task.documents:
            ((temp / "completed" if task.archived else temp) / file_name(kind, task_id)).unlink()
        engine.refresh(task_id)
        assert all_texts(temp) == before, "documents that were deleted did not come back as they were"
        if not task.open:
            continue
        lease = engine.lease(task_id)
        try:
            engine.commit(task_id, [PhaseChanged(phase="late")], actor="worker", epoch=lease.epoch - 1)
        except Fenced:
            pass
        else:
            raise AssertionError("an epoch that is over was not refused")
        syncs = disk.count("fdatasync")
        engine.commit(task_id, [PhaseChanged(phase="in time")], actor="worker", epoch=lease.epoch)
        assert disk.count("fdatasync") == syncs + 1, f"a commit cost {disk.count('fdatasync') - syncs} syncs"
        lease.release()
    engine.close()


def assert_folds(engine: Witness, task: Task) -> None:
    """Each of its commits is allowed after those before it, and together they are the task."""
    journal = engine.since(task.id, 0)
    assert fold(journal, origin(journal, task.id)) == task, "the journal folds into another task"
