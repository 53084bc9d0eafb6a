"""Steps that only matter when something comes between two of them: their order, and that nobody leaves one out."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import shutil
import struct
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest

from orchestrator import system
from orchestrator.engine import Engine
from orchestrator.errors import Conflict, Damaged, Refused, StorageError, UnknownTask
from orchestrator.events import Commit, EditSetAside, Kind, PhaseChanged, ReferenceAdded
from orchestrator.files import Disk
from orchestrator.journal.file import FileJournal, FileJournals
from proof.disk import Died, ScriptedDisk
from proof.flows import DONE, adopt, prepare
from proof.folder import CREATED, ID, NEW, PLAN, all_texts, always, assert_in_step, open_engine, path_of, text_of
from proof.power import next_boot

RENAMEAT2 = 316
"""Its number on x86-64."""
OTHER = "A2B3C4"
MINE = "My own words\n"
AT = "2026-01-02T03:04:05.000Z"


@pytest.fixture
def made(temp: Path) -> Path:
    """A folder with a task in it that nobody has open."""
    with closing(open_engine(temp)) as engine:
        engine.create(CREATED, *PLAN)
    return temp


def finish(engine: Engine) -> None:
    engine.lease(ID).release()
    engine.commit(ID, DONE, actor="user")


def failing(disk: ScriptedDisk, *wanted: tuple[str, Path], error: int = errno.ENOSPC, dies: int = 40) -> None:
    """These operations fail, always; who tries again without end dies of it."""
    tries = 0

    def before(number: int, operation: str, path: Path) -> None:
        nonlocal tries
        if (operation, path) in wanted:
            tries += 1
            if tries > dies:
                disk.die()
            raise OSError(error, os.strerror(error), str(path))

    disk.before = before


def dying(disk: ScriptedDisk, operation: str, path: Path) -> None:
    def before(number: int, name: str, where: Path) -> None:
        if (name, where) == (operation, path):
            disk.die()

    disk.before = before


def torn(temp: Path) -> Path:
    """The power went while a document was being written: what is there fits nothing that was published."""
    open_engine(temp).commit(ID, [PhaseChanged(phase="building")], actor="worker")
    path = path_of(temp, "progress")
    path.write_text(path.read_text().replace("building", "buil"))
    next_boot(temp)
    return path


def refuse(call: int) -> None:
    """From now on this system call is one that the kernel does not know (seccomp, as a small program of its own)."""
    load, jump, give = 0x20, 0x15, 0x06
    rows = [(load, 0, 0, 0), (jump, 0, 1, call), (give, 0, 0, 0x50000 | errno.EINVAL), (give, 0, 0, 0x7FFF0000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in rows))
    named = struct.pack("HxxxxxxP", len(rows), ctypes.addressof(program))
    library = ctypes.CDLL(None, use_errno=True)
    assert library.prctl(38, 1, 0, 0, 0) == 0
    assert library.prctl(22, 2, ctypes.create_string_buffer(named), 0, 0) == 0


# -- what is kept ---------------------------------------------------------------------------------------------------


def test_what_may_be_torn_is_kept_durably_before_the_document_is_put_back(made: Path) -> None:
    path = torn(made)
    disk = ScriptedDisk()
    with closing(open_engine(made, disk)) as engine:
        assert engine.refresh(ID).task.set_aside == (f"set-aside-progress-{ID}.md",)
    aside = made / f"set-aside-progress-{ID}.md"
    steps = [("create", aside), ("fdatasync", aside), ("fsync", made), ("exchange", path)]
    assert [row for row in disk.log if row in steps][:4] == steps


def test_whoever_dies_while_he_recovers_from_a_power_cut_leaves_no_torn_text_to_be_obeyed(made: Path) -> None:
    typed = torn(made).read_text()
    disk, copies = ScriptedDisk(), list[Path]()

    def before(number: int, operation: str, path: Path) -> None:
        copies.append(made.with_name(f"{number}") / ".temp")
        shutil.copytree(made, copies[-1], symlinks=True)

    disk.before = before
    with closing(open_engine(made, disk)) as engine:
        engine.refresh(ID)
    for copy in copies:
        with closing(open_engine(copy)) as engine:
            task = engine.refresh(ID).task
            rows = [row for row in engine.since(ID, 0) if row.actor == "editor"]
            assert all(isinstance(event, EditSetAside) for row in rows for event in row.events)
            assert_in_step(copy, task)
            assert typed.encode() in all_texts(copy).values()


@pytest.mark.parametrize("reader", ["the same process", "the next one"])
def test_after_a_recovery_an_old_text_that_somebody_puts_back_is_an_edit(made: Path, reader: str) -> None:
    open_engine(made).commit(ID, [PhaseChanged(phase="building")], actor="worker")
    next_boot(made)
    left = made / ".orchestrator" / "journal" / f".{ID}.jsonl.new"
    left.write_text("half a journal")
    with closing(open_engine(made)) as engine:
        engine.refresh(ID)
        assert not left.exists()
        path = path_of(made, "progress")
        path.write_text(path.read_text() + "My word\n")
        os.utime(path, (1, 1))
        again = open_engine(made) if reader == "the next one" else engine
        assert again.refresh(ID).task.set_aside == ()
        assert "My word" in path.read_text()


def test_a_text_that_cannot_be_set_aside_whole_stays_where_it_is(made: Path) -> None:
    path, aside = path_of(made, "task-status"), made / f"set-aside-task-status-{ID}.json"
    path.write_text("{ broken")
    os.utime(path, (1, 1))
    with closing(open_engine(made, disk := ScriptedDisk())) as engine:
        failing(disk, ("write", aside))
        with pytest.raises(StorageError, match="No space left"):
            engine.refresh(ID)
        assert path.read_text() == "{ broken"
        assert not aside.exists()
        disk.before = lambda number, operation, path: None
        engine.refresh(ID)
    assert aside.read_text() == "{ broken"


def test_an_edit_that_had_just_come_out_when_a_process_died_is_recorded(made: Path) -> None:
    staged = made / ".orchestrator" / "staging" / f"checklist-{ID}.md"
    staged.write_text(text_of(made, "checklist").replace("[ ] Write the model", "[x] Write the model"))
    os.utime(staged, (1, 1))
    with closing(open_engine(made)) as engine:
        task = engine.refresh(ID).task
    assert task.items[0].checked
    assert_in_step(made, task)
    assert not staged.exists()
    assert not list(made.glob("set-aside-*"))


@pytest.mark.parametrize("left", ["text", "link"])
def test_what_lies_in_staging_after_a_power_cut_is_set_aside(made: Path, left: str) -> None:
    staged = made / ".orchestrator" / "staging" / f"plan-{ID}.md"
    next_boot(made)
    if left == "text":
        staged.write_text(MINE)
    else:
        staged.symlink_to("/etc/hostname")
    with closing(open_engine(made)) as engine:
        task = engine.refresh(ID).task
    aside = made / f"set-aside-plan-{ID}.md"
    assert aside.is_symlink() if left == "link" else aside.read_text() == MINE
    assert_in_step(made, task)
    assert not os.path.lexists(staged)


def test_documents_that_this_version_words_otherwise_are_published_as_such(temp: Path) -> None:
    kinds: tuple[Kind, ...] = ("task-status", "plan", "checklist", "progress", "architecture-notes")
    with closing(open_engine(temp)) as engine:
        former: dict[Kind, str] = dict.fromkeys(kinds, "0" * 64)
        first = Commit(revision=1, at=AT, actor="user", events=(CREATED, *PLAN), documents=former)
        engine.journals.create(ID, first).close()
        task = engine.refresh(ID).task
        assert_in_step(temp, task)
        assert engine.refresh(ID).task.revision == task.revision


def test_of_documents_that_count_as_durable_the_names_are_too(made: Path, disk: ScriptedDisk) -> None:
    engine = open_engine(made, disk)
    engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    disk.log.clear()
    engine.close()
    synced = [row for row in disk.log if row[0] in ("fdatasync", "fsync")]
    assert {*synced} == {("fsync", made), *(("fdatasync", path) for path in made.glob(f"*-{ID}.*"))}


# -- moves ----------------------------------------------------------------------------------------------------------


def milestones(temp: Path) -> list[tuple[str, Path]]:
    """Of an archive, as they must follow each other."""
    completed, journals = temp / "completed", temp / ".orchestrator" / "journal"
    plan = f"plan-{ID}.md"
    return [
        ("fdatasync", completed / plan),
        ("move_new", completed / f"REPORT-{ID}.md"),
        ("fsync", completed),
        ("move", temp / ".orchestrator" / "staging" / plan),
        ("fsync", temp),
        ("move_new", journals / "completed" / f"{ID}.jsonl"),
        ("fsync", journals / "completed"),
        ("fsync", journals),
    ]


@pytest.mark.parametrize("died", [False, True])
def test_what_is_archived_is_durable_in_its_new_place_before_it_leaves_the_old_one(
    made: Path, disk: ScriptedDisk, died: bool
) -> None:
    (made / f"REPORT-{ID}.md").write_text("a report\n")
    engine = open_engine(made, disk)
    finish(engine)
    if died:
        dying(disk, "create", made / ".orchestrator" / "staging" / f"plan-{ID}.md")
        with pytest.raises(Died):
            engine.archive(ID)
        engine = open_engine(made, disk := ScriptedDisk())
        engine.refresh(ID)
    else:
        engine.archive(ID)
    after = iter(disk.log[disk.log.index(milestones(made)[0]) :])
    assert [step for step in milestones(made) if step not in after] == []
    engine.close()


def test_documents_that_cannot_be_made_durable_in_their_new_place_stay_in_the_old_one(
    made: Path, disk: ScriptedDisk
) -> None:
    with closing(open_engine(made, disk)) as engine:
        finish(engine)
        before = all_texts(made).keys()
        synced = False

        def full(number: int, operation: str, path: Path) -> None:
            nonlocal synced
            synced = synced or (operation, path.parent) == ("fdatasync", made / "completed")
            if synced and operation in ("create", "fdatasync"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

        disk.before = full
        with pytest.raises(StorageError):
            engine.archive(ID)
        assert before <= all_texts(made).keys()
        disk.before = lambda number, operation, path: None
        assert engine.refresh(ID).task.status == "archived"


def test_a_task_that_is_reopened_where_it_is_keeps_its_documents_in_place_all_the_time(
    made: Path, disk: ScriptedDisk
) -> None:
    with closing(open_engine(made, disk)) as engine:
        finish(engine)
        kept = {made / name for name in all_texts(made) if not name.startswith("completion-summary")}

        def after(number: int, operation: str, path: Path) -> None:
            assert all(path.exists() for path in kept), f"one is gone after {operation} {path}"

        disk.after = after
        assert engine.reopen(ID).status == "stopped"


@pytest.mark.parametrize("move", ["archive", "rename"])
def test_a_move_that_the_disk_refuses_is_one_clear_error_and_goes_on_later(
    made: Path, disk: ScriptedDisk, move: str
) -> None:
    journals = made / ".orchestrator" / "journal"
    with closing(open_engine(made, disk)) as engine:
        finish(engine)
        failing(disk, ("move_new", journals / f"{NEW}.jsonl"), ("move_new", journals / "completed" / f"{ID}.jsonl"))
        with pytest.raises(StorageError, match="did not finish: No space left"):
            engine.archive(ID) if move == "archive" else engine.rename(ID, NEW)
    with closing(open_engine(made)) as engine:
        task = engine.refresh(ID).task
        assert (task.status, task.id) == (("archived", ID) if move == "archive" else ("completed", NEW))
        assert engine.ids() == (task.id,)


def test_a_journal_s_new_id_is_durable_before_its_old_one_is_gone_for_good(made: Path, disk: ScriptedDisk) -> None:
    journals = made / ".orchestrator" / "journal"
    with closing(open_engine(made, disk)) as engine:
        engine.cancel(ID, "")
        disk.log.clear()
        engine.rename(ID, NEW)
    start = disk.log.index(("move_new", journals / f"{NEW}.jsonl"))
    assert disk.log[start + 1 : start + 3] == [("fsync", journals), ("fsync", journals / "completed")]


def test_a_renaming_that_died_before_the_journal_took_the_id_is_finished_by_who_asks_next(made: Path) -> None:
    other = open_engine(made)
    other.refresh(ID)
    with closing(open_engine(made, disk := ScriptedDisk())) as engine:
        dying(disk, "move_new", made / ".orchestrator" / "journal" / f"{NEW}.jsonl")
        with pytest.raises(Died):
            engine.rename(ID, NEW)
    with pytest.raises(Conflict, match=f"is just being renamed to {NEW}: use that id"):
        other.commit(ID, [PhaseChanged(phase="lost")], actor="user")
    other.close()
    before = set(os.listdir("/dev/fd"))
    with closing(open_engine(made)) as engine:
        task = engine.refresh(ID).task
        assert (task.id, engine.ids()) == (NEW, (NEW,))
        assert_in_step(made, task)
    assert set(os.listdir("/dev/fd")) == before


def test_who_refers_to_a_task_that_was_moved_before_is_told_where_it_is(made: Path) -> None:
    with closing(open_engine(made)) as engine:
        engine.create(CREATED, task_id=OTHER)
        engine.cancel(ID, "")
        engine.commit(OTHER, [ReferenceAdded(task=ID, document="plan")], actor="user")
        assert engine.refresh(OTHER).task.references[0].moved


class Turns(FileJournals):
    """Somebody else has a turn when the lock of a task is about to be taken for the k-th time."""

    def __init__(self, temp: Path, number: int, turn: Callable[[], object]) -> None:
        super().__init__(temp / ".orchestrator", Disk())
        self.prepare()
        self.left = number
        self._turn = turn

    def open(self, task_id: str) -> FileJournal:
        return Polite(task_id, self)

    def asked(self) -> None:
        self.left -= 1
        if not self.left:
            self._turn()


class Polite(FileJournal):
    def __init__(self, task_id: str, turns: Turns) -> None:
        super().__init__(task_id, turns, turns.place(task_id))
        self._turns = turns

    def locked(self) -> AbstractContextManager[None]:
        self._turns.asked()
        return super().locked()


def test_a_task_that_somebody_else_archives_and_reopens_between_any_two_steps_of_an_archive_is_in_its_place(
    tmp_path: Path,
) -> None:
    for number in count(1):
        temp = tmp_path / str(number) / ".temp"
        with closing(open_engine(temp)) as other:
            other.create(CREATED, *PLAN)
            (temp / f"REPORT-{ID}.md").write_text("a report\n")
            finish(other)

            def turn(other: Engine = other) -> None:
                other.refresh(ID)
                other.reopen(ID)

            turns = Turns(temp, number, turn)
            with closing(Engine(temp, journals=turns)) as engine, suppress(Refused):
                engine.archive(ID)
                assert turns.left > 0 or engine.refresh(ID).task.status == "stopped"
            task = other.refresh(ID).task
            assert_in_step(temp, task)
            home = temp / "completed" if task.archived else temp
            assert (home / f"REPORT-{ID}.md").exists()
            assert other.refresh(ID).restored == ()
        if turns.left > 0:
            break


def test_an_id_that_is_given_back_while_somebody_opens_the_task_leaves_both_tasks_there(tmp_path: Path) -> None:
    for number in count(1):
        temp = tmp_path / str(number) / ".temp"
        engine = open_engine(temp, disk := ScriptedDisk())
        engine.create(CREATED, *PLAN)
        dying(disk, "move_new", temp / ".orchestrator" / "journal" / f"{NEW}.jsonl")
        with pytest.raises(Died):
            engine.rename(ID, NEW)
        with closing(open_engine(temp)) as other:

            def turn(other: Engine = other) -> None:
                with suppress(Refused, UnknownTask):  # as soon as the renaming is over
                    other.create(CREATED, task_id=NEW)
                    other.refresh(ID)

            turns = Turns(temp, number, turn)
            with closing(Engine(temp, journals=turns)) as engine:
                found = engine.refresh(ID).task.id
                assert found == (ID if number <= 2 else NEW)
            assert other.ids() == ((ID, NEW) if number <= 2 else (NEW,))
            for task_id in other.ids():
                assert_in_step(temp, other.refresh(task_id).task)
        if turns.left > 0:
            break


# -- an empty one, a full disk, nothing left open -------------------------------------------------------------------


def test_an_empty_journal_is_damage_and_is_let_go_of(made: Path) -> None:
    os.truncate(made / ".orchestrator" / "journal" / f"{ID}.jsonl", 0)
    with closing(open_engine(made)) as engine:
        before = set(os.listdir("/dev/fd"))
        with pytest.raises(Damaged, match="no whole line"):
            engine.refresh(ID)
        assert set(os.listdir("/dev/fd")) == before


def test_a_task_for_which_there_is_no_room_is_not_created(temp: Path, disk: ScriptedDisk) -> None:
    with closing(open_engine(temp, disk)) as engine:
        failing(disk, ("write", temp / ".orchestrator" / "journal" / f".{ID}.jsonl.new"))
        with pytest.raises(StorageError, match="No space left on device; no task was created"):
            engine.create(CREATED)
        assert engine.ids() == ()


def test_of_a_task_that_is_said_not_to_be_created_there_is_no_journal(tmp_path: Path) -> None:
    """Each operation in turn finds no room; the lock's mark is one of them."""
    for number in count():
        disk, temp = ScriptedDisk(), tmp_path / str(number) / ".temp"
        with closing(open_engine(temp, disk)) as engine, closing(open_engine(temp)) as other:
            place, told = len(disk.log) + number, ""
            tried = disk.log

            def full(now: int, operation: str, path: Path, place: int = place) -> None:
                if now == place:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

            disk.before = full
            try:
                engine.create(CREATED, *PLAN)
            except StorageError as error:
                told = str(error)
            assert other.ids() == (() if told else (ID,)), tried[place]
        if len(tried) <= place:
            break


