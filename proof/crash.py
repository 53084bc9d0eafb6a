"""Dying before and after every disk operation of every flow, and once more while recovering from that."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from orchestrator.engine import Engine
from orchestrator.errors import OrchestratorError
from proof import flows
from proof.claims import journals
from proof.disk import ScriptedDisk
from proof.flows import Flow, change_over, checkpoint, prepare, verify
from proof.folder import MEMORY, assert_sound, content, open_engine, recovered
from proof.result import Part, Result

LONGEST = 80
"""No recovery has more operations."""
FLOWS = (*flows.FLOWS, change_over)
SECONDS = (0, 2, 5, 9)
"""The operations of a recovery at which it dies too, unless all are asked for."""


def parts(full: bool) -> Iterator[Part]:
    for flow in FLOWS:
        for after in (False, True):
            for portable in (False, True):
                yield partial(once, flow, after, portable)
    for flow in FLOWS:
        if full:
            yield partial(twice, flow, 1, range(LONGEST))
        elif flow is not checkpoint:
            yield partial(twice, flow, 3, SECONDS)


def once(flow: Flow, after: bool, portable: bool) -> Result:
    """Dies at each operation: recovery leaves all or nothing, and the next commit works."""
    return judged("dying before and after each disk operation", "deaths", flow, points(flow, portable), after, portable)


def twice(flow: Flow, stride: int, seconds: Sequence[int]) -> Result:
    """Dies at operations of the flow, and again at operations of the recovery."""
    deaths = [(point, second) for point in range(0, len(points(flow)), stride) for second in seconds]
    return judged("dying again while recovering", "deaths", flow, deaths, after=True)


def points(flow: Flow, portable: bool = False) -> range:
    """The disk operations of a flow."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        temp = Path(place) / ".temp"
        prepare(temp, flow)
        return range(_lived(temp, flow, ScriptedDisk(), portable))


def judged(
    claim: str, unit: str, flow: Flow, deaths: Iterable[int | tuple[int, int]], after: bool, portable: bool = False
) -> Result:
    """What comes of each death: in the flow, or in the recovery from that, with the number of its operation too.

    What a process that dies there leaves is copied at that moment.
    """
    violations: list[str] = []
    tried, lasting, sound = 0, set[bytes](), set[bytes]()
    points: dict[int, list[int]] = {}
    for death in deaths:
        first, *second = death if isinstance(death, tuple) else (death,)
        points.setdefault(first, []).extend(second)

    def look(temp: Path, death: str) -> None:
        nonlocal tried
        tried += 1
        committed = journals(temp)
        try:
            engine = recovered(temp, lasting)
            for begun in committed:
                kept = any(journal.startswith(begun) for journal in journals(temp))
                assert kept, f"recovery lost commits of a journal of {begun.count(10)}"
            verify(engine, temp, flow)
            engine.close()
            if (left := content(temp)) not in sound:
                assert_sound(temp)
                sound.add(left)
        except (AssertionError, OrchestratorError, OSError) as error:
            violations.append(f"{flow.__name__} at {death}, {after=}, {portable=}: {type(error).__name__} {error}")

    def look_on(temp: Path, point: int) -> None:
        seconds = points[point]
        if not seconds:
            look(temp, str(point))
            return
        disk = ScriptedDisk()
        disk.before = _copying(temp, seconds, lambda copy, second: look(copy, f"{point}, then {second}"))
        _lived(temp, _recover, disk, False)

    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        temp, disk = Path(place) / "tried" / ".temp", ScriptedDisk()
        prepare(temp, flow)
        setattr(disk, "after" if after else "before", _copying(temp, points, look_on))
        _lived(temp, flow, disk, portable)
    return Result(claim, tried, unit, tuple(violations))


def _copying(temp: Path, points: Container[int], look: Callable[[Path, int], None]) -> Callable[[int, str, Path], None]:
    """At each of these operations the folder is looked at as it is then, by the name of a copy."""

    def copy(number: int, operation: str, path: Path) -> None:
        if number in points:
            place = temp.parent.with_name(f"{temp.parent.name}-{number}")
            shutil.copytree(temp.parent, place, symlinks=True)
            look(place / temp.name, number)
            shutil.rmtree(place)

    return copy


def _lived(temp: Path, flow: Flow, disk: ScriptedDisk, portable: bool) -> int:
    """Do the flow, and close the engine; how many operations that had."""
    engine = open_engine(temp, disk, portable=portable)
    flow(engine)
    engine.close()
    return len(disk.log)


def _recover(engine: Engine) -> None:
    for task_id in engine.ids():
        engine.refresh(task_id)
