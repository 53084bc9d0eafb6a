"""Dying before and after every disk operation of every flow; then opening again, and committing once more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.engine import Engine
from orchestrator.events import ItemChecked, PhaseChanged, ReferenceAdded, TaskCompleted, WorkstreamChanged
from orchestrator.task import Task

from .conftest import CREATED, ID, PLAN, Died, ScriptedDisk, all_texts, assert_in_step, open_engine, path_of

OTHER, NEW = "A2B3C4", "N2W3D4"
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


def cancel(engine: Engine) -> None:
    engine.cancel(ID, "Not wanted any more")


def reopen(engine: Engine) -> None:
    engine.instruct(ID, "Write the seeder too")


def rename(engine: Engine) -> None:
    engine.rename(ID, NEW)


def prepared(temp: Path, flow: Callable[[Engine], None]) -> None:
    """A folder as it is before the flow: the task, another one that refers to it, a companion."""
    engine = open_engine(temp)
    if flow is not create:
        engine.create(CREATED, *PLAN)
        engine.create(CREATED, ReferenceAdded(task=ID, document="plan"), task_id=OTHER)
    if flow in (archive, reopen, cancel, rename):
        engine.lease(ID).release()
        (temp / f"REPORT-{ID}.md").write_text("a report\n")
    if flow in (archive, reopen):
        engine.commit(ID, DONE, actor="user")
    if flow is reopen:
        engine.archive(ID)
        path = temp / "completed" / f"checklist-{ID}.md"
        path.write_text(path.read_text() + "\nTyped in the archive, see .temp/completed/plan-K7Q2MX.md\n")
    if flow is rename:
        path = temp / f"checklist-{ID}.md"
        path.write_text(path.read_text() + f"\nTyped before, see .temp/plan-{ID}.md\n")
        (temp / ".orchestrator" / "commands" / ID / "call").mkdir(parents=True)
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


SHORT = [create, commit, absorb, restore]
LONG = [checkpoint, archive, cancel, reopen, rename]
PARTS = 6
"""Of the deaths in a flow of ten times the operations of a commit, so many parts are tried; one by default."""
part = pytest.mark.parametrize("part", [0, *(pytest.param(one, marks=pytest.mark.proof) for one in range(1, PARTS))])


def dying_at(
    tmp_path: Path, flow: Callable[[Engine], None], points: range, *, after: bool, portable: bool = False
) -> None:
    assert points
    for point in points:
        temp = tmp_path / str(point) / ".temp"
        prepared(temp, flow)
        die_at(temp, flow, point, after=after, portable=portable)
        engine = recovered(temp)
        verify(engine, temp, flow)
        engine.close()


@pytest.mark.parametrize("flow", SHORT, ids=lambda flow: flow.__name__)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_dying_at_any_operation_leaves_all_or_nothing(
    tmp_path: Path, flow: Callable[[Engine], None], after: bool
) -> None:
    dying_at(tmp_path, flow, range(count(tmp_path, flow)), after=after)


@pytest.mark.parametrize("flow", LONG, ids=lambda flow: flow.__name__)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@part
def test_dying_at_any_operation_of_a_long_flow_leaves_all_or_nothing(
    tmp_path: Path, flow: Callable[[Engine], None], after: bool, part: int
) -> None:
    alike = 7 if flow is checkpoint else 1  # 65 equal commits: every seventh operation meets each kind of them
    first = (part + 3 * after) % PARTS * alike
    dying_at(tmp_path, flow, range(first, count(tmp_path, flow), PARTS * alike), after=after)


@pytest.mark.parametrize("flow", [commit, absorb, archive], ids=lambda flow: flow.__name__)
def test_dying_at_any_operation_leaves_all_or_nothing_without_the_exchange_too(
    tmp_path: Path, flow: Callable[[Engine], None]
) -> None:
    dying_at(tmp_path, flow, range(count(tmp_path, flow, portable=True)), after=True, portable=True)


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
    elif flow in VERIFY:
        VERIFY[flow](engine, temp)
        return
    task = engine.commit(ID, [PhaseChanged(phase="once more")], actor="worker")
    assert_in_step(temp, task)


def verify_archive(engine: Engine, temp: Path) -> None:
    if engine.refresh(ID).task.status == "completed":
        assert (temp / f"REPORT-{ID}.md").exists()
        engine.archive(ID)
    verify_archived(engine, temp)


def verify_cancel(engine: Engine, temp: Path) -> None:
    task = engine.refresh(ID).task
    if task.open:
        engine.cancel(ID, "Not wanted any more")
    elif not task.archived:
        engine.archive(ID)
    task = verify_archived(engine, temp)
    assert (task.ended, task.reason) == ("cancelled", "Not wanted any more")
    assert not (temp / "completed" / f"completion-summary-{ID}.md").exists()


def verify_archived(engine: Engine, temp: Path) -> Task:
    task = engine.refresh(ID).task
    assert task.status == "archived"
    assert_in_step(temp, task)
    assert (temp / "completed" / f"REPORT-{ID}.md").read_text() == "a report\n"
    other = engine.refresh(OTHER).task
    assert other.references[0].moved
    assert f".temp/completed/plan-{ID}.md" in path_of(temp, "plan", OTHER).read_text()
    assert (temp / ".orchestrator" / "journal" / "completed" / f"{ID}.jsonl").exists()
    return task


def verify_reopen(engine: Engine, temp: Path) -> None:
    task = engine.refresh(ID).task
    if task.archived:
        assert (temp / "completed" / f"REPORT-{ID}.md").exists()
        task = engine.instruct(ID, "Write the seeder too")
    assert (task.status, task.moving, len(task.instructions)) == ("stopped", None, 1)
    assert_in_step(temp, task)
    assert not list((temp / "completed").iterdir())
    assert not (temp / f"completion-summary-{ID}.md").exists()
    assert (temp / f"REPORT-{ID}.md").read_text() == "a report\n"
    assert f"Typed in the archive, see .temp/plan-{ID}.md" in path_of(temp, "checklist").read_text()
    verify_referred(engine, temp, f".temp/plan-{ID}.md")
    assert (temp / ".orchestrator" / "journal" / f"{ID}.jsonl").exists()
    assert_in_step(temp, engine.commit(ID, [PhaseChanged(phase="once more")], actor="worker"))


def verify_rename(engine: Engine, temp: Path) -> None:
    if ID in engine.ids():
        assert (temp / f"REPORT-{ID}.md").exists()
        engine.rename(ID, NEW)
    task = engine.refresh(NEW).task
    assert (task.id, task.moving) == (NEW, None)
    assert_in_step(temp, task)
    assert (temp / f"REPORT-{NEW}.md").read_text() == "a report\n"
    assert f"Typed before, see .temp/plan-{NEW}.md" in path_of(temp, "checklist", NEW).read_text()
    assert (temp / ".orchestrator" / "commands" / NEW / "call").exists()
    assert not [path for path in temp.rglob(f"*{ID}*") if path.suffix != ".lock"]
    verify_referred(engine, temp, f".temp/plan-{NEW}.md")
    assert_in_step(temp, engine.commit(NEW, [PhaseChanged(phase="once more")], actor="worker"))


def verify_referred(engine: Engine, temp: Path, path: str) -> None:
    other = engine.refresh(OTHER).task
    assert not other.references[0].moved
    assert path in path_of(temp, "plan", OTHER).read_text()
    assert_in_step(temp, other)


VERIFY = {archive: verify_archive, cancel: verify_cancel, reopen: verify_reopen, rename: verify_rename}


@pytest.mark.parametrize(
    "flow",
    [create, commit, absorb, *(pytest.param(flow, marks=pytest.mark.proof) for flow in LONG if flow is not checkpoint)],
    ids=lambda flow: flow.__name__,
)
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
