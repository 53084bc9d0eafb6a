"""Others at work on the same files: processes, threads, people who write while we publish, what is no file of text."""

from __future__ import annotations

import errno
import os
import select
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator import system
from orchestrator.engine import Engine
from orchestrator.engine.lease import STALE
from orchestrator.errors import Busy, Damaged, Refused, UnknownTask
from orchestrator.events import ItemAdded, ItemReworded, ModeChanged, PhaseChanged, ReferenceAdded, TaskCompleted
from orchestrator.locks import Lock, is_locked
from proof.disk import ScriptedDisk
from proof.folder import CREATED, ID, NEW, PLAN, all_texts, assert_in_step, open_engine, path_of, text_of
from proof.takeovers import waited_for


def test_a_document_that_a_writer_has_emptied_and_not_closed_is_left_to_it(engine: Engine, temp: Path) -> None:
    path = path_of(temp, "checklist")
    text = path.read_text().replace("Write the model", "Write the whole model")
    with path.open("w") as written:
        os.utime(path, (1, 1))
        engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
        written.write(text)
    assert engine.refresh(ID).task.items[0].text == "Write the whole model"
    assert_in_step(temp, engine.refresh(ID).task)


def test_forked_children_and_their_parents_engine_commit_one_after_the_other(engine: Engine, temp: Path) -> None:
    children = []
    for child in range(3):
        children.append(os.fork())
        if children[-1] == 0:
            try:
                for number in range(10):
                    engine.commit(ID, [PhaseChanged(phase=f"{child}-{number}")], actor="user")
                os._exit(0)
            finally:
                os._exit(1)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    task = engine.refresh(ID).task
    assert task.revision == 31
    assert_in_step(temp, task)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who waits for a lock")
@pytest.mark.parametrize("opens", ["at once", "later"])
def test_a_forked_child_waits_for_a_lock_that_its_parent_held_when_it_was_born(tmp_path: Path, opens: str) -> None:
    folder = tmp_path / "locks"
    folder.mkdir()
    lock = Lock(folder / "lock")
    ready, say = os.pipe()

    def waits() -> bool:
        with suppress(FileNotFoundError):
            return waited_for(lock.path)
        return False

    with lock.held():
        child = os.fork()
        if child == 0:
            if opens == "later":
                away = folder.rename(tmp_path / "away")
                with suppress(FileNotFoundError), lock.held():
                    os.write(say, b".")
                away.rename(folder)
            with lock.held():
                os.write(say, b".")
            os._exit(0)
        while not waits() and not select.select([ready], [], [], 0)[0]:
            os.sched_yield()
        assert not select.select([ready], [], [], 0)[0]
    assert os.waitpid(child, 0)[1] == 0
    lock.close()
    os.close(ready)
    os.close(say)