def test_an_id_that_another_process_takes_in_this_instant_is_drawn_again(temp: Path) -> None:
    with closing(open_engine(temp)) as other:

        def clock() -> datetime:  # it is asked once the id is drawn
            with suppress(Refused):
                other.create(CREATED, task_id=ID)
            return always()

        with closing(open_engine(temp, clock=clock)) as engine:
            assert engine.create(CREATED).id == NEW


def test_the_private_folder_ignores_itself_whatever_a_power_cut_left_of_that(made: Path) -> None:
    ignore = made / ".orchestrator" / ".gitignore"
    ignore.write_bytes(b"")
    open_engine(made).close()
    assert ignore.read_bytes() == b"*\n"


def test_a_folder_is_durable_once_it_is_made(tmp_path: Path, disk: ScriptedDisk) -> None:
    one, two = tmp_path / "one", tmp_path / "one" / "two"
    disk.make_directories(two)
    assert disk.log == [("mkdir", one), ("fsync", tmp_path), ("mkdir", two), ("fsync", one)]


def test_a_folder_is_synced_for_the_first_task_that_is_made_in_it_and_again_if_that_failed(
    temp: Path, disk: ScriptedDisk
) -> None:
    synced = ("fsync", temp / ".orchestrator")
    with closing(open_engine(temp, disk)) as engine:
        failing(disk, synced, error=errno.EIO)
        with pytest.raises(StorageError):
            engine.create(CREATED)
        disk.before = lambda number, operation, path: None
        for task_id, times in ((ID, 1), (NEW, 0)):
            disk.log.clear()
            engine.create(CREATED, task_id=task_id)
            assert disk.log.count(synced) == times


