"""Calls that fail: what cannot be told is no absence, and no document is trusted that a failed sync left in doubt."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from orchestrator import files, system
from orchestrator.engine import Engine
from orchestrator.errors import OrchestratorError, StorageError, TaskIsBlocked, UnsupportedFileSystem
from orchestrator.events import Commit, Kind, PhaseChanged
from orchestrator.locks import is_locked
from orchestrator.task import DEATHS
from proof.disk import ScriptedDisk, broken
from proof.flows import DONE
from proof.folder import CREATED, ID, NEW, PLAN, assert_in_step, open_engine, path_of


def full(disk: ScriptedDisk, temp: Path) -> None:
    """From the first sync of a document on, nothing new finds room."""
    begun = False

    def before(number: int, operation: str, path: Path) -> None:
        nonlocal begun
        begun = begun or (operation == "fdatasync" and path.parent == temp)
        if begun and operation in ("fdatasync", "create"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    disk.before = before


def test_documents_whose_sync_failed_are_written_anew_by_the_next_process_before_it_syncs_them(tmp_path: Path) -> None:
    temp, disk = tmp_path / ".temp", ScriptedDisk()
    open_engine(temp).create(CREATED, *PLAN)
    engine = open_engine(temp, disk)
    engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    full(disk, temp)
    engine.close()

    disk = ScriptedDisk()
    engine = open_engine(temp, disk)
    engine.refresh(ID)
    engine.close()
    plan = path_of(temp, "plan")
    assert [name for name, path in disk.log if path == plan] == ["exchange", "fdatasync"]

    disk = ScriptedDisk()
    engine = open_engine(temp, disk)
    engine.refresh(ID)
    engine.close()
    assert not [name for name, path in disk.log if path == plan and name == "exchange"]


def test_a_name_that_cannot_be_looked_at_is_not_taken_for_one_that_is_not_there(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert files.exists(loop)
    assert not files.exists(tmp_path / "nothing")
    with pytest.raises(OSError, match="symbolic links"):
        files.exists(loop / "report.md")


def test_an_archive_that_cannot_look_at_a_report_is_not_done_until_it_has_taken_it_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temp, struck = tmp_path / ".temp", []
    report = temp / f"REPORT-{ID}.md"
    engine = open_engine(temp)
    engine.create(CREATED, *PLAN)
    engine.lease(ID).release()
    engine.commit(ID, DONE, actor="user")
    report.write_text("a report\n")

    def once(real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def look(path: object, **more: object) -> os.stat_result:
            if path in (report, str(report)) and not struck:
                struck.append(path)
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
            return real(path, **more)

        return look

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", once(os.stat))
        patch.setattr(os, "lstat", once(os.lstat))
        with pytest.raises(StorageError, match="did not finish: Input/output error; the next command goes on"):
            engine.archive(ID)
    engine.close()
    assert report.exists()
    assert open_engine(temp).refresh(ID).task.status == "archived"
    assert (temp / "completed" / report.name).read_text() == "a report\n"
    assert not report.exists()


def test_what_the_disk_says_no_to_is_one_error_that_names_the_file(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    open_engine(temp).create(CREATED, *PLAN)
    journal = temp / ".orchestrator" / "journal" / f"{ID}.jsonl"
    journal.unlink()
    journal.symlink_to(journal)
    with pytest.raises(StorageError, match=rf"{ID}\.jsonl: Too many levels of symbolic links"):
        open_engine(temp).refresh(ID)


ACTS: dict[str, Callable[[Engine], object]] = {
    "instruct": lambda engine: engine.instruct(ID, "Write the tests"),
    "instruct, closed": lambda engine: engine.instruct(ID, "Write the tests"),
    "fork": lambda engine: engine.fork(ID, 1),
    "cancel": lambda engine: engine.cancel(ID, "Not wanted"),
    "archive, closed": lambda engine: engine.archive(ID),
    "reopen, closed": lambda engine: engine.reopen(ID),
    "rename": lambda engine: engine.rename(ID, NEW),
}


@pytest.mark.parametrize("act", ACTS)
def test_who_is_told_that_nothing_was_committed_finds_it_so(
    act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at a file in turn meets a bad sector."""
    made = tmp_path / "made"
    engine = open_engine(made / ".temp")
    engine.create(CREATED, *PLAN)
    if "closed" in act:
        engine.lease(ID).release()
        engine.commit(ID, DONE, actor="user")
    engine.close()
    real, moves = os.read, ("archive, closed", "reopen, closed", "rename")
    for failing in count():
        temp = Path(shutil.copytree(made, tmp_path / str(failing))) / ".temp"
        engine, looks, told = open_engine(temp), count(), ""
        before = recorded(temp)

        def read(descriptor: int, size: int, looks: Iterator[int] = looks, failing: int = failing) -> bytes:
            if next(looks) == failing:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(descriptor, size)

        with monkeypatch.context() as patch:
            patch.setattr(os, "read", read)
            try:
                ACTS[act](engine)
            except StorageError as error:
                told = str(error)
        if recorded(temp) != before:
            assert not told or act in moves
            assert "this change was not committed" not in told
        engine.close()
        if next(looks) <= failing:
            break


