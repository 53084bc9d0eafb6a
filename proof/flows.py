"""The flows of the engine: how a folder is before, what is done, and what must be true once a fault is recovered from.

Each happens wholly or not at all, and the next commit works.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from orchestrator import documents
from orchestrator.documents.status_json import load
from orchestrator.engine import Engine
from orchestrator.engine.handmade import survey
from orchestrator.errors import TaskIsBlocked, Unsynced
from orchestrator.events import (
    ItemChecked,
    PhaseChanged,
    ReferenceAdded,
    TaskCompleted,
    TaskContinued,
    TaskPaused,
    WorkstreamChanged,
)
from orchestrator.task import DEATHS, Fork, Reference, Task
from proof.disk import FailingDisk
from proof.folder import CREATED, ID, NEW, PLAN, assert_in_step, open_engine, path_of

Flow = Callable[[Engine], None]

OTHER = "A2B3C4"
BY_HAND, PUT_AWAY = "H4N8DM", "P3V9KE"
DONE = (*(ItemChecked(id=item.id) for item in PLAN[1:]), TaskCompleted(summary="Done."))


def create(engine: Engine) -> None:
    engine.create(CREATED, *PLAN)


def commit(engine: Engine) -> None:
    engine.commit(
        ID, [WorkstreamChanged(id="models", status="in-progress"), PhaseChanged(phase="building")], actor="worker"
    )


def absorb(engine: Engine) -> None:
    type_line(engine.folder.temp)
    engine.refresh(ID)


def type_line(temp: Path) -> None:
    """A person's edit, made once."""
    path = path_of(temp, "checklist")
    if "My own line" not in path.read_text():
        path.write_text(path.read_text().replace("- [ ] Write the model", "My own line\n- [x] Write the model"))


def overtake(engine: Engine) -> None:
    """A commit that finds an edit which nobody has recorded."""
    type_line(engine.folder.temp)
    engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")


def restore(engine: Engine) -> None:
    path_of(engine.folder.temp, "plan").unlink(missing_ok=True)
    path_of(engine.folder.temp, "progress").write_text("")
    engine.refresh(ID)


def checkpoint(engine: Engine) -> None:
    for number in range(65):
        engine.commit(ID, [PhaseChanged(phase=f"phase {number}")], actor="worker")


def change_over(engine: Engine) -> None:
    """A sync of the journal fails: what was committed goes on in a new file."""
    disk = engine.folder.disk
    assert isinstance(disk, FailingDisk)
    disk.fail_sync(2)
    for phase in PHASES:
        with suppress(Unsynced):
            engine.commit(ID, [PhaseChanged(phase=phase)], actor="worker")


PHASES = ("first", "refused", "third")


def archive(engine: Engine) -> None:
    engine.archive(ID)


def cancel(engine: Engine) -> None:
    engine.cancel(ID, "Not wanted any more")


def reopen(engine: Engine) -> None:
    engine.instruct(ID, "Write the seeder too")


def rename(engine: Engine) -> None:
    engine.rename(ID, NEW)


def rename_archived(engine: Engine) -> None:
    engine.rename(ID, NEW)


HAND_MADE = {
    f"task-status-{BY_HAND}.json": '{"agentId": "db-worker", "workstreams": [{"id": "w1", "status": "in_progress"}]}}',
    f"checklist-{BY_HAND}.md": "# To do\n\n- [x] Write the model\n- [ ] Write the migration",
    f"plan-{BY_HAND}.md": "Models first.\r\n",
    f"completed/progress-{PUT_AWAY}.md": f"**Status**: Done ✅\n\nSee .temp/plan-{PUT_AWAY}.md\n",
    f"REPORT_{BY_HAND}.md": "a report\n",
    "notes.txt": "of no task\n",
}


def adopt(engine: Engine) -> None:
    seen = survey(engine.folder.temp)
    for task_id in seen.begun:
        engine.refresh(task_id)
    for found in seen.found:
        engine.adopt(found)


def fork(engine: Engine) -> None:
    engine.fork(ID, 1)


DOING = "Bash ./crash"


def park(engine: Engine) -> None:
    """A worker takes the lease that one did not give back which died as two before it."""
    with suppress(TaskIsBlocked):
        engine.lease(ID, DOING)


def prepare(temp: Path, flow: Flow) -> None:
    """A folder as it is before the flow: the task, another one that refers to it, a companion."""
    engine = open_engine(temp)
    if flow is adopt:
        for name, text in HAND_MADE.items():
            (temp / name).write_bytes(text.encode())
    elif flow is not create:
        engine.create(CREATED, *PLAN)
        engine.create(CREATED, ReferenceAdded(task=ID, document="plan"), task_id=OTHER)
    if flow in (archive, reopen, cancel, rename, rename_archived):
        engine.lease(ID).release()
        (temp / f"REPORT-{ID}.md").write_text("a report\n")
    if flow in (archive, reopen, rename_archived):
        engine.commit(ID, DONE, actor="user")
    if flow in (reopen, rename_archived):
        engine.archive(ID)
    if flow is park:
        for _ in range(DEATHS):
            engine.lease(ID, DOING)  # and nobody holds it any more
    if flow is reopen:
        path = temp / "completed" / f"checklist-{ID}.md"
        path.write_text(path.read_text() + "\nTyped in the archive, see .temp/completed/plan-K7Q2MX.md\n")
    if flow is rename:
        path = temp / f"checklist-{ID}.md"
        path.write_text(path.read_text() + f"\nTyped before, see .temp/plan-{ID}.md\n")
        (temp / ".orchestrator" / "commands" / ID / "call").mkdir(parents=True)
    engine.close()


