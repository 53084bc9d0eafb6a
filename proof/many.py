"""Many processes at one folder: every commit is kept once and in order, all get their turn, no reader takes a mixed set
of documents for a whole one, and memory stays flat."""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from itertools import pairwise, repeat
from pathlib import Path

from orchestrator.documents import Stamp, kinds, render, unstamp
from orchestrator.engine import Engine
from orchestrator.events import Commit, DecisionChanged, DecisionRecorded, Event, ItemReworded, Kind, PhaseChanged
from orchestrator.locks import Lock
from orchestrator.task import Published, Task, digest
from proof.child import Child
from proof.folder import CREATED, MEMORY, PLAN, assert_in_step, path_of, text_of
from proof.result import Part, Result

PROCESSES, COMMITS, READS, LONG = 8, 500, 100_000, 10_000
WINDOW = 100 * PROCESSES
"""So many commits in a row, a second or two, are looked at together."""
EQUAL = 0.99
LONGEST = 20 * PROCESSES
"""No process waits for more commits of the others than this."""
USED = "/proc/self/statm"
FLAT = 4 * 1024
"""KiB by which memory may differ between the first tenth of a long run and its end."""
MOST = 20
"""So many sets are read for a whole one, at the most."""
MARK = re.compile(r"mark-\d+")
Log = Sequence[tuple[int, Commit]]


def parts(full: bool) -> Iterator[Part]:
    yield partial(reads, READS * (10 if full else 1))
    yield partial(memory, LONG * (10 if full else 1))
    for tasks in (1, PROCESSES):
        yield partial(commits, tasks, COMMITS * (10 if full else 1))


# -- commits -------------------------------------------------------------------


def commits(tasks: int, each: int) -> list[Result]:
    """Every process commits so often, all at once: to one task, or each to its own."""
    with tempfile.TemporaryDirectory() as place:
        temp = Path(place, ".temp")
        engine = Engine(temp)
        ids = [engine.create(CREATED, *PLAN).id for _ in range(tasks)]
        gate = Lock(Path(place, "gate"))
        with gate.held():
            children = [Child(partial(commit, temp, ids[n % tasks], n, each, gate)) for n in range(PROCESSES)]
        told = [child.result() or [] for child in children]
        broken = [why for task_id in ids for why in misplaced(engine, task_id, ids, told)]
        where = "one task" if tasks == 1 else "a task each"
        found = Result(f"{PROCESSES} processes commit to {where}", PROCESSES * each, "commits", tuple(broken))
        shared = [shares([(int(phase.split()[0]), row) for phase, row in phases(engine, ids[0])])] if tasks == 1 else []
        engine.close()
    return [found, *shared]


def commit(temp: Path, task_id: str, process: int, times: int, gate: Lock) -> list[int]:
    """The revisions at which it was told that its commits were durable."""
    engine = Engine(temp)
    with gate.held():
        pass
    told = []
    for number in range(times):
        event = PhaseChanged(phase=f"{process} {number}")
        told.append(engine.commit(task_id, [event], actor="user").revision)
    engine.close()
    return told


def misplaced(engine: Engine, task_id: str, ids: Sequence[str], told: Sequence[Sequence[int]]) -> Iterator[str]:
    """Commits of the task that are not where their processes were told, or there twice; documents not in step."""
    task = engine.refresh(task_id).task
    journal = {row.revision: phase for phase, row in phases(engine, task_id)}
    mine = [(process, rows) for process, rows in enumerate(told) if ids[process % len(ids)] == task_id]
    expected = {revision: f"{process} {number}" for process, rows in mine for number, revision in enumerate(rows)}
    for revision in sorted({*journal, *expected}):
        if journal.get(revision) != expected.get(revision):
            yield f"r{revision}: {journal.get(revision)!r} in the journal, {expected.get(revision)!r} was told"
    if any(list(rows) != sorted(rows) for _, rows in mine):
        yield "commits of one process are not in its order"
    try:
        assert_in_step(engine.folder.temp, task)
    except AssertionError as error:
        yield str(error)


def phases(engine: Engine, task_id: str) -> Iterator[tuple[str, Commit]]:
    """The commits that changed the phase, and to what."""
    for row in engine.since(task_id, 1):
        yield from ((event.phase, row) for event in row.events if isinstance(event, PhaseChanged))


# -- fairness ------------------------------------------------------------------


def shares(log: Log) -> Result:
    """While all want the task, each gets as many commits as the others, and none waits for long."""
    all_at_it = log[: min(max(place for place, (other, _) in enumerate(log) if other == n) for n in range(PROCESSES))]
    windows = [all_at_it[start : start + WINDOW] for start in range(0, len(all_at_it) - WINDOW + 1, WINDOW)]
    index = sum(map(jain, windows)) / len(windows)
    waits = [wait for process in range(PROCESSES) for wait in waiting(all_at_it, process)]
    longest, seconds = max(count for count, _ in waits), max(time for _, time in waits)
    broken = []
    if index < EQUAL:
        broken.append(f"Jain's index is {index:.4f}, over windows of {WINDOW} commits")
    if longest > LONGEST:
        broken.append(f"a process waited while others made {longest} commits")
    note = f"Jain {index:.4f}, longest wait {longest} commits of others ({seconds * 1000:.0f} ms)"
    return Result("  each has its share, none starves", len(windows), "windows", tuple(broken), note=note)


def jain(window: Log) -> float:
    """1 when all shares are equal, 1/n when one of n has everything."""
    counts = Counter(process for process, _ in window)
    return len(window) ** 2 / (PROCESSES * sum(count * count for count in counts.values()))


