"""Which worker may commit for a task: who takes the lease, gives it back, or shows no sign of life."""

from __future__ import annotations

import errno
import os
import socket
import time
from pathlib import Path

import pytest
from filelock import FileLock

from orchestrator import system
from orchestrator.engine import Engine
from orchestrator.engine.lease import STALE
from orchestrator.errors import Busy, StorageError
from orchestrator.locks import is_locked
from orchestrator.task import DEATHS
from proof.disk import ScriptedDisk, broken
from proof.folder import ID


def beat(engine: Engine, seconds: float, boot: str) -> None:
    """The holder's last sign of life was so long ago."""
    found = engine.folder.locks / f"{ID}.lease-1.beat"
    found.write_text(f"{time.monotonic() - seconds:.3f} {boot}")


def test_a_holder_that_shows_no_sign_of_life_for_a_minute_can_be_taken_over(engine: Engine) -> None:
    lease = engine.lease(ID)
    for seconds, boot, at_work in (
        (STALE - 10, system.boot(), True),
        (STALE + 10, system.boot(), False),
        (STALE + 10, "another", True),
    ):
        beat(engine, seconds, boot)
        assert bool(engine.at_work(ID)) == at_work
    beat(engine, STALE + 10, system.boot())
    assert engine.lease(ID).epoch == 2
    lease.release()


def test_a_sign_of_life_that_cannot_be_read_is_no_sign_of_death(engine: Engine) -> None:
    lease = engine.lease(ID)
    for text in ("", "soon", "1 2 3"):
        (engine.folder.locks / f"{ID}.lease-1.beat").write_text(text)
        assert engine.at_work(ID)
    lease.release()
    assert not engine.at_work(ID)


def test_who_comes_second_to_an_epoch_records_nothing(engine: Engine) -> None:
    with FileLock(engine.folder.locks / f"{ID}.lease-1"), pytest.raises(Busy, match="just starting"):
        engine.lease(ID)
    assert engine.peek(ID).revision == 1
    engine.lease(ID).release()


def test_a_lease_that_cannot_be_recorded_is_given_back(engine: Engine, disk: ScriptedDisk) -> None:
    def full(number: int, operation: str, path: Path) -> None:
        if operation == "append":
            raise broken(errno.ENOSPC, path)

    disk.before = full
    with pytest.raises(StorageError):
        engine.lease(ID)
    assert not is_locked(engine.folder.locks / f"{ID}.lease-1")
    disk.before = lambda number, operation, path: None
    lease = engine.lease(ID)
    assert lease.epoch == 1
    lease.release()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
def test_a_holder_is_named_so_that_no_later_process_has_its_name(engine: Engine) -> None:
    """Not one of its pid, nor one of its pid that started at the same tick of another boot."""
    lease = engine.lease(ID)
    start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[22 - 3]  # see proc_pid_stat(5)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    named = f"pid {os.getpid()} (started {start}, boot {boot}) on {socket.gethostname()}"
    assert engine.peek(ID).holder == named
    lease.release()


def test_who_gave_the_lease_back_did_not_die(engine: Engine) -> None:
    for _ in range(DEATHS + 2):
        engine.lease(ID, "Bash npm test").release()
    assert engine.refresh(ID).task.deaths == 0