def verify(engine: Engine, temp: Path, flow: Flow) -> None:
    """What the flow was to do happened wholly or not at all; and the next commit works."""
    if flow is create:
        if not engine.ids():
            assert not [path for path in temp.iterdir() if path.is_file()]
            engine.create(CREATED, *PLAN)
    elif flow is commit:
        task = engine.refresh(ID).task
        assert (task.phase, task.workstreams[0].status) in [("planning", "pending"), ("building", "in-progress")]
    elif flow is change_over:
        assert engine.refresh(ID).task.phase in ("planning", *PHASES)
    elif flow in (absorb, overtake):
        task = engine.refresh(ID).task
        assert task.items[0].checked
        assert task.phase in ("planning", "building")
        assert "My own line" in path_of(temp, "checklist").read_text()
        first = engine.since(ID, 1)[0]
        assert first.actor == "editor", f"{first.actor} committed before the edit was recorded"
    elif flow in VERIFY:
        VERIFY[flow](engine, temp)
        return
    task_id = ID if ID in engine.ids() else NEW  # created again, after a failure
    task = engine.commit(task_id, [PhaseChanged(phase="once more")], actor="worker")
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


def verify_archived(engine: Engine, temp: Path, task_id: str = ID) -> Task:
    task = engine.refresh(task_id).task
    assert task.status == "archived"
    assert_in_step(temp, task)
    assert (temp / "completed" / f"REPORT-{task_id}.md").read_text() == "a report\n"
    other = engine.refresh(OTHER).task
    assert other.references[0].moved
    assert f".temp/completed/plan-{task_id}.md" in path_of(temp, "plan", OTHER).read_text()
    assert (temp / ".orchestrator" / "journal" / "completed" / f"{task_id}.jsonl").exists()
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
    left = [path for path in temp.rglob(f"*{ID}*") if path.parent.name != "locks" and path.name[0] != "."]
    assert not left, f"left under the old id: {left}"
    verify_referred(engine, temp, f".temp/plan-{NEW}.md")
    assert_in_step(temp, engine.commit(NEW, [PhaseChanged(phase="once more")], actor="worker"))


def verify_fork(engine: Engine, temp: Path) -> None:
    if NEW not in engine.ids():
        engine.fork(ID, 1)
    task, source = engine.refresh(NEW).task, engine.refresh(ID).task
    assert (task.moving, task.forked, task.items) == (None, Fork(ID, 1), source.items)
    assert task.references == (Reference(ID, "task-status"),)
    assert source.references == (Reference(NEW, "task-status"),)
    for one in (task, source):
        assert_in_step(temp, one)
        assert_in_step(temp, engine.commit(one.id, [PhaseChanged(phase="once more")], actor="worker"))


def verify_park(engine: Engine, temp: Path) -> None:
    for _ in range(DEATHS + 1):  # a power cut may leave no sign of the last one
        park(engine)
    task = engine.refresh(ID).task
    assert (task.status, task.deaths, task.died) == ("blocked", DEATHS, DOING)
    assert engine.at_work(ID) is None
    engine.commit(ID, [TaskPaused(), TaskContinued()], actor="user")
    engine.lease(ID, DOING).release()
    assert_in_step(temp, engine.commit(ID, [PhaseChanged(phase="once more")], actor="worker"))


def verify_rename_archived(engine: Engine, temp: Path) -> None:
    if ID in engine.ids():
        engine.rename(ID, NEW)
    verify_archived(engine, temp, NEW)


def verify_referred(engine: Engine, temp: Path, path: str) -> None:
    other = engine.refresh(OTHER).task
    assert not other.references[0].moved
    assert path in path_of(temp, "plan", OTHER).read_text()
    assert_in_step(temp, other)


def verify_adopt(engine: Engine, temp: Path) -> None:
    adopt(engine)
    assert {BY_HAND, PUT_AWAY} <= {*engine.ids()}
    adopted, archived = (engine.refresh(task_id).task for task_id in (BY_HAND, PUT_AWAY))
    assert (adopted.status, archived.status) == ("in-progress", "archived")
    assert [item.checked for item in adopted.items] == [True, False]
    for name, text in HAND_MADE.items():
        path = temp / name
        if path.suffix == ".json":
            assert load(path.read_text())["agentId"] == "db-worker"
            assert text.encode() in [other.read_bytes() for other in temp.glob(f"set-aside-*-{BY_HAND}.json")]
        else:
            kind = "text" if documents.identify(path.name) is None else "plan"
            assert documents.unstamp(kind, path.read_bytes().decode())[0] == text, f"{name} changed"
    assert_in_step(temp, archived)
    assert_in_step(temp, engine.commit(BY_HAND, [ItemChecked(id="c2")], actor="user"))


VERIFY = {
    adopt: verify_adopt,
    archive: verify_archive,
    cancel: verify_cancel,
    reopen: verify_reopen,
    rename: verify_rename,
    fork: verify_fork,
    park: verify_park,
    rename_archived: verify_rename_archived,
}


FLOWS = (
    *(create, commit, absorb, overtake, restore, checkpoint, archive, cancel, reopen),
    *(rename, rename_archived, adopt, fork, park),
)
