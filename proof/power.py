"""The power goes at any moment of every flow, also after a failed sync or a death, and again while recovering."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from orchestrator import system
from orchestrator.engine import Engine
from orchestrator.errors import OrchestratorError
from orchestrator.events import DecisionRecorded, EditSetAside
from proof.claims import Claims, mistaken
from proof.disk import FullDisk
from proof.flows import (
    FLOWS,
    Flow,
    absorb,
    archive,
    cancel,
    commit,
    create,
    overtake,
    prepare,
    rename,
    rename_archived,
    reopen,
    restore,
    verify,
)
from proof.folder import (
    CREATED,
    ID,
    MEMORY,
    PLAN,
    assert_all_in_step,
    assert_lasting,
    content,
    open_engine,
    refreshed,
)
from proof.recording import RecordingDisk
from proof.replay import State
from proof.result import Part, Result

STATES = {"cut": 58_600, "failed": 15_500, "died": 1_500, "full": 1_500, "again": 22_500}
"""How many are drawn, of which some are the same."""
LEAST = {"cut": 30_000, "failed": 15_000, "died": 0, "full": 0, "again": 20_000}
"""How many different ones there must be; ten times as many in full."""
TIMES = {"cut": 18, "failed": 12}
"""So many times as many are drawn in full, for ten times as many different ones, ..."""
OTHERS = 11
"""and of the other kinds."""
CLAIMS = {
    "cut": "power lost at any operation",
    "failed": "power lost after a sync that failed",
    "died": "power lost after a process died and another went on",
    "full": "power lost, and the disk fails while that is recovered from",
    "again": "power lost again while recovering",
}
SHORT = (create, commit, absorb, overtake, restore)
"""Flows of which a cut leaves fewer different states."""
LONGER = 5
"""So many times as many are drawn of the others."""
TYPED = (absorb, overtake, reopen, rename)
"""Flows in which somebody edits a document, once."""
MOVES = (archive, cancel, reopen, rename, rename_archived)
"""Flows that sync a directory again when that failed. A file system that cannot write one writes nothing any more."""
SHARES = 4
"""Of each flow so many parts. Every other one does without the exchange; the last two of `create` find no folder."""
EACH = {"failed": 8, "died": 5}
"""States drawn of each failing sync, and of each death, at least; if more are to be drawn, each sync fails."""
RECOVERIES = 40
"""States after a second cut, of each recovery."""
ERRORS = (errno.ENOSPC, errno.EIO)
EARLIER = system.boot_time() - 1000


def parts(full: bool) -> Iterator[Part]:
    for kind, count in STATES.items():
        for flow in FLOWS:
            for share in range(SHARES):
                weight = 1 if flow in SHORT else LONGER
                each = count * weight // (SHARES * (len(SHORT) + LONGER * (len(FLOWS) - len(SHORT))))
                times = TIMES.get(kind, OTHERS) if full else 1
                yield partial(tried, kind, flow, share, each * times, LEAST[kind] * (10 if full else 1))


def tried(kind: str, flow: Flow, share: int, count: int, least: int = 0) -> Result:
    """So many states, each judged; those that differ are counted."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        cuts = Cuts(Path(place), flow, share, random.Random(f"{kind} {flow.__name__} {share}"))
        states, seen, violations = set[int](), set[tuple[int, Claims]](), []
        lasting = set[bytes]()
        for number, case in enumerate(getattr(cuts, kind)(count)):
            states.add(state := hash((case.failing, *sorted(case.state.items()))))
            if (state, case.claims) in seen:
                continue
            seen.add((state, case.claims))
            if problem := judged(Path(place) / "judged", flow, case, lasting):
                violations.append(f"{flow.__name__}, part {share}, state {number}, {case.moment}: {problem}")
    return Result(CLAIMS[kind], len(states), "disk states", tuple(violations), least=least)


class Failing(NamedTuple):
    """An operation of a disk that fails, or with `lasting` all from that one on."""

    point: int
    error: int
    lasting: bool

    def disk(self, temp: Path) -> FullDisk:
        return FullDisk(temp, self.point, error=self.error, lasting=self.lasting)

    def __str__(self) -> str:
        return f"{errno.errorcode[self.error]} {'from' if self.lasting else 'at'} operation {self.point} afterwards"


@dataclass(frozen=True)
class Case:
    """What a cut may leave, and what was told by then. `failing`: how the disk fails the first who recovers from it."""

    state: State
    claims: Claims
    moment: str
    failing: Failing | None = None


