"""Tries to break the engine of this process, as cheaply as that can be done; and what each way runs through."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from datetime import datetime, timedelta
from itertools import accumulate, groupby
from mmap import mmap
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, TypeVar

import pytest

from orchestrator.errors import OrchestratorError
from proof import crash, power
from proof.disk import FullDisk
from proof.flows import FLOWS, Flow, cancel, checkpoint, prepare, restore, verify
from proof.folder import always, open_engine, recovered

Done = TypeVar("Done")

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "orchestrator"
TESTS = ("tests/engine", "tests/journal", "tests/test_locks.py", "tests/worker/test_edits.py")
STATES = 20
DEATHS, ERRORS = 8, 25
"""So many of each flow."""
BUSY, IDLE = 15, 120
"""Seconds of a processor until what does not come to an end counts as broken, and of a clock until it did nothing."""
STILL = 0.05
"""Seconds of a processor: who got less meanwhile did nothing."""
KINDS = {
    "done": "undisturbed",
    "error": "an error",
    "death": "a death",
    "cut": "a power cut",
    "failed": "a failed sync, then a cut",
    "died": "a death, then a cut",
    "again": "two cuts",
}


class Attempt(NamedTuple):
    """One way to break one flow."""

    kind: str
    flow: str
    portable: bool = False
    states: int = STATES

    def __str__(self) -> str:
        return f"{self.flow}, {KINDS[self.kind]}"

    def problem(self) -> str:
        """What broke first, empty when nothing did. Raises whatever the engine does."""
        flow = next(flow for flow in FLOWS if flow.__name__ == self.flow)
        with tempfile.TemporaryDirectory() as place:
            if self.kind == "done":
                _do(Path(place), flow, self.portable)
            elif self.kind == "error":
                _fail(Path(place), flow, self.portable)
            elif self.kind == "death":
                return _die(flow, self.portable)
            else:
                return _cut(Path(place), flow, self)
        return ""


def attempts() -> list[Attempt]:
    """Undisturbed on both ways to publish, disturbed on one of them; where a cut comes second, in fewer flows."""
    found = [Attempt("done", flow.__name__, portable) for portable in (False, True) for flow in FLOWS]
    for kind in KINDS:
        flows = [flow for flow in FLOWS if kind not in ("died", "again") or flow not in (restore, checkpoint, cancel)]
        found += [Attempt(kind, flow.__name__, len(flow.__name__) % 2 == 1) for flow in flows if kind != "done"]
    return found


def _do(place: Path, flow: Flow, portable: bool) -> None:
    temp = place / ".temp"
    prepare(temp, flow)
    engine = open_engine(temp, portable=portable)
    flow(engine)
    engine.close()
    engine = recovered(temp)
    verify(engine, temp, flow)
    engine.close()


def _fail(place: Path, flow: Flow, portable: bool) -> None:
    """An operation says that the disk is full; one that writes, also after it did."""
    prepare(place / "before" / ".temp", flow)
    points = crash.points(flow, portable)
    for point in points[:: max(1, len(points) // (ERRORS if flow is not checkpoint else DEATHS))]:
        ways = ["before"]
        for way in ways:
            temp = place / f"tried-{point}-{way}" / ".temp"
            shutil.copytree(place / "before", temp.parent, symlinks=True)
            operation = _fail_at(temp, flow, portable, point, way)
            if way == "before":
                ways += {"append": ["after", "half"], "write": ["after"]}.get(operation, [])


def _fail_at(temp: Path, flow: Flow, portable: bool, point: int, way: str) -> str:
    """The operation that failed."""
    disk = FullDisk(temp, point, way)

    def clock() -> datetime:  # no two commits are the same
        return always() + timedelta(seconds=len(disk.log) + 1)

    with suppress(OrchestratorError), closing(open_engine(temp, disk, portable=portable, clock=clock)) as engine:
        try:
            flow(engine)
            disk.claims = disk.claims.told(temp)
        except OrchestratorError as error:
            disk.claims = disk.claims.failed(temp, error, engine.denied)
    with closing(recovered(temp)) as engine:
        disk.claims.judge(temp)
        verify(engine, temp, flow)
    return disk.log[point][0]


def _die(flow: Flow, portable: bool) -> str:
    points = crash.points(flow, portable)
    found = crash.judged("", "", flow, points[:: max(1, len(points) // DEATHS)], True, portable)
    return found.violations[0].partition(": ")[2] if found.violations else ""


def _cut(place: Path, flow: Flow, attempt: Attempt) -> str:
    cuts = power.Cuts(place, flow, int(attempt.portable), random.Random(str(attempt)))
    seen, lasting = set[int](), set[bytes]()
    for case in getattr(cuts, attempt.kind)(attempt.states):
        if (state := hash((case.claims, *sorted(case.state.items())))) in seen:
            continue
        seen.add(state)
        if problem := power.judged(place / "judged", flow, case, lasting):
            return problem
    return ""


def first_problem(ways: Sequence[Attempt | str]) -> str:
    """How the first of these attempts and tests breaks, in this order; empty when none does."""
    for kind, group in groupby(ways, type):
        if kind is str:
            tests = Tests()
            tests.run([str(name) for name in group])
            problems = iter([tests.problem])
        else:
            problems = (_problem(attempt) for attempt in group if isinstance(attempt, Attempt))
        if problem := next(filter(None, problems), ""):
            return problem
    return ""


def _problem(attempt: Attempt) -> str:
    _time()
    try:
        problem = attempt.problem()
    except BaseException as error:  # the engine may raise anything by now
        problem = f"{type(error).__name__} {error}"
    return f"{attempt}: {problem}" if problem else ""


class Endless(BaseException):
    """So that nothing catches it."""


def _time() -> None:
    """Who waits for ever is broken; who is only slow is not, however many others want the processor."""
    done = time.process_time()

    def look(*_: object) -> None:
        nonlocal done
        if (now := time.process_time()) - done < STILL:
            raise Endless("it waits for ever")
        done = now

    signal.signal(signal.SIGPROF, _end)
    signal.setitimer(signal.ITIMER_PROF, BUSY)
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, IDLE, IDLE)


def _end(*_: object) -> None:
    raise Endless("it does not come to an end")


class Tests:
    """A plugin of pytest that remembers the first test that failed, and what each ran through."""

    def __init__(self, lines: Lines | None = None) -> None:
        self.problem = ""
        self.ran: dict[str, Ran] = {}
        self._lines = lines

    def run(self, names: Sequence[str]) -> None:
        if names:
            os.chdir(ROOT)
            status = pytest.main(["-n0", "-x", "-q", "-p", "no:cacheprovider", *names], plugins=[self])
            if status and not self.problem:  # what breaks while tests are looked for is no test that failed
                self.problem = f"the tests do not begin: {pytest.ExitCode(status).name}"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.problem:
            words = [line[1:].strip() for line in report.longreprtext.splitlines() if line.startswith("E ")]
            self.problem = f"{report.nodeid.rpartition('::')[2]}: {words[0] if words else report.when}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if self._lines is None:
            _time()
            return (yield)
        begun = time.monotonic()
        self._lines.taken()
        done = yield
        self.ran[item.nodeid] = Ran(item.nodeid, time.monotonic() - begun, self._lines.taken())
        return done


class Ran(NamedTuple):
    """An attempt or a test, how long it took, and the lines it ran through, by module."""

    what: Attempt | str
    seconds: float
    lines: dict[str, frozenset[int]]


def attempted(attempt: Attempt, modules: Sequence[str]) -> Ran:
    """Raises when it breaks what nobody has broken."""
    lines, begun = Lines(modules), time.monotonic()
    with lines:
        problem = attempt.problem()
    if problem:
        raise AssertionError(f"{attempt}: {problem}")
    return Ran(attempt, time.monotonic() - begun, lines.taken())


def tested(modules: Sequence[str]) -> list[Ran]:
    lines = Lines(modules)
    tests = Tests(lines)
    with lines:
        tests.run(TESTS)
    if tests.problem or not tests.ran:
        raise AssertionError(tests.problem or "no tests")
    return list(tests.ran.values())


class Lines:
    """The lines of these modules that are run through, also by processes that are forked."""

    def __init__(self, modules: Sequence[str]) -> None:
        counts = {module: len((SOURCES / module).read_text().splitlines()) + 1 for module in modules}
        ends = list(accumulate(counts.values()))
        self._marks = mmap(-1, ends[-1])
        self._places = {module: (end - counts[module], end) for module, end in zip(counts, ends, strict=True)}
        self._start = {str(SOURCES / module): start for module, (start, _) in self._places.items()}

    def __enter__(self) -> Lines:
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def taken(self) -> dict[str, frozenset[int]]:
        """Those since this was last asked."""
        marks = self._marks[:]
        self._marks[:] = bytes(len(marks))
        places = self._places.items()
        return {module: frozenset(n for n in range(end - start) if marks[start + n]) for module, (start, end) in places}

    def _trace(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        start = self._start.get(frame.f_code.co_filename)
        if start is None:
            return None
        self._marks[start + frame.f_lineno] = 1

        def line(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
            self._marks[start + frame.f_lineno] = 1
            return line

        return line