@pytest.mark.skipif(platform.machine() != "x86_64" or sys.platform != "linux", reason="the number of a system call")
def test_where_the_system_has_no_rename_with_flags_tasks_live_all_the_same(temp: Path) -> None:
    child = os.fork()
    if child == 0:
        code = 1
        with suppress(BaseException):
            refuse(RENAMEAT2)
            with closing(open_engine(temp)) as engine:
                engine.create(CREATED, *PLAN)
                assert not list(engine.folder.staging.iterdir())
                assert engine.commit(ID, [PhaseChanged(phase="building")], actor="worker").phase == "building"
                assert engine.refresh(ID).problem is None
                assert_in_step(temp, engine.cancel(ID, ""))
            code = 0
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_no_file_stays_open_of_what_is_done_to_tasks(made: Path) -> None:
    def act() -> None:
        with closing(open_engine(made)) as engine, closing(open_engine(made)) as other:
            engine.create(CREATED, task_id=OTHER)
            other.refresh(ID)
            engine.cancel(ID, "")
            other.refresh(ID)
            engine.reopen(ID)
            other.refresh(ID)
            engine.rename(ID, NEW)
            engine.rename(NEW, ID)
            (made / ".orchestrator" / "locks" / f"{OTHER}.lock").write_text(f"D {system.boot()} 0")
            engine.cancel(OTHER, "")
            engine.rename(OTHER, "B2B3C4")

    before = set(os.listdir("/dev/fd"))
    act()
    assert set(os.listdir("/dev/fd")) == before


def test_no_file_stays_open_of_what_is_adopted(temp: Path) -> None:
    prepare(temp, adopt)
    with closing(open_engine(temp)) as engine:
        before = set(os.listdir("/dev/fd"))
        adopt(engine)
        assert set(os.listdir("/dev/fd")) == before