def recorded(temp: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((temp / ".orchestrator" / "journal").rglob("*.jsonl"))]


def unremovable(disk: ScriptedDisk) -> None:
    """No sign of life can be taken back."""

    def before(number: int, operation: str, path: Path) -> None:
        if operation == "remove" and path.suffix == ".beat" and path.exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    disk.before = before


def test_a_lease_is_given_back_also_when_its_sign_of_life_cannot_be_taken_away(
    engine: Engine, disk: ScriptedDisk
) -> None:
    lease = engine.lease(ID)
    unremovable(disk)
    lease.release()
    assert engine.at_work(ID) is None
    engine.lease(ID).release()


def test_a_lease_that_cannot_be_recorded_is_given_back_before_anybody_hears_so(
    engine: Engine, disk: ScriptedDisk
) -> None:
    disk.fail_sync(1)
    with pytest.raises(OrchestratorError) as told:
        engine.lease(ID)
    assert not is_locked(engine.folder.locks / f"{ID}.lease-1")
    assert told.value.__context__  # which has hold of all that the one who failed had


def test_a_task_that_was_parked_says_so_also_when_a_sign_of_life_cannot_be_taken_away(
    engine: Engine, disk: ScriptedDisk
) -> None:
    unremovable(disk)
    for _ in range(DEATHS):
        engine.lease(ID, "Bash ./crash").release()
    with pytest.raises(TaskIsBlocked):
        engine.lease(ID, "Bash ./crash")
    assert engine.at_work(ID) is None


def test_a_document_that_this_process_cannot_open_now_is_not_set_aside(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    engine = Engine(temp)
    engine.create(CREATED, *PLAN, task_id=ID)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(free := os.dup(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(StorageError, match="Too many open files; this change was not committed"):
            engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    assert engine.peek(ID).revision == 2
    assert not list(temp.glob("set-aside-*"))


def test_a_network_file_system_is_refused_before_anything_is_made_there_until_a_person_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mounts").write_text("22 1 0:50 / / rw - nfs4 server:/share rw\n")
    monkeypatch.setattr(system, "MOUNTS", tmp_path / "mounts")
    with pytest.raises(UnsupportedFileSystem, match=r"\.temp is on nfs4, .*ORCHESTRATOR_ALLOW_NETWORK_FS=1"):
        open_engine(tmp_path / ".temp")
    assert not (tmp_path / ".temp").exists()
    monkeypatch.setenv("ORCHESTRATOR_ALLOW_NETWORK_FS", "1")
    engine = open_engine(tmp_path / ".temp")
    assert engine.create(CREATED).id == ID
    engine.close()


def test_documents_that_this_version_words_otherwise_are_published_as_such_once_the_disk_has_room(
    tmp_path: Path,
) -> None:
    temp, disk = tmp_path / ".temp", ScriptedDisk()
    engine = open_engine(temp, disk)
    former: dict[Kind, str] = dict.fromkeys(("task-status", "plan", "checklist"), "0" * 64)
    first = Commit(revision=1, at="2026-01-02T03:04:05.000Z", actor="user", events=(CREATED, *PLAN), documents=former)
    engine.journals.create(ID, first).close()

    def no_room(number: int, operation: str, path: Path) -> None:
        if operation == "append":
            raise broken(errno.ENOSPC, path)

    disk.before = no_room
    with pytest.raises(StorageError, match="No space left"):
        engine.refresh(ID)
    disk.before = lambda number, operation, path: None
    assert_in_step(temp, engine.refresh(ID).task)
    engine.close()


def test_a_task_whose_lock_cannot_be_opened_is_one_clear_error(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    open_engine(temp).create(CREATED, *PLAN)
    lock = temp / ".orchestrator" / "locks" / f"{ID}.lock"
    lock.unlink()
    lock.mkdir()
    with pytest.raises(StorageError, match=f"{ID}.* orchestrator needs to write there"):
        open_engine(temp).refresh(ID)
