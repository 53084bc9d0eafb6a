"""One commit: all documents or none, one sync, and nothing recorded that is refused."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path

import pytest

from orchestrator.engine import Engine, draw_id
from orchestrator.errors import Busy, Fenced, Refused, StorageError
from orchestrator.events import (
    CallSettled,
    DecisionRecorded,
    FileChange,
    ItemAdded,
    ItemChecked,
    Kind,
    ModeChanged,
    PhaseChanged,
    ProseWritten,
    Receipt,
    TaskCompleted,
    WorkstreamChanged,
)
from proof.disk import ScriptedDisk
from proof.folder import CREATED, ID, PLAN, all_texts, assert_in_step, open_engine, path_of, text_of

RECEIPT = Receipt(id="R1", call="t1", tool="Write", outcome="ok", files=(FileChange(path="a.js", after="x"),))


def test_a_new_task_has_all_its_documents_at_once(engine: Engine, temp: Path) -> None:
    names = {"task-status", "plan", "checklist", "progress", "architecture-notes"}
    assert {path.name.rsplit("-", 1)[0] for path in temp.iterdir() if path.is_file()} == names
    assert "- [ ] Write the model" in text_of(temp, "checklist")
    assert_in_step(temp, engine.refresh(ID).task)


def test_one_commit_changes_every_document_that_shows_the_fact(engine: Engine, temp: Path) -> None:
    events = [
        WorkstreamChanged(id="models", status="in-progress"),
        PhaseChanged(phase="building"),
        CallSettled(receipt=RECEIPT),
    ]
    engine.commit(ID, events, actor="worker")
    task = engine.commit(ID, [ItemChecked(id="c1", evidence=("R1",))], actor="worker")
    assert "- [x] Write the model" in text_of(temp, "checklist")
    assert "[in-progress]" in text_of(temp, "plan")
    assert "building" in text_of(temp, "progress")
    status = json.loads(text_of(temp, "task-status"))
    assert (status["phase"], status["workstreams"][0]["status"], status["revision"]) == ("building", "in-progress", 3)
    assert_in_step(temp, task)


def test_invariant_9_one_commit_costs_exactly_one_sync(engine: Engine, disk: ScriptedDisk) -> None:
    disk.log.clear()
    engine.commit(
        ID, [PhaseChanged(phase="building"), WorkstreamChanged(id="models", status="in-progress")], actor="worker"
    )
    assert disk.count("fdatasync") == 1
    assert disk.count("fsync") == 0


def test_invariant_2_what_is_refused_is_not_recorded_not_even_the_rest_of_it(engine: Engine, temp: Path) -> None:
    before = all_texts(temp)
    with pytest.raises(Refused, match="no evidence"):
        engine.commit(ID, [PhaseChanged(phase="done"), ItemChecked(id="c1")], actor="worker")
    assert all_texts(temp) == before
    assert engine.refresh(ID).task.revision == 1


def test_a_tick_needs_a_receipt_that_succeeded_came_later_and_touched_the_file(engine: Engine) -> None:
    failed = Receipt(id="R1", call="t1", tool="Bash", outcome="error", command="node --check a.js", exit_code=1)
    early = Receipt(id="R2", call="t2", tool="Write", outcome="ok", files=(FileChange(path="b.js", after="x"),))
    engine.commit(
        ID,
        [CallSettled(receipt=failed), CallSettled(receipt=early), ItemAdded(id="c3", text="Write b.js")],
        actor="worker",
    )
    for evidence, reason in [
        ((), "no evidence"),
        (("R9",), "no receipt R9"),
        (("R1",), "did not succeed"),
        (("R2",), "older than the item"),
    ]:
        with pytest.raises(Refused, match=reason):
            engine.commit(ID, [ItemChecked(id="c3", evidence=evidence)], actor="worker")
    other = Receipt(id="R3", call="t3", tool="Write", outcome="ok", files=(FileChange(path="c.js", after="x"),))
    engine.commit(ID, [CallSettled(receipt=other)], actor="worker")
    with pytest.raises(Refused, match=r"names b\.js, which none of R3 touched"):
        engine.commit(ID, [ItemChecked(id="c3", evidence=("R3",))], actor="worker")


def test_invariant_8_a_commit_under_an_old_epoch_is_fenced(engine: Engine, temp: Path) -> None:
    first = engine.lease(ID)
    with pytest.raises(Busy, match=str(os.getpid())):
        engine.lease(ID)
    first.release()
    second = engine.lease(ID)
    with pytest.raises(Fenced, match="taken over"):
        engine.commit(ID, [PhaseChanged(phase="x")], actor="worker", epoch=first.epoch)
    engine.commit(ID, [PhaseChanged(phase="y")], actor="worker", epoch=second.epoch)
    second.release()


def test_two_engines_on_one_folder_see_each_others_commits(engine: Engine, temp: Path) -> None:
    other = open_engine(temp)
    other.commit(ID, [PhaseChanged(phase="theirs")], actor="user")
    task = engine.commit(ID, [WorkstreamChanged(id="models", status="in-progress")], actor="worker")
    assert (task.phase, task.revision) == ("theirs", 3)
    assert_in_step(temp, task)
    other.close()


def test_text_written_against_another_text_is_refused(engine: Engine) -> None:
    engine.commit(ID, [ProseWritten(document="plan", text="mine\n")], actor="editor")
    with pytest.raises(Refused, match="changed meanwhile"):
        engine.commit(ID, [ProseWritten(document="plan", text="yours\n", replaces="0" * 64)], actor="worker")


def test_two_documents_written_in_one_commit_may_each_add_an_item(engine: Engine, temp: Path) -> None:
    checklist = text_of(temp, "checklist").replace(
        "- [ ] Write the migration", "- [ ] Write the migration\n- [ ] Test it"
    )
    plan = text_of(temp, "plan").replace("## Plan\n\nNone", "## Plan\n\nFirst the model.")
    task = engine.commit(
        ID, [ItemAdded(id="c3", text="Lint it")], actor="worker", texts={"checklist": checklist, "plan": plan}
    )
    assert {item.text for item in task.live_items} >= {"Test it", "Write the model"}
    assert task.prose["plan"] == "First the model."
    assert_in_step(temp, task)


def test_what_happened_lately_is_remembered_and_what_is_older_is_read_again(engine: Engine) -> None:
    for number in range(70):
        engine.commit(ID, [PhaseChanged(phase=f"phase {number}")], actor="worker")
    for revision in (0, 1, 6, 7, 8, 70, 71):
        assert [commit.revision for commit in engine.since(ID, revision)] == list(range(revision + 1, 72))


def test_a_new_id_never_collides_with_hand_made_files(temp: Path) -> None:
    temp.mkdir()
    (temp / "plan-K7Q2MX.md").write_text("# by hand\n")
    drawn = iter(["K7Q2MX", "A2B3C4"])
    hand = open_engine(temp)
    hand._ids = lambda: next(drawn)  # the only way to make a random draw collide
    assert hand.create(CREATED).id == "A2B3C4"
    assert (temp / "plan-K7Q2MX.md").read_text() == "# by hand\n"
    hand.close()


def test_disk_full_before_the_commit_point_loses_nothing_and_commits_nothing(
    engine: Engine, temp: Path, disk: ScriptedDisk
) -> None:
    before = all_texts(temp)

    def full(number: int, operation: str, path: Path) -> None:
        if operation == "append":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    disk.before = full
    with pytest.raises(StorageError, match="this change was not committed"):
        engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    disk.before = lambda number, operation, path: None
    assert engine.refresh(ID).task.revision == 1
    assert all_texts(temp) == before


def test_after_the_commit_point_nothing_says_failed_and_the_next_refresh_brings_documents_forward(
    engine: Engine, temp: Path, disk: ScriptedDisk
) -> None:
    def full(number: int, operation: str, path: Path) -> None:
        if operation in ("create", "exchange", "move"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    disk.before = full
    task = engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    assert task.phase == "building"
    assert "behind their journal" in str(engine.refresh(ID).problem)
    assert "building" not in text_of(temp, "progress")
    disk.before = lambda number, operation, path: None
    assert engine.refresh(ID).problem is None
    assert "building" in text_of(temp, "progress")
    assert_in_step(temp, task)


def test_a_file_in_place_of_a_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file: Not a directory: take it away"):
        open_engine(tmp_path / "file" / ".temp")


def test_finishing_makes_the_completion_summary(engine: Engine, temp: Path) -> None:
    engine.lease(ID).release()
    done = [*(ItemChecked(id=item.id) for item in PLAN[1:]), TaskCompleted(summary="All there.")]
    engine.commit(ID, done, actor="user")
    assert "All there." in path_of(temp, "completion-summary").read_text()


def test_a_checkpoint_whose_sync_failed_is_not_tried_again_the_documents_are_written_anew(
    engine: Engine, temp: Path, disk: ScriptedDisk
) -> None:
    engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    before = {path: path.stat().st_ino for path in temp.iterdir() if path.is_file()}

    def failing(number: int, operation: str, path: Path) -> None:
        if operation == "fdatasync" and path.suffix == ".md":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    disk.before = failing
    engine.close()
    disk.before = lambda number, operation, path: None
    assert not [path for path, inode in before.items() if path.stat().st_ino == inode]
    task = engine.refresh(ID).task
    assert_in_step(temp, task)
    assert task.revision == 2


def test_a_lightweight_task_grows_into_full_with_everything_that_was_recorded(temp: Path) -> None:
    engine = open_engine(temp)
    task_id = engine.create(CREATED.model_copy(update={"mode": "lightweight"}), *PLAN).id
    engine.commit(task_id, [DecisionRecorded(id="D1", decision="UUID keys")], actor="worker")
    assert not path_of(temp, "architecture-notes").exists()
    task = engine.commit(task_id, [ModeChanged(mode="full")], actor="user")
    assert "UUID keys" in text_of(temp, "architecture-notes")
    assert "**models**" in text_of(temp, "plan")
    assert_in_step(temp, task)
    engine.close()


def test_ids_are_drawn_without_look_alikes_with_a_letter_and_a_digit_and_never_an_example() -> None:
    drawn = {draw_id() for _ in range(3000)}
    assert len(drawn) > 2990
    assert all(re.fullmatch(r"(?=.*[A-Z])(?=.*[2-9])[A-HJ-NP-Z2-9]{6}", name) for name in drawn)
    assert not drawn & {"AB12C3", "A1B2C3", "X9Y8Z7"}


def test_invariant_10_times_ids_and_the_task_s_own_uuid_are_the_engines(engine: Engine, temp: Path) -> None:
    commits = engine.since(ID, 0)
    assert {commit.at for commit in commits} == {"2026-01-02T03:04:05.000Z"}
    assert len(str(commits[0].uuid)) == 36
    other = open_engine(temp.parent / "other")
    other.create(CREATED)
    assert other.since(ID, 0)[0].uuid != commits[0].uuid
    other.close()


def test_the_engines_own_folder_is_private_and_ignores_itself_in_git(engine: Engine, temp: Path) -> None:
    own = temp / ".orchestrator"
    assert own.stat().st_mode & 0o777 == 0o700
    assert (own / ".gitignore").read_text() == "*\n"


def test_the_folder_itself_is_for_all_to_read_and_an_emptied_gitignore_is_put_right(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    Engine(temp).close()
    ignore = temp / ".orchestrator" / ".gitignore"
    ignore.write_text("")
    Engine(temp).close()
    (tmp_path / "other").mkdir()
    assert temp.stat().st_mode == (tmp_path / "other").stat().st_mode
    assert ignore.read_text() == "*\n"


def test_an_id_that_is_taken_is_refused(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / ".temp")
    engine.create(CREATED, task_id=ID)
    with pytest.raises(Refused, match=f"the id {ID} is taken"):
        engine.create(CREATED, task_id=ID)


def test_what_two_documents_of_a_commit_say_alike_is_true_once(engine: Engine, temp: Path) -> None:
    plan = text_of(temp, "plan").replace("- **models**", "- **api** [pending] API\n- **models**")
    status = text_of(temp, "task-status").replace('"workstreams": [', '"workstreams": [{"id": "api"},')
    task = engine.commit(ID, [], actor="worker", texts={"plan": plan, "task-status": status})
    assert sorted(row.id for row in task.workstreams) == ["api", "models"]


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("task-status", '"decisions"', "'decisions'", r"task-status-\w+\.json: "),
        ("plan", "**Mode**: full", "**Mode**: none", r": plan-\w+\.md: Mode is not a person's to say"),
    ],
)
def test_a_document_that_cannot_be_obeyed_commits_nothing(
    engine: Engine, temp: Path, kind: Kind, old: str, new: str, said: str
) -> None:
    text = text_of(temp, kind).replace(old, new)
    with pytest.raises(Refused, match=said):
        engine.commit(ID, [PhaseChanged(phase="building")], actor="worker", texts={kind: text})
    assert engine.peek(ID).revision == 1
