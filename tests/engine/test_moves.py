"""Files on their way: archived, reopened, renamed, beside what others do at that moment."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.engine import Engine
from orchestrator.errors import Busy, Refused, StorageError, UnknownTask
from orchestrator.events import (
    ArchiveBegun,
    ItemChecked,
    PhaseChanged,
    ProseWritten,
    ReferenceAdded,
    TaskCompleted,
    TaskCreated,
    WorkerStarted,
)
from orchestrator.files import Disk
from orchestrator.journal.file import FileJournals
from orchestrator.journal.memory import MemoryJournals
from orchestrator.task import Task
from proof.disk import Died, ScriptedDisk
from proof.folder import CREATED, ID, PLAN, all_texts, assert_in_step, open_engine, path_of, text_of

NEW, OTHER, CHILD = "N2W3D4", "A2B3C4", "C2H3D4"
DONE = (*(ItemChecked(id=item.id) for item in PLAN[1:]), TaskCompleted(summary="Done."))


def finish(engine: Engine) -> None:
    engine.lease(ID).release()
    engine.commit(ID, DONE, actor="user")


def test_an_id_that_is_taken_in_the_instant_of_a_renaming_is_given_back(
    engine: Engine, temp: Path, disk: ScriptedDisk
) -> None:
    def before(number: int, operation: str, path: Path) -> None:
        if operation == "move_new" and path.name == f"{NEW}.jsonl":
            disk.before = lambda number, operation, path: None
            other = open_engine(temp)
            other.create(CREATED, task_id=NEW)
            other.close()

    disk.before = before
    with pytest.raises(Refused, match="taken in this instant"):
        engine.rename(ID, NEW)
    assert engine.ids() == (ID, NEW)
    for task_id in (ID, NEW):
        task = engine.refresh(task_id).task
        assert (task.id, task.moving) == (task_id, None)
        assert_in_step(temp, task)
    assert engine.rename(ID, OTHER).id == OTHER


@pytest.mark.parametrize(
    ("act", "left"),
    [(lambda engine: engine.reopen(ID), "completed"), (lambda engine: engine.rename(ID, NEW), ".")],
    ids=["reopen", "rename"],
)
def test_a_text_typed_in_the_place_that_is_left_is_not_lost(
    engine: Engine, temp: Path, disk: ScriptedDisk, act: Callable[[Engine], None], left: str
) -> None:
    if left == "completed":
        finish(engine)
        engine.archive(ID)

    def after(number: int, operation: str, path: Path) -> None:
        if operation == "append":
            disk.after = lambda number, operation, path: None
            (temp / left / f"progress-{ID}.md").write_text("My own words\n")

    disk.after = after
    act(engine)
    (task_id,) = engine.ids()
    task = engine.refresh(task_id).task
    assert task.set_aside == (f"set-aside-progress-{task_id}.md",)
    assert (temp / f"set-aside-progress-{task_id}.md").read_text() == "My own words\n"
    assert_in_step(temp, task)
    assert not list((temp / "completed").iterdir())


def test_who_has_a_task_open_that_is_renamed_hears_that_there_is_none_of_that_id(engine: Engine, temp: Path) -> None:
    other = open_engine(temp)
    other.refresh(ID)
    engine.rename(ID, NEW)
    with pytest.raises(UnknownTask):
        other.commit(ID, [PhaseChanged(phase="lost")], actor="user")
    assert other.commit(NEW, [PhaseChanged(phase="kept")], actor="user").phase == "kept"
    other.close()


def test_a_task_whose_command_still_runs_is_neither_renamed_nor_undone(engine: Engine, temp: Path) -> None:
    folder = engine.folder.commands(ID) / "call"
    folder.mkdir(parents=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Busy, match="a command that outlived its worker"):
            engine.rename(ID, NEW)
        with pytest.raises(Busy, match="a command that outlived its worker"):
            engine.undisturbed(ID, lambda task: ())
    assert engine.rename(ID, NEW).id == NEW


@pytest.mark.parametrize("to", ["HELLO1", "ABCDEF", "234567", "AB12C3", "abc234", "A2"])
def test_an_id_that_would_not_be_drawn_is_not_given(engine: Engine, to: str) -> None:
    with pytest.raises(Refused, match="cannot be an id"):
        engine.rename(ID, to)


def test_references_and_children_follow_from_name_to_name_and_from_place_to_place(engine: Engine, temp: Path) -> None:
    engine.create(CREATED, ReferenceAdded(task=ID, document="plan"), task_id=OTHER)
    engine.create(TaskCreated(agent="a", description=f"See .temp/plan-{ID}.md", parent=ID), task_id=CHILD)
    finish(engine)
    engine.archive(ID)
    engine.commit(OTHER, [ProseWritten(document="plan", text=f"As .temp/completed/plan-{ID}.md says")], actor="worker")
    engine.rename(ID, NEW)
    assert f".temp/completed/plan-{NEW}.md says" in text_of(temp, "plan", OTHER)
    engine.reopen(NEW)
    engine.rename(NEW, ID)
    assert f"As .temp/plan-{ID}.md says" in text_of(temp, "plan", OTHER)
    assert f"`.temp/plan-{ID}.md`" in text_of(temp, "plan", OTHER)
    child = json.loads(text_of(temp, "task-status", CHILD))
    assert (child["parentTask"], child["description"]) == (ID, f"See .temp/plan-{ID}.md")
    for task_id in (ID, OTHER, CHILD):
        assert_in_step(temp, engine.refresh(task_id).task)


def test_an_edit_made_before_a_renaming_and_saved_after_it_is_merged(engine: Engine, temp: Path) -> None:
    typed = text_of(temp, "checklist").replace("- [ ] Write the model", "- [x] Write the model")
    engine.rename(ID, NEW)
    engine.commit(NEW, [PhaseChanged(phase="building")], actor="worker")
    path_of(temp, "checklist", NEW).write_text(typed.replace(ID, NEW))
    task = engine.refresh(NEW).task
    assert task.items[0].checked
    assert_in_step(temp, task)


def test_a_reopened_task_forgets_its_end_and_a_later_one_is_written_anew(engine: Engine, temp: Path) -> None:
    finish(engine)
    summary = path_of(temp, "completion-summary")
    summary.write_text(summary.read_text().replace("## Summary", "## Summary of mine"))
    engine.archive(ID)
    task = engine.reopen(ID)
    assert (task.status, task.ended, task.summary, task.completed_at) == ("stopped", None, None, None)
    assert "completion-summary" not in task.documents
    engine.commit(ID, [WorkerStarted(epoch=2, holder="here", resumed=True)], actor="engine")
    engine.commit(ID, [TaskCompleted(summary="Done better.")], actor="user")
    assert "Done better." in summary.read_text()
    assert "of mine" not in summary.read_text()


def test_a_completed_task_is_reopened_where_it_is(engine: Engine, temp: Path) -> None:
    finish(engine)
    (temp / f"REPORT-{ID}.md").write_text("a report\n")
    task = engine.reopen(ID)
    assert (temp / f"REPORT-{ID}.md").exists()
    assert not path_of(temp, "completion-summary").exists()
    assert_in_step(temp, task)


def test_what_cannot_follow_is_refused_and_changes_nothing(engine: Engine, temp: Path) -> None:
    before = all_texts(temp)
    with pytest.raises(Refused, match="it is open"):
        engine.reopen(ID)
    with pytest.raises(Refused, match="cannot become archiving"):
        engine.archive(ID)
    assert all_texts(temp) == before
    engine.cancel(ID, "")
    before = all_texts(temp)
    for act in (
        lambda: engine.cancel(ID, ""),
        lambda: engine.lease(ID),
        lambda: engine.commit(ID, [ArchiveBegun()], actor="engine"),
    ):
        with pytest.raises(Refused):
            act()
    assert all_texts(temp) == before


def test_tasks_move_with_another_journal_backend_too(temp: Path) -> None:
    engine = Engine(temp, journals=MemoryJournals(), ids=lambda: ID)
    engine.create(CREATED, *PLAN)
    engine.create(CREATED, ReferenceAdded(task=ID, document="plan"), task_id=OTHER)
    engine.cancel(ID, "Not wanted")
    assert f".temp/completed/plan-{ID}.md" in text_of(temp, "plan", OTHER)
    engine.reopen(ID)
    engine.rename(ID, NEW)
    assert f".temp/plan-{NEW}.md" in text_of(temp, "plan", OTHER)
    assert_in_step(temp, engine.refresh(NEW).task)


class Meanwhile(FileJournals):
    """Lets something happen when a move has looked for the tasks that refer to it: no lock is held then."""

    meanwhile: Callable[[], object] | None = None

    def mentioning(self, text: str) -> tuple[str, ...]:
        found = super().mentioning(text)
        if happens := self.meanwhile:
            self.meanwhile = None
            happens()
        return found


def test_a_move_that_another_process_finished_does_not_end_the_next_one(temp: Path, disk: ScriptedDisk) -> None:
    journals = Meanwhile(temp / ".orchestrator", Disk())
    journals.prepare()
    engine, other = Engine(temp, journals=journals), open_engine(temp, disk)
    engine.create(CREATED, *PLAN, task_id=ID)
    (temp / f"REPORT-{ID}.md").write_text("a report\n")
    finish(engine)

    def die_after_the_commit(number: int, operation: str, path: Path) -> None:
        if operation == "fdatasync" and path.suffix == ".jsonl":
            disk.die()

    def meanwhile() -> None:
        other.refresh(ID)
        disk.after = die_after_the_commit
        with pytest.raises(Died):
            other.reopen(ID)

    journals.meanwhile = meanwhile
    task = engine.archive(ID)
    assert (task.status, task.moving) == ("stopped", None)
    assert (temp / f"REPORT-{ID}.md").exists()
    assert not list((temp / "completed").iterdir())
    assert_in_step(temp, task)
    engine.close()


@pytest.mark.parametrize("act", [lambda engine: engine.rename(ID, NEW), lambda engine: engine.cancel(ID, "")])
def test_who_lets_go_of_a_task_that_was_moved_leaves_nothing_where_it_was(
    engine: Engine, temp: Path, act: Callable[[Engine], None]
) -> None:
    other = open_engine(temp)
    other.commit(ID, [PhaseChanged(phase="building")], actor="user")
    act(engine)
    before = all_texts(temp)
    other.close()
    assert all_texts(temp) == before


def test_two_tasks_that_refer_to_each_other_are_renamed_at_once(temp: Path) -> None:
    journals = Meanwhile(temp / ".orchestrator", Disk())
    journals.prepare()
    engine, other = Engine(temp, journals=journals), open_engine(temp)
    engine.create(CREATED, ReferenceAdded(task=OTHER, document="plan"), task_id=ID)
    engine.create(CREATED, ReferenceAdded(task=ID, document="plan"), task_id=OTHER)
    journals.meanwhile = lambda: other.rename(OTHER, CHILD)
    task = engine.rename(ID, NEW)
    assert [row.task for row in task.references] == [CHILD]
    assert [row.task for row in engine.refresh(CHILD).task.references] == [NEW]
    engine.close()
    other.close()


def test_a_copy_somebody_made_of_a_journal_stands_in_no_move_s_way(engine: Engine, temp: Path) -> None:
    engine.create(CREATED, ReferenceAdded(task=ID, document="plan"), task_id=OTHER)
    journals = temp / ".orchestrator" / "journal"
    shutil.copy(journals / f"{OTHER}.jsonl", journals / f"{OTHER} copy.jsonl")
    (journals / "gone.jsonl").symlink_to("nowhere")
    assert engine.cancel(ID, "").status == "archived"
    assert engine.rename(ID, NEW).moving is None


def test_another_journal_of_the_same_id_is_not_overwritten(engine: Engine, temp: Path) -> None:
    finish(engine)
    taken = temp / ".orchestrator" / "journal" / "completed" / f"{ID}.jsonl"
    taken.write_text("from another machine")
    with pytest.raises(StorageError, match="another journal of this id: take it elsewhere"):
        engine.archive(ID)
    assert taken.read_text() == "from another machine"
    taken.rename(temp / "elsewhere.jsonl")
    assert engine.refresh(ID).task.status == "archived"


@pytest.mark.parametrize("move", ["archive", "rename"])
def test_a_file_that_a_power_loss_left_under_both_names_moves_all_the_same(
    engine: Engine, temp: Path, disk: ScriptedDisk, move: str
) -> None:
    """As btrfs leaves it when the new name was synced and the old one not."""
    finish(engine)
    (temp / f"REPORT-{ID}.md").write_text("a report\n")
    journal = temp / ".orchestrator" / "journal" / f"{ID}.jsonl"
    home, there = (temp / "completed", ID) if move == "archive" else (temp, NEW)
    sources = {home / f"REPORT-{there}.md": temp / f"REPORT-{ID}.md"}
    sources[(journal.parent / "completed" if move == "archive" else journal.parent) / f"{there}.jsonl"] = journal

    def both(number: int, operation: str, path: Path) -> None:
        if operation == "move_new" and path in sources:
            os.link(sources.pop(path), path)

    disk.before = both
    task = engine.archive(ID) if move == "archive" else engine.rename(ID, NEW)
    assert not sources
    assert engine.ids() == (there,)
    assert (home / f"REPORT-{there}.md").read_text() == "a report\n"
    assert not journal.exists()
    assert not (temp / f"REPORT-{ID}.md").exists()
    assert_in_step(temp, task)


@pytest.mark.parametrize("failing", range(6))
def test_a_renaming_that_the_disk_interrupts_is_one_clear_error_and_the_next_command_goes_on(
    engine: Engine, temp: Path, disk: ScriptedDisk, failing: int
) -> None:
    finish(engine)
    syncs = iter(range(100))

    def broken(number: int, operation: str, path: Path) -> None:
        if operation == "fsync" and next(syncs) == failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    disk.before = broken
    with suppress(StorageError):
        engine.rename(ID, NEW)
    disk.before = lambda number, operation, path: None
    again = open_engine(temp)
    assert again.refresh(again.ids()[0]).task.id in (ID, NEW)
    assert len(again.ids()) == 1
    again.close()


def test_what_an_editor_leaves_beside_a_document_is_not_moved_with_it(engine: Engine, temp: Path) -> None:
    name = f"plan-{ID}.md"
    drafts = {temp / draft.format(name) for draft in (".{}.swp", "{}~", "#{}#", ".#{}")}
    for path in drafts:
        path.write_text("half a word")
    finish(engine)
    engine.archive(ID)
    assert {path for path in temp.rglob("*") if path.is_file() and path.read_bytes() == b"half a word"} == drafts


@pytest.mark.parametrize(
    "act",
    [
        lambda engine: engine.reopen(ID),
        lambda engine: engine.instruct(ID, "More"),
        lambda engine: engine.rename(ID, NEW),
    ],
    ids=["reopen", "instruct", "rename"],
)
def test_a_move_that_died_comes_to_its_end_before_the_next_one_begins(
    engine: Engine, temp: Path, disk: ScriptedDisk, act: Callable[[Engine], Task]
) -> None:
    finish(engine)
    (temp / f"REPORT-{ID}.md").write_text("a report\n")

    def die(number: int, operation: str, path: Path) -> None:
        if operation == "move_new":
            disk.die()

    disk.before = die
    with pytest.raises(Died):
        engine.archive(ID)
    other = open_engine(temp)
    task = act(other)
    assert (task.moving, task.set_aside) == (None, ())
    assert list(temp.rglob("REPORT-*")) == [engine.folder.home(task) / f"REPORT-{task.id}.md"]
    assert_in_step(temp, task)
    other.close()


def test_who_gives_a_task_more_to_do_gets_it_open_with_that_to_do(engine: Engine, temp: Path) -> None:
    task = engine.instruct(ID, "Write the seeder")
    assert [row.text for row in task.live_items][2:] == ["Write the seeder"]
    assert_in_step(temp, task)
    engine.cancel(ID, "Not wanted")
    task = engine.instruct(ID, "Write the tests")
    assert (task.status, task.moving, [row.text for row in task.instructions]) == (
        "stopped",
        None,
        ["Write the seeder", "Write the tests"],
    )
    assert_in_step(temp, task)


def test_a_task_is_given_more_to_do_or_cancelled_also_when_its_files_cannot_move_now(
    engine: Engine, temp: Path, disk: ScriptedDisk
) -> None:
    def broken(number: int, operation: str, path: Path) -> None:
        if operation == "move_new":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    (temp / f"REPORT-{ID}.md").write_text("a report\n")
    disk.before = broken
    assert engine.cancel(ID, "Not wanted").ended == "cancelled"
    disk.before = lambda number, operation, path: None
    assert engine.refresh(ID).task.status == "archived"
    disk.before = broken
    task = engine.instruct(ID, "Write the tests")
    assert (task.status, [row.text for row in task.instructions]) == ("stopped", ["Write the tests"])
    disk.before = lambda number, operation, path: None
    assert_in_step(temp, engine.refresh(ID).task)


def test_an_id_that_something_has_is_not_given(engine: Engine, temp: Path) -> None:
    engine.create(CREATED, task_id=OTHER)
    (temp / f"REPORT-{CHILD}.md").write_text("a report\n")
    for taken in (ID, OTHER, CHILD):
        with pytest.raises(Refused, match=f"the id {taken} is taken"):
            engine.rename(ID, taken)
    assert engine.ids() == (OTHER, ID)


def test_who_works_on_a_task_keeps_it_and_its_name(engine: Engine, temp: Path) -> None:
    lease = engine.lease(ID)
    other = open_engine(temp)
    for act in (lambda: other.lease(ID), lambda: other.rename(ID, NEW), lambda: engine.lease(ID)):
        with pytest.raises(Busy, match=f"{ID} is being worked on by pid {os.getpid()} "):
            act()
    assert other.peek(ID).epoch == 1
    lease.release()
    assert other.rename(ID, NEW).id == NEW
    other.close()
