"""The power goes at any moment of every flow, also after a sync failed, and again while recovering from that."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from orchestrator import files
from orchestrator.engine import Engine
from orchestrator.errors import OrchestratorError
from orchestrator.events import EditSetAside
from proof.flows import FLOWS, NEW, Flow, absorb, commit, create, prepare, rename, reopen, restore, verify
from proof.folder import open_engine, recovered
from proof.recording import RecordingDisk
from proof.replay import State
from proof.result import Part, Result

STATES = {"cut": 56_000, "failed": 23_000, "again": 28_000}
"""How many are drawn: after a cut, after a failed sync and a cut, after two cuts; ten times as many in full."""
CLAIMS = {
    "cut": "power lost at any operation",
    "failed": "power lost after a sync that failed",
    "again": "power lost again while recovering",
}
SHORT = (create, commit, absorb, restore)
"""Flows of which a cut leaves fewer different states."""
LONGER = 5
"""So many times as many are drawn of the others."""
TYPED = (absorb, reopen, rename)
"""Flows in which somebody edits a document, once."""
SHARES = 4
"""Of each flow so many parts. Every other one does without the exchange; the last two of `create` find no folder."""
RECOVERIES = 40
"""States after a second cut, of each recovery."""
FAST = "/dev/shm" if os.path.isdir("/dev/shm") else None
EARLIER = files.boot_time() - 1000


def parts(full: bool) -> Iterator[Part]:
    for kind, count in STATES.items():
        for flow in FLOWS:
            for share in range(SHARES):
                weight = 1 if flow in SHORT else LONGER
                each = count * weight // (SHARES * (len(SHORT) + LONGER * (len(FLOWS) - len(SHORT))))
                yield partial(tried, kind, flow, share, each * (10 if full else 1))


def tried(kind: str, flow: Flow, share: int, count: int) -> Result:
    """So many states that differ, each judged."""
    with tempfile.TemporaryDirectory(dir=FAST) as place:
        cuts = Cuts(Path(place), flow, share, random.Random(f"{kind} {flow.__name__} {share}"))
        cases = {"cut": cuts.cut, "failed": cuts.failed, "again": cuts.again}[kind]
        violations, seen = [], set[int]()
        for number, case in enumerate(cases(count)):
            if (known := hash(tuple(sorted(case.state.items())))) in seen:
                continue
            seen.add(known)
            if problem := judged(Path(place) / "judged", flow, case):
                violations.append(f"{flow.__name__}, part {share}, state {number}, {case.moment}: {problem}")
    return Result(CLAIMS[kind], len(seen), "disk states", tuple(violations))


@dataclass(frozen=True)
class Case:
    """What a cut may leave, and the revisions that were durable by then."""

    state: State
    durable: Mapping[str, int]
    moment: str


class Cuts:
    """The cuts of one flow, spread evenly over its operations."""

    def __init__(self, place: Path, flow: Flow, share: int, chance: random.Random) -> None:
        self._place = place
        self._flow = flow
        self._portable = share % 2 == 1
        self._chance = chance
        self._before = place / "before"
        self._before.mkdir()
        if flow is not create or share < 2:
            prepare(self._before / ".temp", flow)
        self._disk = self._run(self._before, self._flow, lambda disk: None)

    def cut(self, count: int) -> Iterable[Case]:
        return self._during(None, count)

    def failed(self, count: int) -> Iterable[Case]:
        """Of each failing sync as many; where there are too many, of some."""
        syncs = range(self._disk.syncs)
        chosen = sorted(self._chance.sample(syncs, min(len(syncs), count // 10)))
        return islice((case for sync in chosen for case in self._during(sync, -(-count // len(chosen)))), count)

    def again(self, count: int) -> Iterable[Case]:
        for case in self._during(None, -(-count // RECOVERIES)):
            first = self._place / "first"
            written(first, case.state)
            yield from self._sampled(first, recover, RECOVERIES, None, case)
            shutil.rmtree(first)

    def _during(self, failing: int | None, count: int) -> list[Case]:
        return self._sampled(self._before, self._flow, count, failing, None)

    def _sampled(self, before: Path, flow: Flow, count: int, failing: int | None, earlier: Case | None) -> list[Case]:
        cases: list[Case] = []
        told = f" and {earlier.moment}" if earlier else ""

        def sample(disk: RecordingDisk) -> None:
            durable = {**(earlier.durable if earlier else {}), **disk.marks}
            for state in islice(disk.model.states(self._chance), each):
                cases.append(Case(state, durable, f"after operation {disk.operations}, {failing=}{told}"))

        operations = self._disk.operations if earlier is None else RECOVERIES // 2
        each = max(1, -(-count // max(1, operations)))
        self._run(before, flow, sample, failing)
        return cases if len(cases) <= count else self._chance.sample(cases, count)

    def _run(
        self, before: Path, flow: Flow, sample: Callable[[RecordingDisk], None], failing: int | None = None
    ) -> RecordingDisk:
        folder = self._place / "run"
        subprocess.run(["cp", "--archive", str(before), str(folder)], check=True)  # files of two names stay one
        disk = RecordingDisk(folder, failing)
        disk.after = lambda: sample(disk)
        try:
            engine = open_engine(folder / ".temp", disk, portable=self._portable)
            try:
                flow(engine)
            finally:
                engine.close()
        except OrchestratorError:
            assert failing is not None, f"{flow.__name__} failed"
        shutil.rmtree(folder)
        return disk


def recover(engine: Engine) -> None:
    for task_id in engine.ids():
        engine.refresh(task_id)


def written(folder: Path, state: State) -> None:
    """The state as the next boot finds it."""
    places: dict[int, Path] = {}
    folder.mkdir()
    for name, (number, data) in state.items():
        path = folder / name
        if data is None:
            path.mkdir()
        elif number in places:
            os.link(places[number], path)
        else:
            path.write_bytes(data)
            places[number] = path
    next_boot(folder / ".temp")


def next_boot(temp: Path) -> None:
    """All files were last changed, and all locks held, before this boot."""
    for path in temp.rglob("*"):
        os.utime(path, (EARLIER, EARLIER), follow_symlinks=False)
    for lock in temp.glob(".orchestrator/locks/*.lock"):
        lock.write_bytes(lock.read_bytes().replace(files.boot().encode(), b"0" * len(files.boot())))


def judged(folder: Path, flow: Flow, case: Case) -> str:
    """What is wrong with the state, once it is recovered from; empty when nothing is."""
    written(folder, case.state)
    try:
        judge(folder / ".temp", flow, case.durable)
    except (AssertionError, OrchestratorError, OSError) as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} {error} ({where.name}, line {where.lineno})"
    finally:
        shutil.rmtree(folder)
    return ""


def judge(temp: Path, flow: Flow, durable: Mapping[str, int]) -> None:
    """Nothing durable is lost, nothing half done, nothing taken for an edit, and the next commit works."""
    engine = recovered(temp)
    for task_id, revision in durable.items():
        name = task_id if task_id in engine.ids() else NEW
        found = engine.refresh(name).task.revision if name in engine.ids() else 0
        assert found >= revision, f"revision {revision} of {task_id} was durable, and {found} is the last"
    rows = [row for name in engine.ids() for row in engine.since(name, 0) if row.actor == "editor"]
    edits = sum(any(not isinstance(event, EditSetAside) for event in row.events) for row in rows)
    assert edits <= (flow in TYPED), f"{edits} edits were recorded"
    verify(engine, temp, flow)
    engine.close()