Sample = Callable[[RecordingDisk], None]
"""Looks at a disk after an operation."""


class Cuts:
    """The cuts of one flow, spread evenly over its operations."""

    def __init__(self, place: Path, flow: Flow, share: int, chance: random.Random) -> None:
        self._place = place
        self._flow = flow
        self._portable = share % 2 == 1
        self._deal = share // 2
        self._chance = chance
        self._before = place / "before"
        self._before.mkdir()
        if flow is not create or share < 2:
            prepare(self._before / ".temp", flow)
        self._whole = self._run(self._before, lambda disk: None)

    def cut(self, count: int) -> Iterable[Case]:
        return self._sampled(partial(self._run, self._before), count, "")

    def failed(self, count: int) -> Iterable[Case]:
        """Of each failing sync as many; where there are too many, of some. Shares of one kind deal them out."""
        syncs, least = range(len(self._whole.syncs)), EACH["failed"]
        if self._flow is create:  # each share is another
            least //= 2
        else:
            syncs = syncs[self._deal :: 2]
        for sync, each in self._some(syncs, count, least):
            run = partial(self._run, self._before, failing=sync)
            yield from self._sampled(run, each, f"sync {sync} failed", begun=self._whole.syncs[sync])

    def died(self, count: int) -> Iterable[Case]:
        """What a process that dies leaves is copied at that moment, and another one goes on there."""
        cases: list[Case] = []
        chosen = dict(self._some(range(1, self._whole.operations), count, EACH["died"]))

        def die(disk: RecordingDisk) -> None:
            if each := chosen.pop(point := disk.operations, 0):
                cases.extend(self._sampled(partial(self._since, disk), each, f"died before {point}", begun=point))

        self._run(self._before, die)
        return cases

    def full(self, count: int) -> Iterable[Case]:
        """The first who recovers meets an error at some operation, or at all from that one on."""
        for case in self._sampled(partial(self._run, self._before), count, ""):
            point = self._chance.randrange(RECOVERIES // 2)
            failing = Failing(point, self._chance.choice(ERRORS), self._chance.random() < 0.5)
            yield replace(case, failing=failing, moment=f"{case.moment}, {failing}")

    def again(self, count: int) -> Iterable[Case]:
        first = self._place / "first"
        for case in self._sampled(partial(self._run, self._before), -(-count // RECOVERIES), ""):
            written(first, case.state)
            run = partial(self._run, first, again=True)
            yield from self._sampled(run, RECOVERIES, case.moment, earlier=case)
            shutil.rmtree(first)

    def _some(self, points: range, count: int, each: int) -> Iterable[tuple[int, int]]:
        """Points to try, and how many states to draw of each."""
        chosen = sorted(self._chance.sample(points, min(len(points), -(-count // each))))
        return ((point, -(-count // len(chosen))) for point in chosen)

    def _sampled(
        self, run: Callable[[Sample], object], count: int, moment: str, *, earlier: Case | None = None, begun: int = 0
    ) -> list[Case]:
        """What may be left by cuts after so many operations."""
        cases: list[Case] = []
        left = RECOVERIES // 2 if earlier else max(RECOVERIES, self._whole.operations - begun)

        def sample(disk: RecordingDisk) -> None:
            if disk.operations > begun:
                told = disk.claims.joined(earlier.claims) if earlier else disk.claims
                for state in islice(disk.model.states(self._chance), max(1, -(-count // left))):
                    cases.append(Case(state, told, f"{moment} after operation {disk.operations}"))

        run(sample)
        return cases if len(cases) <= count else self._chance.sample(cases, count)

    def _run(self, before: Path, sample: Sample, *, again: bool = False, failing: int | None = None) -> RecordingDisk:
        """The flow, or `again` a recovery. After a failure the process goes on, and after it another one."""
        with copied(before, self._place / "run") as folder:
            disk = RecordingDisk(folder, failing, self._flow in MOVES)
            disk.after = lambda: sample(disk)
            if again:
                self._live(disk, recover, partial(go_on, "again"))
            elif failing is not None:
                self._live(disk, self._flow, partial(go_on, "still"))
                self._live(disk, partial(go_on, "since"))
            else:
                self._live(disk, self._flow)
            sample(disk)
        return disk

    def _since(self, dead: RecordingDisk, sample: Sample) -> None:
        with copied(dead.folder, self._place / "since") as folder:
            disk = dead.copied(folder)
            disk.after = lambda: sample(disk)
            self._live(disk, partial(go_on, "since"))
            sample(disk)

    def _live(self, disk: RecordingDisk, *acts: Flow) -> None:
        """A process; only after a sync that failed may anything else fail."""
        temp = disk.folder / ".temp"
        with self._failing(disk):
            engine = open_engine(temp, disk, portable=self._portable, clock=disk.clock)
            for act in acts:
                with self._failing(disk, lambda: engine.denied):
                    act(engine)
                    disk.claims = disk.claims.told(temp)
            engine.close()

    @contextmanager
    def _failing(self, disk: RecordingDisk, denied: Callable[[], frozenset[bytes]] = frozenset) -> Iterator[None]:
        try:
            yield
        except OrchestratorError as error:
            if not disk.failed:
                raise
            disk.claims = disk.claims.failed(disk.folder / ".temp", error, denied())


@contextmanager
def copied(source: Path, folder: Path) -> Iterator[Path]:
    """A copy in which files of two names stay one."""
    subprocess.run(["cp", "--archive", str(source), str(folder)], check=True)
    yield folder
    shutil.rmtree(folder)


def recover(engine: Engine) -> None:
    for task_id in engine.ids():
        engine.refresh(task_id)


def go_on(word: str, engine: Engine) -> None:
    """One more commit in each task; the word tells it from others."""
    if not engine.ids():
        engine.create(CREATED, *PLAN, task_id=ID)
    for task_id in engine.ids():
        task = engine.refresh(task_id).task
        if not task.archived:
            decision = DecisionRecorded(id=task.fresh_id("D"), decision=word)
            engine.commit(task.id, [decision], actor="user")


def written(folder: Path, state: State) -> None:
    """The state as the next boot finds it."""
    places: dict[int, str] = {}
    made = [f"{folder}"]
    folder.mkdir()
    for name, (number, data) in state.items():
        made.append(path := f"{folder}/{name}")
        if data is None:
            os.mkdir(path)
        elif number in places:
            os.link(places[number], path)
        else:
            with open(path, "wb", buffering=0) as file:
                file.write(_of_earlier_boot(data) if name.endswith(".lock") else data)
            places[number] = path
    for path in made:
        os.utime(path, (EARLIER, EARLIER))


def next_boot(temp: Path) -> None:
    """All files were last changed, and all locks held, before this boot."""
    for lock in temp.glob(".orchestrator/locks/*.lock"):
        lock.write_bytes(_of_earlier_boot(lock.read_bytes()))
    for folder, folders, names in os.walk(temp):
        for name in (*folders, *names):
            os.utime(f"{folder}/{name}", (EARLIER, EARLIER), follow_symlinks=False)


def _of_earlier_boot(lock: bytes) -> bytes:
    boot = system.boot().encode()
    return lock.replace(boot, b"0" * len(boot))


def judged(folder: Path, flow: Flow, case: Case, lasting: set[bytes]) -> str:
    """What is wrong with the state, once it is recovered from; empty when nothing is."""
    written(folder, case.state)
    temp = folder / ".temp"
    try:
        if case.failing:
            with suppress(OrchestratorError), closing(open_engine(temp, case.failing.disk(temp))) as engine:
                recover(engine)
        judge(temp, flow, case.claims, lasting)
    except (AssertionError, OrchestratorError, OSError) as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} {error} ({where.name}, line {where.lineno})"
    finally:
        shutil.rmtree(folder)
    return ""


def judge(temp: Path, flow: Flow, claims: Claims, known: set[bytes] | None = None) -> None:
    """What was told is true, nothing half done, nothing taken for an edit, and the next commit works.

    `known`: what recoveries left so far. Of what another one left too, only what was told is asked.
    """
    engine = refreshed(temp)
    claims.judge(temp)
    left = content(temp)
    if known is None or left not in known:
        assert_all_in_step(engine)
        assert_lasting(temp)
        mistakes = list(mistaken(temp))
        assert not mistakes, f"set aside though it is ours: {mistakes}"
        rows = [row for name in engine.ids() for row in engine.since(name, 0) if row.actor == "editor"]
        edits = sum(any(not isinstance(event, EditSetAside) for event in row.events) for row in rows)
        assert edits <= (flow in TYPED), f"{edits} edits were recorded"
        verify(engine, temp, flow)
    engine.close()
    if known is not None:
        known.add(left)
