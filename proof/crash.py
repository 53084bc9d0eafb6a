"""Dying before and after every disk operation of every flow, and once more while recovering from that."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from orchestrator.engine import Engine
from proof.disk import ScriptedDisk
from proof.flows import FLOWS, Flow, checkpoint, prepare, verify
from proof.folder import open_engine, recovered
from proof.result import Part, Result

LIVED, FAILED, DIED = 0, 1, 9
SECONDS = (0, 2, 5, 9)
"""The operations of a recovery at which it dies too."""


def parts(full: bool) -> Iterator[Part]:
    for flow in FLOWS:
        for after in (False, True):
            for portable in (False, True):
                yield partial(once, flow, after, portable)
    for flow in FLOWS:
        if flow is not checkpoint or full:
            yield partial(twice, flow, 1 if full else 3)


def once(flow: Flow, after: bool, portable: bool) -> Result:
    """Dies at each operation: recovery leaves all or nothing, and the next commit works."""
    return judged("dying before and after each disk operation", "deaths", flow, points(flow, portable), after, portable)


def twice(flow: Flow, stride: int) -> Result:
    """Dies at operations of the flow, and again at operations of the recovery."""
    deaths = [(point, second) for point in range(0, len(points(flow)), stride) for second in SECONDS]
    return judged("dying again while recovering", "deaths", flow, deaths, after=True)


def points(flow: Flow, portable: bool = False) -> range:
    """The disk operations of a flow."""
    with tempfile.TemporaryDirectory() as place:
        temp, disk = Path(place) / ".temp", ScriptedDisk()
        prepare(temp, flow)
        engine = open_engine(temp, disk, portable=portable)
        flow(engine)
        found = range(len(disk.log))
        engine.close()
    return found


def judged(
    claim: str, unit: str, flow: Flow, deaths: Iterable[int | tuple[int, int]], after: bool, portable: bool = False
) -> Result:
    """What comes of each death, in a folder of its own."""
    tried, violations = 0, []
    with tempfile.TemporaryDirectory() as place:
        before = Path(place) / "before"
        prepare(before / ".temp", flow)
        for death in deaths:
            temp = Path(place) / "tried" / ".temp"
            shutil.copytree(before, temp.parent, symlinks=True)
            tried += 1
            try:
                die(temp, flow, death, after=after, portable=portable)
            except AssertionError as error:
                violations.append(f"{flow.__name__} at {death}, after={after}, portable={portable}: {error}")
            shutil.rmtree(temp.parent)
    return Result(claim, tried, unit, tuple(violations))


def die(temp: Path, flow: Flow, death: int | tuple[int, int], *, after: bool, portable: bool = False) -> None:
    """Do the flow in a prepared folder, die there, recover and verify; raises AssertionError."""
    first, *more = death if isinstance(death, tuple) else (death,)
    assert _died(temp, flow, first, after=after, portable=portable), "it lived on"
    for second in more:
        _died(temp, _recover, second, after=False)
    engine = recovered(temp)
    verify(engine, temp, flow)
    engine.close()


def _died(temp: Path, flow: Flow, point: int, *, after: bool, portable: bool = False) -> bool:
    """Do the flow in a process of its own, which is gone at that operation with all it held."""
    child = os.fork()
    if not child:
        code = FAILED
        try:
            disk = ScriptedDisk()

            def dying(number: int, operation: str, path: Path) -> None:
                if number == point:
                    os._exit(DIED)

            setattr(disk, "after" if after else "before", dying)
            flow(open_engine(temp, disk, portable=portable))
            code = LIVED
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code != FAILED, "it failed before it died"
    return code == DIED


def _recover(engine: Engine) -> None:
    for task_id in engine.ids():
        engine.refresh(task_id)
