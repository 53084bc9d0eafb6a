"""Workers that freeze or die, and those who take their tasks over: nothing is committed under an epoch that is over,
and a lock whose holder is gone is free."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

from orchestrator import system
from orchestrator.engine import Engine
from orchestrator.engine.lease import STALE, holder
from orchestrator.errors import Fenced
from orchestrator.events import Commit, PhaseChanged, WorkerStarted
from proof.child import Child
from proof.disk import ScriptedDisk
from proof.folder import CREATED, PLAN, assert_in_step
from proof.result import Part, Result

SHARES, FREEZES, REUSED = 6, 50, 50
"""So many parts, of so many freezes each, and so many process ids that are used again."""
FROZEN = "no commit under an epoch that is over"
MOMENTS = 0.02
"""Seconds within which a worker is frozen from outside: it makes some ten commits then."""
MOST = 10_000
"""So many commits it makes when nobody refuses them."""
WAITS = Path("/proc/locks")
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


def parts(full: bool) -> Iterator[Part]:
    times = 10 if full else 1
    for share in range(SHARES):
        yield partial(freezes, share, FREEZES * times)
    yield partial(reused, REUSED * times)


# -- frozen --------------------------------------------------------------------


def freezes(share: int, times: int) -> list[Result]:
    """Every second at a chosen operation of a commit, the others at any moment; every third is killed, not woken."""
    if not WAITS.exists():
        return [Result(FROZEN, 0, "freezes", skipped="only Linux tells who waits for a lock")]
    rng = Random(share)
    found = [Result(FROZEN, times, "freezes", least=SHARES * times)]
    steps = operations()
    with tempfile.TemporaryDirectory() as place:
        engine = Engine(Path(place, ".temp"))
        for number in range(times):
            step = (share * times + number) // 2 % (2 * steps) if number % 2 else None
            found += freeze(engine, step, rng.uniform(0, MOMENTS), killed=number % 3 == 2)
        engine.close()
    return found


def operations() -> int:
    """The disk operations of a worker's commit."""
    with tempfile.TemporaryDirectory() as place:
        disk = ScriptedDisk()
        engine = Engine(Path(place, ".temp"), disk=disk)
        task_id = engine.create(CREATED, *PLAN).id
        disk.log.clear()
        engine.commit(task_id, [PhaseChanged(phase="counted")], actor="user")
        engine.close()
    return len(disk.log)


def freeze(engine: Engine, step: int | None, moment: float, *, killed: bool) -> Iterator[Result]:
    """A worker freezes before or after a disk operation, or at a moment; a minute later its task is taken over.

    Who holds the task's lock then is waited for until it is woken, or killed: a deadline comes from outside.
    """
    temp = engine.folder.temp
    task_id = engine.create(CREATED, *PLAN).id
    told = temp.with_name(f"told-{task_id}")
    worker = Child(partial(work, temp, task_id, step, told))
    assert worker.stopped(), "the worker ended early"
    if step is None:
        worker.go_on()
        time.sleep(moment)
        worker.stop()
    beat = engine.folder.locks / f"{task_id}.lease-1.beat"
    beat.write_text(f"{time.monotonic() - STALE - 1:.3f} {system.boot()}")
    taker = Child(partial(take_over, temp, task_id))
    while not (waits := waited_for(engine.folder.locks / f"{task_id}.lock")) and not taker.ended:
        time.sleep(0.0005)
    broken = []
    if waits and not Child(partial(in_time, temp, task_id)).result():
        broken.append("a wait for the lock did not end at its deadline")
    if killed:
        worker.kill()
    else:
        worker.go_on()
        if not worker.result():
            broken.append("the one that was taken over was not refused")
    new = taker.result()
    broken += misplaced(engine.since(task_id, 0), [int(row) for row in told.read_text().split()], new)
    try:
        assert_in_step(temp, engine.refresh(task_id).task)
    except AssertionError as error:
        broken.append(str(error))
    where = "any moment" if step is None else f"{'after' if step % 2 else 'before'} operation {step // 2}"
    end = "killed" if killed else "woken"
    claim = f"frozen at {'any moment' if step is None else 'each step'}, taken over, {end}"
    yield Result(f"  {claim}", 1, "freezes", tuple(f"{where}, {end}: {why}" for why in broken))


