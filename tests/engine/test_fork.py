"""A task that goes on from what another one was."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.documents import file_name
from orchestrator.engine import Engine
from orchestrator.errors import Damaged, Refused
from orchestrator.events import (
    CallSettled,
    FileChange,
    Intent,
    ItemAdded,
    ItemChecked,
    ModelReplied,
    PhaseChanged,
    Receipt,
    TaskCompleted,
    TextEdited,
    Usage,
)
from orchestrator.revisions import Revisions
from orchestrator.task import Fork, Reference, Task
from proof.folder import CREATED, ID, NEW, assert_in_step, open_engine

WROTE = Receipt(id="R1", call="t1", tool="Write", outcome="ok", files=(FileChange(path="model.py", after="0" * 64),))
ITEM = ItemAdded(id="c1", text="Write model.py")


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    return tmp_path / ".temp"


@pytest.fixture
def engine(temp: Path) -> Engine:
    """With a task: r3 has an item and a call, r4 its proof, r5 a reply whose call is not settled."""
    engine = open_engine(temp)
    engine.create(CREATED)
    engine.lease(ID).release()
    engine.commit(ID, [ITEM, CallSettled(receipt=WROTE)], actor="worker")
    engine.commit(ID, [ItemChecked(id="c1", evidence=("R1",))], actor="worker")
    intent = Intent(call="t2", tool="Bash", command="npm test")
    said = ModelReplied(content=(), stop_reason="tool_use", model="m", usage=Usage(input_tokens=7), intents=(intent,))
    engine.commit(ID, [said], actor="worker")
    return engine


def text(temp: Path, task: Task, kind: str) -> str:
    return (temp / file_name(kind, task.id)).read_text()


def test_a_fork_has_the_documents_and_the_evidence_of_that_revision(engine: Engine, temp: Path) -> None:
    before = Revisions(temp, ID).at(3)
    task = engine.fork(ID, 3)
    assert (task.id, task.status, task.forked) == (NEW, "stopped", Fork(ID, 3))
    assert (task.items, task.receipts, task.changes) == (before.items, before.receipts, before.changes)
    assert "- [ ] Write model.py" in text(temp, task, "checklist")
    assert f"# Checklist – {NEW}" in text(temp, task, "checklist")
    assert_in_step(temp, task)
    task = engine.commit(NEW, [ItemChecked(id="c1", evidence=("R1",))], actor="worker")
    assert task.items[0].checked


def test_a_fork_and_its_source_refer_to_each_other(engine: Engine, temp: Path) -> None:
    task = engine.fork(ID, 3)
    assert task.references == (Reference(ID, "task-status"),)
    assert engine.refresh(ID).task.references == (Reference(NEW, "task-status"),)
    for one in (ID, NEW):
        assert_in_step(temp, engine.refresh(one).task)


def test_nothing_is_spent_yet_and_no_call_of_the_other_task_is_left_to_settle(engine: Engine) -> None:
    task = engine.fork(ID, 5)
    assert (task.turns, task.usage, task.cost, task.pending, task.transcript) == (0, Usage(), None, (), ())
    assert task.items[0].checked
    assert engine.at_work(NEW) is None
    assert engine.lease(NEW).epoch == 2


def test_the_revisions_of_a_fork_are_those_of_its_source(engine: Engine, temp: Path) -> None:
    engine.fork(ID, 4)
    ours, theirs = Revisions(temp, NEW), Revisions(temp, ID)
    for revision in (1, 2, 3, 4):
        assert ours.at(revision).documents == theirs.at(revision).documents
        assert ours.at(revision).id == ID
    assert ours.at(1).uuid != theirs.at(1).uuid


def test_the_fork_of_a_closed_task_is_open_and_the_archived_one_hears_of_it(engine: Engine, temp: Path) -> None:
    engine.commit(ID, [TaskCompleted(summary="Done.")], actor="user")
    revision = engine.archive(ID).revision
    task = engine.fork(ID, revision)
    assert (task.status, task.archived, task.summary) == ("stopped", False, None)
    assert task.references == (Reference(ID, "task-status", moved=True),)
    source = engine.refresh(ID).task
    assert (source.status, source.references) == ("archived", (Reference(NEW, "task-status"),))
    for one in (source, task):
        assert_in_step(temp, one)
    assert not (temp / f"completion-summary-{NEW}.md").exists()


def test_a_task_that_was_renamed_is_forked_from_before_and_after(engine: Engine, temp: Path) -> None:
    engine.rename(ID, "R2R2R2")
    task = engine.fork("R2R2R2", 3)
    assert (task.forked, task.references) == (Fork("R2R2R2", 3), (Reference("R2R2R2", "task-status"),))
    assert Revisions(temp, task.id).at(3).items == task.items
    again = engine.fork("R2R2R2", engine.refresh("R2R2R2").task.revision)
    assert again.forked is not None
    for one in ("R2R2R2", task.id, again.id):
        assert_in_step(temp, engine.refresh(one).task)


def test_a_fork_follows_its_source_to_another_name_and_is_forked_itself(engine: Engine, temp: Path) -> None:
    engine.fork(ID, 3)
    engine.rename(ID, "R2R2R2")
    task = engine.refresh(NEW).task
    assert (task.forked, task.references) == (Fork("R2R2R2", 3), (Reference("R2R2R2", "task-status"),))
    second = engine.fork(NEW, task.revision)
    assert second.forked == Fork(NEW, task.revision)
    assert {row.task for row in second.references} == {"R2R2R2", NEW}
    assert [row.task for row in engine.refresh("R2R2R2").task.references] == [NEW]
    assert_in_step(temp, second)


def test_somebody_s_words_are_taken_over(engine: Engine, temp: Path) -> None:
    engine.commit(ID, [TextEdited(document="plan", text=f"My plan, see .temp/checklist-{ID}.md\n")], actor="editor")
    task = engine.fork(ID, 6)
    assert text(temp, task, "plan").startswith(f"My plan, see .temp/checklist-{NEW}.md\n")


def test_what_is_no_revision_is_refused_and_makes_nothing(engine: Engine) -> None:
    for revision in (0, 6):
        with pytest.raises(Refused, match="has no revision"):
            engine.fork(ID, revision)
    assert engine.ids() == (ID,)
    assert engine.commit(ID, [PhaseChanged(phase="on")], actor="user").phase == "on"


def test_the_commit_that_forks_publishes_the_documents(engine: Engine) -> None:
    task = engine.fork(ID, 3)
    (forked, *_) = engine.since(task.id, 3)
    assert {"checklist", "task-status"} <= forked.documents.keys()


@pytest.mark.parametrize("line", [0, 3])
def test_a_revision_that_damage_hides_is_not_said_not_to_be(engine: Engine, temp: Path, line: int) -> None:
    engine.close()
    path = temp / ".orchestrator" / "journal" / f"{ID}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"', b"'", 1)
    path.write_bytes(b"".join(lines))
    with pytest.raises(Damaged):
        open_engine(temp).fork(ID, 5)