def test_a_forked_child_keeps_no_lock_that_its_parent_had_when_it_died(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    (ready, say), (end, let) = os.pipe(), os.pipe()
    parent = os.fork()
    if parent == 0:
        lock = Lock(path)
        if os.fork() == 0:
            os.close(let)
            with lock.held():
                os.write(say, b".")
            os.read(end, 1)
            os._exit(0)
        os.read(ready, 1)
        with lock.held():
            os._exit(0)
    assert os.waitpid(parent, 0)[1] == 0
    assert not is_locked(path)
    for descriptor in (ready, say, end, let):
        os.close(descriptor)


def test_a_forked_child_that_cannot_open_a_lock_now_closes_nothing_else(tmp_path: Path) -> None:
    folder, away = tmp_path / "locks", tmp_path / "away"
    folder.mkdir()
    lock = Lock(folder / "lock")
    child = os.fork()
    if child == 0:
        try:
            folder.rename(away)
            with suppress(FileNotFoundError), lock.held():
                os._exit(2)
            other = os.open(tmp_path, os.O_RDONLY)
            away.rename(folder)
            with lock.held():
                os._exit(0 if os.path.samestat(os.fstat(other), tmp_path.stat()) else 3)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    lock.close()


def test_a_worker_that_shows_a_sign_of_life_again_cannot_be_taken_over(engine: Engine) -> None:
    lease = engine.lease(ID)
    (engine.folder.locks / f"{ID}.lease-1.beat").write_text(f"{time.monotonic() - 2 * STALE:.3f} {system.boot()}")
    assert engine.at_work(ID) is None
    lease.beat()
    with pytest.raises(Busy):
        engine.lease(ID)
    lease.release()


def test_threads_that_publish_for_the_first_time_together_probe_one_after_the_other(temp: Path) -> None:
    engine = Engine(temp)
    ids = [engine.create(CREATED).id for _ in range(4)]
    engine.close()
    engine = Engine(temp)
    start = threading.Barrier(len(ids))

    def work(task_id: str) -> None:
        start.wait()
        engine.commit(task_id, [PhaseChanged(phase="building")], actor="worker")

    threads = [threading.Thread(target=work, args=(task_id,)) for task_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [engine.refresh(task_id).problem for task_id in ids] == [None] * len(ids)
    engine.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who waits for a lock")
def test_a_task_that_somebody_holds_keeps_nobody_from_another_one(temp: Path) -> None:
    engine = Engine(temp)
    held, other = (engine.create(CREATED).id for _ in range(2))
    engine.close()
    engine = Engine(temp)
    lock = Lock(temp / ".orchestrator" / "locks" / f"{held}.lock")
    with lock.held():
        waiting = threading.Thread(target=engine.refresh, args=(held,))
        waiting.start()
        while not waited_for(lock.path):
            os.sched_yield()
        passing = threading.Thread(target=engine.refresh, args=(other,), daemon=True)
        passing.start()
        passing.join(60)
        passed = not passing.is_alive()
    waiting.join()
    assert passed
    lock.close()
    engine.close()


def test_threads_that_open_a_task_together_share_it(temp: Path) -> None:
    task_id = Engine(temp).create(CREATED).id
    before = len(os.listdir("/dev/fd"))
    Engine(temp).refresh(task_id)
    alone = len(os.listdir("/dev/fd")) - before
    engine, start = Engine(temp), threading.Barrier(8)
    before = len(os.listdir("/dev/fd"))

    def work() -> None:
        start.wait()
        engine.refresh(task_id)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(os.listdir("/dev/fd")) - before == alone
    engine.close()


def test_a_thread_that_waits_for_a_task_that_is_renamed_hears_that_there_is_none_of_that_id(
    temp: Path, disk: ScriptedDisk
) -> None:
    engine = open_engine(temp, disk)
    engine.create(CREATED, *PLAN)
    waiting: list[threading.Thread] = []
    heard: list[BaseException] = []

    def ask() -> None:
        try:
            engine.since(ID, 0)
        except UnknownTask as error:
            heard.append(error)

    def wait(number: int, operation: str, path: Path) -> None:
        if operation == "append" and not waiting:
            waiting.append(threading.Thread(target=ask))
            waiting[0].start()
            while sys._current_frames()[waiting[0].ident or 0].f_code.co_name != "alone":
                os.sched_yield()

    disk.before = wait
    engine.rename(ID, NEW)
    waiting[0].join()
    assert heard
    engine.close()


def test_a_commit_that_does_not_follow_is_damage_whenever_it_is_met(temp: Path) -> None:
    engine = open_engine(temp)
    engine.create(CREATED, *PLAN)
    journal = engine.journals.open(ID)
    with journal.locked():
        last = journal.read(0)[-1]
        for revision, event in ((2, PhaseChanged(phase="a")), (3, ItemReworded(id="c99", text="x"))):
            journal.append(last.model_copy(update={"revision": revision, "events": (event,), "documents": {}}))
    journal.close()
    for _ in range(2):
        for reader in (engine, open_engine(temp)):
            with pytest.raises(Damaged, match=f"{ID}.jsonl:3: .*there is no c99"):
                reader.commit(ID, [PhaseChanged(phase="b")], actor="user")


def test_who_is_interrupted_just_after_a_commit_goes_on_from_it(temp: Path, disk: ScriptedDisk) -> None:
    engine = open_engine(temp, disk)
    engine.create(CREATED, *PLAN)

    for point in (("mark", 1), ("append", 1), ("fdatasync", 1), ("mark", 2)):
        done: Counter[str] = Counter()

        def interrupt(
            number: int, operation: str, path: Path, point: object = point, done: Counter[str] = done
        ) -> None:
            done[operation] += 1
            if (operation, done[operation]) == point:
                raise KeyboardInterrupt

        disk.after = interrupt
        with pytest.raises(KeyboardInterrupt):
            engine.commit(ID, [PhaseChanged(phase=str(point))], actor="user")
        engine.commit(ID, [PhaseChanged(phase="building")], actor="user")
        assert_in_step(temp, engine.refresh(ID).task)


def test_an_edit_that_cannot_be_recorded_after_the_commit_point_does_not_say_failed(
    temp: Path, disk: ScriptedDisk
) -> None:
    engine = open_engine(temp, disk)
    engine.create(CREATED, *PLAN)
    target, appended = path_of(temp, "progress"), []

    def before(number: int, operation: str, path: Path) -> None:
        if operation == "exchange" and path == target:
            target.write_text(target.read_text().replace("# ", "# My ", 1))
        if operation == "append":
            appended.append(path)
            if len(appended) > 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    disk.before = before
    assert engine.commit(ID, [PhaseChanged(phase="building")], actor="worker").phase == "building"
    disk.before = lambda number, operation, path: None
    assert_in_step(temp, engine.refresh(ID).task)
    assert target.read_text().startswith("# My ")
    engine.close()


@pytest.mark.parametrize("made", ["link", "pipe", "folder"])
def test_what_takes_a_documents_name_in_the_instant_of_the_publish_is_set_aside(
    temp: Path, disk: ScriptedDisk, made: str
) -> None:
    engine = open_engine(temp, disk)
    engine.create(CREATED, *PLAN)
    target = path_of(temp, "progress")
    done: list[Path] = []

    def before(number: int, operation: str, path: Path) -> None:
        if operation == "exchange" and path == target and not done:
            done.append(path)
            take_name(target, made)

    disk.before = before
    engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    task = engine.refresh(ID).task
    assert task.set_aside == (f"set-aside-progress-{ID}.md",)
    assert_in_step(temp, task)
    engine.close()


@pytest.mark.parametrize("made", ["link", "pipe", "folder"])
def test_what_takes_a_documents_name_during_an_archive_travels_along(
    engine: Engine, temp: Path, disk: ScriptedDisk, made: str
) -> None:
    finish(engine)
    done: list[Path] = []

    def after(number: int, operation: str, path: Path) -> None:
        if operation == "append" and not done:
            done.append(path)
            take_name(path_of(temp, "progress"), made)

    disk.after = after
    task = engine.archive(ID)
    assert task.status == "archived"
    assert os.path.lexists(temp / "completed" / f"set-aside-progress-{ID}.md")
    assert_in_step(temp, task)


def test_a_text_that_lies_in_completed_already_is_not_lost_by_an_archive(engine: Engine, temp: Path) -> None:
    finish(engine)
    (temp / "completed" / f"plan-{ID}.md").write_text("My own words\n")
    task = engine.archive(ID)
    assert any(b"My own words" in data for data in all_texts(temp).values())
    assert_in_step(temp, task)


def test_items_added_at_the_same_place_by_a_worker_and_a_person_are_both_kept(engine: Engine, temp: Path) -> None:
    old = text_of(temp, "checklist")
    engine.commit(ID, [ItemAdded(id="c3", text="Test it")], actor="worker")
    path_of(temp, "checklist").write_text(old.replace("migration\n", "migration\n- [ ] Ask Kim\n"))
    task = engine.refresh(ID).task
    assert [item.text for item in task.live_items][2:] == ["Test it", "Ask Kim"]
    assert_in_step(temp, task)


@pytest.mark.parametrize("line", [-1, 0, 1, 2])
def test_a_line_typed_beside_one_that_a_worker_changed_leaves_that_change_alone(
    engine: Engine, temp: Path, line: int
) -> None:
    rows = text_of(temp, "checklist").splitlines(keepends=True)
    engine.commit(ID, [ItemReworded(id="c1", text="Write it"), ItemReworded(id="c2", text="Move it")], actor="worker")
    start = next(number for number, row in enumerate(rows) if "Write the model" in row)
    rows.insert(start + line, "My own line\n")
    path_of(temp, "checklist").write_text("".join(rows))
    task = engine.refresh(ID).task
    assert [item.text for item in task.live_items] == ["Write it", "Move it"]
    assert "My own line" in text_of(temp, "checklist")
    assert_in_step(temp, task)


def test_a_document_that_a_checkpoint_covers_is_put_back_durably(temp: Path, disk: ScriptedDisk) -> None:
    engine = open_engine(temp, disk)
    engine.create(CREATED, *PLAN)
    for number in range(65):
        engine.commit(ID, [PhaseChanged(phase=f"phase {number}")], actor="worker")
    path_of(temp, "architecture-notes").unlink()
    disk.log.clear()
    engine.refresh(ID)
    names = [(operation, path.name) for operation, path in disk.log]
    assert ("fdatasync", f"architecture-notes-{ID}.md") in names
    engine.close()


def test_a_document_of_zero_bytes_is_set_aside_not_obeyed(engine: Engine, temp: Path) -> None:
    path = path_of(temp, "checklist")
    path.write_bytes(bytes(path.stat().st_size))
    task = engine.refresh(ID).task
    assert len(task.live_items) == 2
    assert len(task.set_aside) == 1


def test_what_a_smaller_mode_no_longer_keeps_is_left_alone_and_not_called_restored(engine: Engine) -> None:
    engine.commit(ID, [ModeChanged(mode="lightweight")], actor="user")
    assert engine.refresh(ID).restored == ()


@pytest.mark.parametrize("name", ["../K7Q2MX", "completed/K7Q2MX", "k7q2mx", ""])
def test_what_is_no_id_names_nothing(engine: Engine, name: str) -> None:
    with pytest.raises(UnknownTask):
        engine.refresh(name)
    with pytest.raises(Refused):
        engine.create(CREATED, task_id=name or "-")
    with pytest.raises(Refused):
        engine.commit(ID, [ReferenceAdded(task=name, document="plan")], actor="worker")


def test_a_text_that_cannot_be_written_down_is_refused(engine: Engine, temp: Path) -> None:
    before = all_texts(temp)
    with pytest.raises(Refused, match="written down"):
        engine.commit(ID, [PhaseChanged(phase="half a pair: \ud800")], actor="worker")
    assert all_texts(temp) == before


def test_opening_a_damaged_journal_again_and_again_leaves_no_file_open(tmp_path: Path) -> None:
    engine = Engine(tmp_path / ".temp")
    task = engine.create(CREATED)
    engine.close()
    path = tmp_path / ".temp" / ".orchestrator" / "journal" / f"{task.id}.jsonl"
    path.write_bytes(path.read_bytes().replace(b"db-worker", b"no-worker") * 2)
    again = Engine(tmp_path / ".temp")
    before = set(os.listdir("/dev/fd"))
    for _ in range(3):
        with pytest.raises(Damaged):
            again.refresh(task.id)
    assert set(os.listdir("/dev/fd")) == before
    again.close()


def finish(engine: Engine) -> None:
    engine.lease(ID).release()
    engine.commit(ID, [TaskCompleted(summary="Done.")], actor="user")


def take_name(path: Path, made: str) -> None:
    path.unlink()
    if made == "link":
        path.symlink_to("/etc/hostname")
    elif made == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
