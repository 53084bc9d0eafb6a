"""Documents are written anew in files that came out of an exchange: only where nobody can see it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator import openings
from orchestrator.engine import Engine
from orchestrator.events import ItemAdded, PhaseChanged
from proof.disk import ScriptedDisk
from proof.folder import CREATED, ID, PLAN, assert_in_step, open_engine, path_of, text_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who has a file open")


@pytest.fixture
def engine(temp: Path, disk: ScriptedDisk) -> Engine:
    engine = open_engine(temp, disk)
    engine.create(CREATED, *PLAN)
    return engine


def changed(engine: Engine, *numbers: int) -> None:
    for number in numbers:
        engine.commit(ID, [PhaseChanged(phase=f"phase {'long ' * (number % 3)}{number}")], actor="user")


def test_a_commit_makes_and_removes_no_file(engine: Engine, disk: ScriptedDisk, temp: Path) -> None:
    changed(engine, 1, 2)
    disk.log.clear()
    changed(engine, 3, 4, 5, 6)
    assert (disk.count("create"), disk.count("remove"), disk.count("fdatasync")) == (0, 0, 4)
    assert disk.count("exchange") >= 8
    assert_in_step(temp, engine.refresh(ID).task)


def test_who_reads_a_document_slowly_reads_one_text(engine: Engine, temp: Path) -> None:
    changed(engine, 1, 2, 3)
    expected = text_of(temp, "progress")
    with open(path_of(temp, "progress")) as slow:
        beginning = slow.read(10)
        changed(engine, 4, 5, 6)
        assert beginning + slow.read() == expected
    changed(engine, 7, 8)
    assert_in_step(temp, engine.refresh(ID).task)


def test_a_second_name_of_a_document_keeps_its_text(engine: Engine, temp: Path, tmp_path: Path) -> None:
    changed(engine, 1, 2, 3)
    expected = text_of(temp, "progress")
    os.link(path_of(temp, "progress"), tmp_path / "kept.md")
    changed(engine, 4, 5, 6)
    assert (tmp_path / "kept.md").read_text() == expected


def test_a_file_that_was_synced_is_never_written_to_again(engine: Engine, disk: ScriptedDisk, temp: Path) -> None:
    changed(engine, 1, 2, 3)
    disk.log.clear()
    changed(engine, *range(4, 70))  # a checkpoint is among them
    made = ("create", engine.folder.staging / path_of(temp, "progress").name)
    assert disk.log.count(made) == 2  # what was in place is synced, what was spare is no more
    engine.close()
    disk.log.clear()
    changed(open_engine(temp, disk), 70)
    assert disk.log.count(made) == 1


def test_no_spare_file_outlives_its_engine(engine: Engine, temp: Path) -> None:
    changed(engine, 1, 2, 3)
    assert list(engine.folder.staging.iterdir())
    engine.close()
    assert not list(engine.folder.staging.iterdir())


def test_spare_files_of_a_process_that_died_are_taken_away_and_not_for_edits(engine: Engine, temp: Path) -> None:
    changed(engine, 1, 2, 3)
    left = list(engine.folder.staging.iterdir())
    other = open_engine(temp)
    assert other.refresh(ID).task.revision == engine.refresh(ID).task.revision
    assert left
    assert not list(engine.folder.staging.iterdir())
    assert not list(temp.glob("set-aside*"))
    changed(engine, 4, 5)
    changed(other, 6, 7)
    assert_in_step(temp, engine.refresh(ID).task)


def test_a_spare_file_is_not_written_to_once_another_process_has_synced_the_documents(
    engine: Engine, disk: ScriptedDisk, temp: Path
) -> None:
    other = open_engine(temp)
    changed(other, 1)
    changed(engine, 2, 3, 4)
    assert list(engine.folder.staging.iterdir())
    other.close()
    disk.log.clear()
    changed(engine, 5)
    assert disk.count("truncate") == 0
    assert engine.refresh(ID).problem is None
    assert_in_step(temp, engine.refresh(ID).task)


def test_a_file_whose_sync_failed_in_another_process_is_never_written_to_again(
    engine: Engine, disk: ScriptedDisk, temp: Path
) -> None:
    changed(engine, 1, 2, 3)
    other = open_engine(temp, failing := ScriptedDisk())
    changed(other, 4)
    changed(engine, 5)

    def before(number: int, operation: str, path: Path) -> None:
        if operation in ("fdatasync", "create"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    failing.before = before
    other.close()
    disk.log.clear()
    changed(engine, 6, 7)  # what was in place when the sync failed comes out, and is not put in place again
    assert disk.count("truncate") == 0
    assert_in_step(temp, engine.refresh(ID).task)


def test_a_document_that_somebody_removes_in_the_instant_of_its_publication_is_there(
    engine: Engine, disk: ScriptedDisk, temp: Path
) -> None:
    progress = path_of(temp, "progress")

    def before(number: int, operation: str, path: Path) -> None:
        if (operation, path) == ("exchange", progress):
            path.unlink()

    disk.before = before
    task = engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    assert_in_step(temp, task)


def test_a_probe_that_the_disk_refuses_says_nothing_of_the_file_system(temp: Path, disk: ScriptedDisk) -> None:
    open_engine(temp).create(CREATED, *PLAN)

    def before(number: int, operation: str, path: Path) -> None:
        if (operation, path.name) == ("create", ".probe-1"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    disk.before = before
    engine = open_engine(temp, disk)
    changed(engine, 1)
    assert "No space left" in (engine.refresh(ID).problem or "")
    disk.before = lambda number, operation, path: None
    assert engine.refresh(ID).problem is None
    assert disk.count("exchange")
    assert not disk.count("move")


def modes(temp: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in (*temp.glob("*-*"), *temp.glob("completed/*-*"))}


def test_who_may_read_a_document_stays_as_it_is(engine: Engine, temp: Path) -> None:
    for kind, mode in (("plan", 0o600), ("checklist", 0o664), ("task-status", 0o640)):
        path_of(temp, kind).chmod(mode)
    kept = modes(temp)
    for number in range(4):
        engine.commit(ID, [PhaseChanged(phase=f"part {number}"), ItemAdded(id=f"x{number}", text="x")], actor="user")
    path_of(temp, "plan").write_text("# Mine\n")
    path_of(temp, "task-status").write_text("{broken")
    engine.refresh(ID)
    path_of(temp, "progress").chmod(0o600)
    engine.commit(ID, [PhaseChanged(phase="later")], actor="user")
    kept |= {f"progress-{ID}.md": 0o600, f"set-aside-task-status-{ID}.json": 0o640}
    assert modes(temp) == kept
    engine.cancel(ID, "")
    assert modes(temp) == kept
    engine.reopen(ID)
    assert modes(temp) == kept


@pytest.mark.parametrize("ask", [openings.has_writer, openings.is_open_here_alone])
def test_who_asks_who_has_a_file_open_outlives_somebody_who_opens_it_then(
    tmp_path: Path, ask: Callable[[int], bool]
) -> None:
    path = tmp_path / "file"
    path.touch()
    child = os.fork()
    if child == 0:
        try:
            ask(os.open(path, os.O_RDONLY))
            with suppress(BlockingIOError):
                os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