def work(temp: Path, task_id: str, step: int | None, told: Path) -> bool:
    """Commit until refused, and say so; stands still once it has the lease, or at that step of its third commit."""
    disk = ScriptedDisk()
    engine = Engine(temp, disk=disk)
    epoch = engine.lease(task_id).epoch
    steps: Iterator[int] = count()

    def freeze(*_: object) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGSTOP)

    with told.open("w", buffering=1) as log:
        if step is None:
            os.kill(os.getpid(), signal.SIGSTOP)
        for number in range(MOST):
            if number == 2:
                disk.before = disk.after = freeze
            try:
                task = engine.commit(task_id, [PhaseChanged(phase=f"old {number}")], actor="worker", epoch=epoch)
            except Fenced:
                return True
            log.write(f"{task.revision}\n")
    return False


def take_over(temp: Path, task_id: str) -> int:
    """The revision of the new worker's first commit."""
    engine = Engine(temp)
    epoch = engine.lease(task_id).epoch
    revision = engine.commit(task_id, [PhaseChanged(phase="new 0")], actor="worker", epoch=epoch).revision
    engine.close()
    return revision


def waited_for(lock: Path) -> bool:
    """True while a process waits for this lock, as Linux tells it: not of every lock does it say who."""
    inode = f":{lock.stat().st_ino}"
    return any(row[1] == "->" and row[6].endswith(inode) for row in map(str.split, WAITS.read_text().splitlines()))


def in_time(temp: Path, task_id: str) -> bool:
    """A commit with a deadline: True when it ended there."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.1)  # again: the first may come just before it waits
    try:
        Engine(temp).commit(task_id, [PhaseChanged(phase="late")], actor="user")
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return False


def misplaced(journal: Sequence[Commit], told: Sequence[int], new: int) -> Iterator[str]:
    """What the old worker committed after it was taken over; what was told and is not there, or twice."""
    happened = [(row.revision, event) for row in journal for event in row.events]
    phases = {revision: event.phase for revision, event in happened if isinstance(event, PhaseChanged)}
    (over,) = (revision for revision, event in happened if isinstance(event, WorkerStarted) and event.epoch == 2)
    yield from (f"r{row}: {said!r} after the takeover" for row, said in phases.items() if row > over and row != new)
    old = [(revision, phase) for revision, phase in phases.items() if phase.startswith("old")]
    expected = [f"old {number}" for number in range(len(old))]
    if [phase for _, phase in old] != expected or [revision for revision, _ in old][: len(told)] != list(told):
        yield f"{old} in the journal, {told} was told"
    if phases.get(new) != "new 0" or "late" in phases.values():
        yield f"{phases.get(new)} at r{new}"


# -- gone ----------------------------------------------------------------------


def reused(times: int) -> Result:
    """A worker dies; a stranger gets its process id."""
    claim, unit = "a process id is used again: its lock is free, its name another", "deaths"
    if not os.access(LAST_PID, os.W_OK):
        return Result(claim, 0, unit, skipped="needs root on Linux, to choose the next process id")
    broken = []
    with tempfile.TemporaryDirectory() as place:
        engine = Engine(Path(place, ".temp"))
        for _ in range(times):
            task_id = engine.create(CREATED, *PLAN).id
            worker = Child(partial(hold, engine.folder.temp, task_id))
            assert worker.stopped(), "the worker ended early"
            if not engine.refresh(task_id) or not engine.at_work(task_id):
                broken.append(f"{task_id}: a living worker was not seen")
            worker.kill()
            broken += as_stranger(engine, task_id, worker.pid)
        engine.close()
    return Result(claim, times, unit, tuple(broken))


def hold(temp: Path, task_id: str) -> None:
    lease = Engine(temp).lease(task_id)
    os.kill(os.getpid(), signal.SIGSTOP)
    lease.release()


def as_stranger(engine: Engine, task_id: str, pid: int) -> tuple[str, ...]:
    """What another process of this id takes itself for, or is taken for."""
    for _ in range(100):
        LAST_PID.write_text(str(pid - 1))
        stranger = Child(partial(mistaken, engine.folder.temp, task_id))
        found = stranger.result()
        if stranger.pid == pid:
            return found
    raise AssertionError(f"process id {pid} was not given again")


def mistaken(temp: Path, task_id: str) -> tuple[str, ...]:
    engine = Engine(temp)
    dead = engine.refresh(task_id).task.holder
    found = [f"{task_id}: {dead} is taken for alive"] if engine.at_work(task_id) else []
    found += [f"{task_id}: {dead} is taken for this process"] if dead == holder() else []
    engine.close()
    return tuple(found)
