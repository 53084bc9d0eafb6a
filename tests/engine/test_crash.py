"""Dying at disk operations of every flow, then opening again and committing once more; `python -m proof` tries all."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from orchestrator.errors import StorageError
from orchestrator.events import PhaseChanged
from proof.crash import FLOWS, judged, points
from proof.disk import Died, ScriptedDisk
from proof.flows import Flow, absorb, archive, change_over, checkpoint, commit, create, overtake, restore
from proof.folder import CREATED, ID, open_engine

SHORT = (create, commit, absorb, overtake, restore, change_over)
STRIDE = {checkpoint: 43}


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_dying_at_any_operation_leaves_all_or_nothing(flow: Flow, after: bool) -> None:
    stride = 1 if flow in SHORT else STRIDE.get(flow, 6)
    found = judged("", "deaths", flow, points(flow)[3 * after % stride :: stride], after)
    assert found.tried
    assert not found.violations


@pytest.mark.parametrize("flow", [commit, absorb, overtake, archive], ids=lambda flow: flow.__name__)
def test_dying_at_any_operation_leaves_all_or_nothing_without_the_exchange_too(flow: Flow) -> None:
    assert not judged("", "deaths", flow, points(flow, True), True, portable=True).violations


@pytest.mark.parametrize("flow", [create, commit, absorb, overtake, change_over], ids=lambda flow: flow.__name__)
def test_dying_again_while_recovering_changes_nothing_of_that(flow: Flow) -> None:
    deaths = [(point, second) for point in points(flow)[::3] for second in (0, 2, 5, 9)]
    assert not judged("", "deaths", flow, deaths, True).violations


def test_a_journal_that_is_written_anew_leaves_no_copy_behind_wherever_its_writer_dies(tmp_path: Path) -> None:
    for number in count():
        temp, disk = tmp_path / str(number) / ".temp", ScriptedDisk()
        engine = open_engine(temp, disk)
        engine.create(CREATED)
        disk.fail_sync(1)
        begun = len(disk.log)

        def die(now: int, operation: str, path: Path, at: int = begun + number, disk: ScriptedDisk = disk) -> None:
            if now == at:
                disk.die()

        disk.before = die
        with suppress(Died, StorageError):
            engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
        open_engine(temp).refresh(ID)
        journals = temp / ".orchestrator" / "journal"
        assert {path.name for path in journals.iterdir()} == {f"{ID}.jsonl", "completed"}
        if not disk.dead:
            break
    assert ("create", journals / f".{ID}.jsonl.new") in disk.log
