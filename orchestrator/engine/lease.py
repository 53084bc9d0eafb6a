"""The lease: which worker may commit for a task. A lock the system frees when its holder dies, one file an epoch."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from orchestrator import files, system
from orchestrator.engine.desk import Desk
from orchestrator.engine.folder import Folder
from orchestrator.errors import Busy
from orchestrator.events import TaskBlocked, WorkerStarted
from orchestrator.files import Disk
from orchestrator.locks import is_locked
from orchestrator.task import DEATHS
from orchestrator.transitions import apply

STALE = 60.0
"""Seconds without a beat after which a living holder may be taken over: it is frozen, or stuck."""


def holder() -> str:
    """This process, named for good: pid, its start, the boot, the host."""
    pid = os.getpid()
    return f"pid {pid} (started {system.process_start(pid) or '?'}, boot {system.boot()[:8]}) on {socket.gethostname()}"


class Lease:
    """Held from `take` until `release` or the death of the process. `epoch` is what its commits carry."""

    def __init__(self, locks: Path, disk: Disk, task_id: str, epoch: int) -> None:
        self.task_id = task_id
        self.epoch = epoch
        self._disk = disk
        self._path = _path(locks, task_id, epoch)
        self._lock = FileLock(self._path, blocking=False, fallback_to_soft=False, thread_local=False)

    def take(self) -> None:
        """Raises Busy when another process has this epoch's lock already."""
        try:
            self._lock.acquire()
        except Timeout:
            raise Busy(self.task_id, "another process that is just starting") from None
        self.beat()

    def beat(self) -> None:
        """Say that the holder is alive: monotonic seconds of this boot, never synced."""
        beat = _beat(self._path)
        with suppress(OSError):  # a sign of life that could not be given is no reason to die
            self._disk.remove(beat)
            self._disk.create(beat, f"{time.monotonic():.3f} {system.boot()}".encode())

    def release(self) -> None:
        with suppress(OSError):  # who comes next takes one that stays for that of who died
            self._disk.remove(_beat(self._path))
        self._lock.release()


def begin(desk: Desk, folder: Folder, doing: str | None, now: str) -> Lease | None:
    """Take the lease for the task's next worker, recorded; None when the task is parked, recorded too.

    `doing`: what the worker before was doing. Raises as `Lease.take` and `Desk.append`.
    """
    if desk.task.parked:
        return None
    died = doing if _died(folder.locks, desk.task.id, desk.task.epoch) else None
    lease = Lease(folder.locks, folder.disk, desk.task.id, desk.task.epoch + 1)
    lease.take()
    with ExitStack() as undo:
        undo.callback(lease.release)
        started = WorkerStarted(epoch=lease.epoch, holder=holder(), resumed=lease.epoch > 1, died=died)
        if apply(desk.task, started, actor="engine", at=now).parked:
            blocked = TaskBlocked(reason=f"its worker died {DEATHS} times in a row, each time doing the same: {died}")
            desk.append((started, blocked), "engine", now)
            return None
        desk.append((started,), "engine", now)
        undo.pop_all()
    return lease


def held(locks: Path, task_id: str, epoch: int) -> bool:
    """True when a living process holds that epoch's lease and has shown itself lately."""
    path = _path(locks, task_id, epoch)
    return is_locked(path) and not _stale(_beat(path))


def _died(locks: Path, task_id: str, epoch: int) -> bool:
    """True when nobody holds that epoch's lease, and nobody gave it back."""
    path = _path(locks, task_id, epoch)
    return files.exists(_beat(path)) and not is_locked(path)


def _path(locks: Path, task_id: str, epoch: int) -> Path:
    return locks / f"{task_id}.lease-{epoch}"


def _beat(path: Path) -> Path:
    return path.with_name(path.name + ".beat")


def _stale(beat: Path) -> bool:
    try:
        seconds, boot = beat.read_text().split()
        return boot == system.boot() and time.monotonic() - float(seconds) > STALE
    except (OSError, ValueError):
        return False
