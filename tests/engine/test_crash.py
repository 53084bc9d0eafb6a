"""Dying before and after every disk operation of every flow; then opening again, and committing once more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.engine import Engine
from orchestrator.events import ItemChecked, PhaseChanged, ReferenceAdded, TaskCompleted, WorkstreamChanged

from .conftest import CREATED, ID, PLAN, Died, ScriptedDisk, all_texts, assert_in_step, open_engine, path_of

OTHER = "A2B3C4"
DONE = (*(ItemChecked(id=item.id) for item in PLAN[1:]), TaskCompleted(summary="Done."))


def create(engine: Engine) -> None:
    engine.create(CREATED, *PLAN)


def commit(engine: Engine) -> None:
    engine.commit(
        ID, [WorkstreamChanged(id="models", status="in-progress"), PhaseChanged(phase="building")], actor="worker"
    )


def absorb(engine: Engine) -> None:
    path = path_of(engine.folder.temp, "checklist")
    if "My own line" not in path.read_text():
        path.write_text(path.read_text().replace("- [ ] Write the model", "My own line\n- [x] Write the model"))
    engine.refresh(ID)


def restore(engine: Engine) -> None:
    path_of(engine.folder.temp, "plan").unlink(missing_ok=True)
    path_of(engine.folder.temp, "progress").write_text("")
    engine.refresh(ID)


def checkpoint(engine: Engine) -> None:
    for number in range(65):
        engine.commit(ID, [PhaseChanged(phase=f"phase {number}")], actor="worker")


def archive(engine: Engine) -> None:
    engine.archive(ID)


def prepared(temp: Path, flow: Callable[[Engine], None]) -> None:
    """A folder as it is before the flow: the task, another one that refers to it, a companion."""
    engine = open_engine(temp)
    if flow is not create:
        engine.create(CREATED, *PLAN)
        engine.create(CREATED, ReferenceAdded(task=ID, document="plan"), task_id=OTHER)
    if flow is archive:
        engine.lease(ID).release()
        engine.commit(ID, DONE, actor="user")
        (temp / f"REPORT-{ID}.md").write_text("a report\n")
    engine.close()


def count(tmp_path: Path, flow: Callable[[Engine], None], *, portable: bool = False) -> int:
    temp, disk = tmp_path / "count" / ".temp", ScriptedDisk()
    prepared(temp, flow)
    engine = open_engine(temp, disk, portable=portable)
    flow(engine)
    return len(disk.log)


def die_at(temp: Path, flow: Callable[[Engine], None], point: int, *, after: bool, portable: bool = False) -> None:
    disk = ScriptedDisk()

    def dying(number: int, operation: str, path: Path) -> None:
        if number == point:
            disk.die()

    setattr(disk, "after" if after else "before", dying)
    with pytest.raises(Died):
        flow(open_engine(temp, disk, portable=portable))


def recovered(temp: Path) -> Engine:
    """Open after the death; everything is in step, and doing it twice changes nothing."""
    engine = open_engine(temp)
    for task_id in engine.ids():
        assert_in_step(temp, engine.refresh(task_id).task)
    before = all_texts(temp)
    again = open_engine(temp)
    for task_id in again.ids():
        again.refresh(task_id)
    assert all_texts(temp) == before
    assert not list((temp / ".orchestrator" / "staging").iterdir())
    return engine


@pytest.mark.parametrize("flow", [create, commit, absorb, restore, checkpoint, archive], ids=lambda flow: flow.__name__)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_dying_at_any_operation_leaves_all_or_nothing(
    tmp_path: Path, flow: Callable[[Engine], None], after: bool
) -> None:
    points = count(tmp_path, flow)
    assert points > 5
    step = 7 if flow is checkpoint else 1  # 65 commits alike: every seventh operation meets each kind of them
    for point in range(0, points, step):
        temp = tmp_path / str(point) / ".temp"
        prepared(temp, flow)
        die_at(temp, flow, point, after=after)
        engine = recovered(temp)
        verify(engine, temp, flow)
        engine.close()


@pytest.mark.parametrize("flow", [commit, absorb, archive], ids=lambda flow: flow.__name__)
def test_dying_at_any_operation_leaves_all_or_nothing_without_the_exchange_too(
    tmp_path: Path, flow: Callable[[Engine], None]
) -> None:
    for point in range(count(tmp_path, flow, portable=True)):
        temp = tmp_path / str(point) / ".temp"
        prepared(temp, flow)
        die_at(temp, flow, point, after=True, portable=True)
        engine = recovered(temp)
        verify(engine, temp, flow)
        engine.close()


def verify(engine: Engine, temp: Path, flow: Callable[[Engine], None]) -> None:
    """What the flow was to do happened wholly or not at all; and the next commit works."""
    if flow is create:
        if ID not in engine.ids():
            assert not [path for path in temp.iterdir() if path.is_file()]
            engine.create(CREATED, *PLAN)
    elif flow is commit:
        task = engine.refresh(ID).task
        assert (task.phase, task.workstreams[0].status) in [("planning", "pending"), ("building", "in-progress")]
    elif flow is absorb:
        task = engine.refresh(ID).task
        assert task.items[0].checked
        assert "My own line" in path_of(temp, "checklist").read_text()
    elif flow is archive:
        verify_archive(engine, temp)
        return
    task = engine.commit(ID, [PhaseChanged(phase="once more")], actor="worker")
    assert_in_step(temp, task)


def verify_archive(engine: Engine, temp: Path) -> None:
    task = engine.refresh(ID).task
    if task.status == "completed":
        assert (temp / f"REPORT-{ID}.md").exists()
        task = engine.archive(ID)
    assert task.status == "archived"
    assert_in_step(temp, task)
    assert (temp / "completed" / f"REPORT-{ID}.md").read_text() == "a report\n"
    other = engine.refresh(OTHER).task
    assert other.references[0].moved
    assert f".temp/completed/plan-{ID}.md" in path_of(temp, "plan", OTHER).read_text()
    assert (temp / ".orchestrator" / "journal" / "completed" / f"{ID}.jsonl").exists()


@pytest.mark.parametrize("flow", [create, commit, absorb, archive], ids=lambda flow: flow.__name__)
def test_dying_again_while_recovering_changes_nothing_of_that(tmp_path: Path, flow: Callable[[Engine], None]) -> None:
    points = count(tmp_path, flow)
    for point in range(0, points, 3):
        for second in (0, 2, 5, 9):
            temp = tmp_path / f"{point}-{second}" / ".temp"
            prepared(temp, flow)
            die_at(temp, flow, point, after=True)
            disk = ScriptedDisk()

            def dying(number: int, operation: str, path: Path, disk: ScriptedDisk = disk, second: int = second) -> None:
                if number == second:
                    disk.die()

            disk.before = dying
            try:
                engine = open_engine(temp, disk)
                for task_id in engine.ids():
                    engine.refresh(task_id)
            except Died:
                pass
            engine = recovered(temp)
            verify(engine, temp, flow)
            engine.close()