def waiting(log: Log, process: int) -> Iterator[tuple[int, float]]:
    """Between two commits of a process: how many others made, and the seconds."""
    mine = [place for place, (other, _) in enumerate(log) if other == process]
    for before, after in pairwise(mine):
        begun, done = (datetime.fromisoformat(log[place][1].at) for place in (before, after))
        yield after - before - 1, (done - begun).total_seconds()


# -- readers -------------------------------------------------------------------


def reads(count: int) -> list[Result]:
    """While two processes commit, each commit changing all documents, others read."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as ending:
        temp = Path(place, ".temp")
        engine = Engine(temp)
        marked = (*PLAN, DecisionRecorded(id="D1", decision="UUID keys"), *marking(0))
        task = engine.create(CREATED, *marked)
        for number in range(2):
            ending.callback(Child(partial(write_marks, temp, task.id, number)).kill)
        shares = (
            (by_manifest, count // 2),
            (by_manifest, count // 2),
            (as_they_lie, count // 20),
            (by_engine, count // 200),
        )
        readers = [Child(partial(way, temp, task, times)) for way, times in shares]
        found = [reader.result() for reader in readers]
        assert engine.refresh(task.id).task.revision > 1, "nobody wrote"
        engine.close()
    return found


def marking(number: int) -> tuple[Event, ...]:
    """Events that put a number in each of the five documents."""
    mark = f"mark-{number}"
    return PhaseChanged(phase=mark), ItemReworded(id="c1", text=mark), DecisionChanged(id="D1", decision=mark)


def write_marks(temp: Path, task_id: str, first: int) -> None:
    engine = Engine(temp)
    for number in range(first, sys.maxsize, 2):
        engine.commit(task_id, marking(number), actor="user")


def marks(texts: Sequence[str]) -> set[str]:
    """What the documents of a set are marked with: one mark when they belong together."""
    return {mark for text in texts for mark in MARK.findall(text)}


def by_manifest(temp: Path, task: Task, times: int) -> Result:
    """So many whole ones, without a lock: what the status JSON lists tells whether the set is whole."""
    mixed, whole, attempts = [], 0, 0
    while whole < times and attempts < MOST * times:
        attempts += 1
        status, *others = read(temp, task)
        stamp = unstamp("task-status", status)[1]
        if stamp is None or not stamp.intact or not all(map(listed, kinds(task)[-2::-1], others, repeat(stamp))):
            continue
        whole += 1
        if len(found := marks((status, *others))) != 1:
            mixed.append(f"taken for a whole set: {sorted(found)}")
    note = f"{whole / attempts:.0%} of those read"
    return Result("whole sets by the manifest are not mixed", whole, "reads", tuple(mixed), note=note, least=2 * times)


def read(temp: Path, task: Task) -> list[str]:
    """The documents as they lie there, the status JSON first."""
    return [text_of(temp, kind, task.id) for kind in reversed(kinds(task))]


def listed(kind: Kind, text: str, status: Stamp) -> bool:
    """True when the manifest means this very text."""
    stamp = unstamp(kind, text)[1]
    return stamp is not None and stamp.intact and status.documents[kind] == Published(stamp.revision, stamp.digest)


def as_they_lie(temp: Path, task: Task, times: int) -> Result:
    """A control: takes what it reads for a set."""
    read_marks = [sorted(marks(read(temp, task))) for _ in range(times)]
    mixed = tuple(f"mixed: {found}" for found in read_marks if len(found) != 1)
    return Result("  read without it", times, "reads", mixed, control=True)


def by_engine(temp: Path, task: Task, times: int) -> Result:
    """Compared with the line of its revision in the journal, which says what was committed and published then."""
    engine, mixed = Engine(temp), []
    journal = temp / ".orchestrator" / "journal" / f"{task.id}.jsonl"
    for _ in range(times):
        task = engine.refresh(task.id).task
        bodies = {kind: render(task, kind) for kind in kinds(task)}
        line = json.loads(journal.read_bytes().splitlines()[task.revision - 1])
        published = {kind: digest(body) for kind, body in bodies.items()}
        committed = [event["phase"] for event in line["events"] if event["type"] == "PhaseChanged"]
        said = (line["revision"], committed, line["documents"])
        if (task.revision, sorted(marks(list(bodies.values()))), published) != said:
            mixed.append(f"r{task.revision} is mixed: {sorted(marks(list(bodies.values())))}")
    engine.close()
    return Result("  read through the engine", times, "reads", tuple(mixed))


# -- memory --------------------------------------------------------------------


def memory(times: int) -> Result:
    """One process commits so often to one task."""
    if not os.path.exists(USED):
        return Result("memory stays flat", 0, "commits", skipped="only Linux says how much a process has")
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        early, late = Child(partial(resident, Path(place, ".temp"), times)).result() or (0, 0)
    note = f"{early / 1024:.1f} MiB after {times // 10:,}, {late / 1024:.1f} MiB at the end"
    broken = (note,) if not early or late - early > FLAT else ()
    return Result("memory stays flat", times, "commits", broken, note=note)


def resident(temp: Path, times: int) -> tuple[int, int]:
    """KiB in memory after a tenth of the commits, and after all."""
    engine = Engine(temp)
    task_id = engine.create(CREATED, *PLAN).id
    found = []
    for number in range(1, times + 1):
        engine.commit(task_id, [PhaseChanged(phase=f"phase {number}")], actor="user")
        if number in (times // 10, times):
            gc.collect()
            pages = int(Path(USED).read_text().split()[1])
            found.append(pages * os.sysconf("SC_PAGE_SIZE") // 1024)
    assert path_of(temp, "plan", task_id).exists()
    engine.close()
    return found[0], found[1]
