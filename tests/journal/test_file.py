"""The journal file under faults: torn tails, damage, syncs that fail, processes that die between write and sync."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from orchestrator import system
from orchestrator.errors import Damaged, Newer, StorageError, Unsynced
from orchestrator.events import Commit, MessageAdded, PhaseChanged, TaskCreated
from orchestrator.files import Disk
from orchestrator.journal.file import FileJournal, FileJournals
from orchestrator.locks import Lock
from proof.takeovers import waited_for

AT = "2026-01-01T00:00:00.000Z"
FIRST = Commit(revision=1, at=AT, actor="user", events=(TaskCreated(agent="a", description="d"),), uuid="u")
Result = TypeVar("Result")


def commit(revision: int) -> Commit:
    return Commit(revision=revision, at=AT, actor="worker", events=(PhaseChanged(phase=f"phase {revision}"),))


class FailingDisk(Disk):
    """Fails the operations named in `failing`, once each, with the error given there; counts all."""

    def __init__(self) -> None:
        self.failing: dict[str, int] = {}
        self.done: list[str] = []
        self.after: Callable[[str], None] = lambda operation: None

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        self.done.append(operation)
        if operation in self.failing:
            number = self.failing.pop(operation)
            raise OSError(number, os.strerror(number), str(path))
        result = action()
        self.after(operation)
        return result


def store(tmp_path: Path, disk: Disk | None = None) -> FileJournals:
    found = FileJournals(tmp_path, disk or Disk())
    found.prepare()
    return found


def filled(tmp_path: Path, last: int, disk: Disk | None = None) -> tuple[FileJournals, FileJournal, Path]:
    journals = store(tmp_path, disk)
    journal = journals.create("K7Q2MX", FIRST)
    with journal.locked():
        journal.read(0)
        for revision in range(2, last + 1):
            journal.append(commit(revision))
    return journals, journal, journals.place("K7Q2MX")


def revisions(journals: FileJournals) -> list[int]:
    journal = journals.open("K7Q2MX")
    with journal.locked():
        found = [one.revision for one in journal.read(0)]
    journal.close()
    return found


def is_clean(tmp_path: Path) -> bool:
    """Nobody needs to write the journal anew."""
    return (tmp_path / "locks" / "K7Q2MX.lock").read_text().startswith("C ")


def test_invariant_1_a_tail_torn_anywhere_was_never_committed_and_the_next_commit_follows(tmp_path: Path) -> None:
    journals, journal, path = filled(tmp_path, 3)
    journal.close()
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        again = journals.open("K7Q2MX")
        with again.locked():
            assert [one.revision for one in again.read(0)] == [1, 2]
            again.append(commit(3))
        again.close()
        assert path.read_bytes() == whole


def test_a_torn_tail_is_cut_for_good_before_anything_follows_it(tmp_path: Path) -> None:
    disk = FailingDisk()
    journals, journal, path = filled(tmp_path, 3, disk)
    journal.close()
    for failing, done in (
        ({}, []),
        ({"fdatasync": errno.EIO}, ["remove", "create", "write", "fdatasync", "move", "fsync"]),
    ):
        with path.open("ab") as file:
            file.write(b'{"v":1,"revi')
        disk.done.clear()
        disk.failing.update(failing)
        assert revisions(journals) == [1, 2, 3]
        assert disk.done == ["truncate", "fdatasync", *done]


@pytest.mark.parametrize("way", ["create", "rename"])
def test_a_journal_knows_nothing_of_a_task_that_had_its_id_before(tmp_path: Path, way: str) -> None:
    journals = store(tmp_path)
    (tmp_path / "locks" / "N2W3D4.lock").write_text("C another-boot 64".ljust(64))
    if way == "create":
        journals.create("N2W3D4", FIRST).close()
    else:
        journal = journals.create("K7Q2MX", FIRST)
        with journal.locked():
            journal.read(0)
            journal.rename("N2W3D4")
        journal.close()
    journal = journals.open("N2W3D4")
    assert (journal.durable, journal.rebooted) == (0, False)
    journal.close()


def test_of_a_journal_that_had_another_task_before_nobody_trusts_a_name_that_was_not_synced(tmp_path: Path) -> None:
    def die(operation: str) -> None:
        if operation == "move_new":
            raise KeyboardInterrupt

    dying = FailingDisk()
    dying.after = die
    journals = store(tmp_path, dying)
    (tmp_path / "locks" / "K7Q2MX.lock").write_text(f"C {system.boot()} 0".ljust(80))
    with pytest.raises(KeyboardInterrupt):
        journals.create("K7Q2MX", FIRST)
    disk = FailingDisk()
    assert revisions(store(tmp_path, disk)) == [1]
    assert "fsync" in disk.done


def test_a_journal_that_is_cut_while_it_is_read_is_damage(tmp_path: Path) -> None:
    _, journal, path = filled(tmp_path, 3)
    os.truncate(path, path.read_bytes().index(b"\n") + 1)
    with pytest.raises(Damaged, match="cut while it was read"):
        list(journal.history())
    journal.close()


@pytest.mark.parametrize("garbage", [b"\0" * 300, b"\xff" * 40 + b"\n" + b"\x07" * 40, b'{"v":1,"revision":4'])
def test_a_tail_of_zeros_or_garbage_is_cut(tmp_path: Path, garbage: bytes) -> None:
    journals, journal, path = filled(tmp_path, 3)
    journal.close()
    with path.open("ab") as file:
        file.write(garbage)
    assert revisions(journals) == [1, 2, 3]
    assert path.read_bytes().endswith(b'"}\n')


def test_a_bad_line_before_a_whole_one_is_damage_and_named(tmp_path: Path) -> None:
    journals, journal, path = filled(tmp_path, 4)
    journal.close()
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"phase 2", b"phase X")
    path.write_bytes(b"".join(lines))
    before = path.read_bytes()
    damaged = journals.open("K7Q2MX")
    with damaged.locked(), pytest.raises(Damaged, match=r"K7Q2MX\.jsonl:2: .*read-only"):
        damaged.read(0)
    damaged.close()
    assert path.read_bytes() == before


def test_a_line_taken_out_breaks_the_chain(tmp_path: Path) -> None:
    journals, journal, path = filled(tmp_path, 4)
    journal.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    with pytest.raises(Damaged):
        revisions(journals)


def test_one_append_is_one_write_and_one_sync(tmp_path: Path) -> None:
    disk = FailingDisk()
    _, journal, _ = filled(tmp_path, 1, disk)
    disk.done.clear()
    with journal.locked():
        journal.append(commit(2))
    journal.close()
    assert disk.done == ["mark", "append", "fdatasync", "mark"]


def test_a_write_that_fails_is_taken_back_and_the_commit_can_be_tried_again(tmp_path: Path) -> None:
    disk = FailingDisk()
    journals, journal, path = filled(tmp_path, 2, disk)
    before = path.read_bytes()
    with journal.locked():
        disk.failing["append"] = errno.ENOSPC
        with pytest.raises(StorageError, match="this change was not committed"):
            journal.append(commit(3))
        assert path.read_bytes() == before
        assert is_clean(tmp_path)
        journal.append(commit(3))
    journal.close()
    assert revisions(journals) == [1, 2, 3]


def test_what_was_written_of_a_line_before_the_write_failed_is_taken_back(tmp_path: Path) -> None:
    disk = FailingDisk()
    journals, journal, path = filled(tmp_path, 2, disk)
    before = path.read_bytes()

    def full(operation: str) -> None:
        if operation == "append":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    disk.after = full
    with journal.locked(), pytest.raises(StorageError, match="this change was not committed"):
        journal.append(commit(3))
    journal.close()
    assert path.read_bytes() == before
    assert revisions(journals) == [1, 2]


def test_a_line_that_was_not_synced_and_cannot_be_taken_back_is_said_to_be_in_doubt(tmp_path: Path) -> None:
    disk = FailingDisk()
    journals, journal, path = filled(tmp_path, 2, disk)
    disk.failing = {"fdatasync": errno.EIO, "truncate": errno.EIO}
    with journal.locked(), pytest.raises(Unsynced) as caught:
        journal.append(commit(3))
    journal.close()
    assert caught.value.in_doubt
    inode = path.stat().st_ino
    assert revisions(journals) == [1, 2, 3]
    assert path.stat().st_ino != inode, "trusted, though nobody wrote it anew"


def test_a_sync_that_failed_is_never_tried_again_a_new_file_takes_over(tmp_path: Path) -> None:
    disk = FailingDisk()
    journals, journal, path = filled(tmp_path, 2, disk)
    inode = path.stat().st_ino
    with journal.locked():
        disk.failing["fdatasync"] = errno.EIO
        with pytest.raises(Unsynced):
            journal.append(commit(3))
        assert path.stat().st_ino != inode
        assert is_clean(tmp_path)
        journal.append(commit(3))
    journal.close()
    assert revisions(journals) == [1, 2, 3]


def test_when_the_new_file_cannot_be_made_durable_either_the_task_says_so(tmp_path: Path) -> None:
    disk = FailingDisk()
    journals, journal, _ = filled(tmp_path, 2, disk)
    with journal.locked():
        disk.failing.update({"fdatasync": errno.EIO, "create": errno.ENOSPC})
        with pytest.raises(Unsynced, match="in doubt"):
            journal.append(commit(3))
    journal.close()
    assert revisions(journals) == [1, 2]


def test_a_line_whose_writer_died_before_its_sync_is_written_anew_before_it_is_trusted(tmp_path: Path) -> None:
    journals, journal, path = filled(tmp_path, 3)
    journal.close()
    lock = tmp_path / "locks" / "K7Q2MX.lock"
    lock.write_text(f"D {system.boot()}".ljust(48))
    inode = path.stat().st_ino
    assert revisions(journals) == [1, 2, 3]
    assert path.stat().st_ino != inode
    assert lock.read_text().startswith("C ")
    inode = path.stat().st_ino
    assert revisions(journals) == [1, 2, 3]
    assert path.stat().st_ino == inode


def test_a_line_in_doubt_is_not_trusted_by_anybody_as_long_as_it_cannot_be_written_anew(tmp_path: Path) -> None:
    disk = FailingDisk()
    journals, journal, path = filled(tmp_path, 3, disk)
    journal.close()
    (tmp_path / "locks" / "K7Q2MX.lock").write_text(f"D {system.boot()} 0".ljust(64))
    inode = path.stat().st_ino
    for _ in range(2):
        disk.failing["create"] = errno.ENOSPC
        with pytest.raises(Unsynced, match="in doubt"):
            revisions(journals)
    assert revisions(journals) == [1, 2, 3]
    assert path.stat().st_ino != inode


def test_a_directory_whose_sync_failed_leaves_no_task_behind(tmp_path: Path) -> None:
    disk = FailingDisk()
    journals = store(tmp_path, disk)
    disk.failing["fsync"] = errno.EIO
    with pytest.raises(Unsynced):
        journals.create("K7Q2MX", FIRST)
    assert journals.ids() == ()


def test_the_journal_is_not_read_from_the_start_at_every_commit(tmp_path: Path) -> None:
    _, journal, path = filled(tmp_path, 3)
    with journal.locked():
        with path.open("r+b") as file:
            file.write(b"X")
        assert journal.read(3) == []
        journal.append(commit(4))
        with pytest.raises(Damaged, match=r"K7Q2MX\.jsonl:1"):
            list(journal.history())
    journal.close()


def test_a_whole_line_of_a_newer_version_is_never_cut(tmp_path: Path) -> None:
    journals, journal, path = filled(tmp_path, 2)
    journal.close()
    summed = path.read_bytes().splitlines()[-1][-66:-2].decode()
    text = b'{"v":1,"revision":3,"at":"x","actor":"user","events":[{"type":"PhaseChanged","phase":"b","of":"newer"}]'
    total = hashlib.sha256(summed.encode() + text).hexdigest()
    path.write_bytes(path.read_bytes() + text + b',"sum":"' + total.encode() + b'"}\n')
    before = path.read_bytes()
    with pytest.raises(Newer, match=r"K7Q2MX\.jsonl:3: written by a newer orchestrator .*update yours"):
        revisions(journals)
    assert path.read_bytes() == before


def test_a_journal_replaced_while_open_is_not_written_to(tmp_path: Path) -> None:
    journals, journal, path = filled(tmp_path, 2)
    backup = path.read_bytes()
    with journal.locked():
        journal.append(commit(3))
    path.unlink()
    path.write_bytes(backup)
    with journal.locked(), pytest.raises(Damaged, match="replaced"):
        journal.read(0)
    journal.close()
    assert path.read_bytes() == backup
    assert revisions(journals) == [1, 2]


def test_a_journal_that_could_not_be_opened_anew_is_read_on_once_it_is_back(tmp_path: Path) -> None:
    _, journal, path = filled(tmp_path, 2)
    away = path.rename(tmp_path / "away")
    path.symlink_to(tmp_path / "locks")
    with journal.locked():
        with pytest.raises(StorageError):
            journal.read(0)
        away.replace(path)
        assert journal.read(2) == []
        journal.append(commit(3))
    journal.close()
    assert path.read_bytes().count(b"\n") == 3


def test_a_forked_child_waits_for_its_parents_lock(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    entered, let_in = os.pipe()
    with lock.held():
        child = os.fork()
        if child == 0:
            try:
                with lock.held():
                    os.write(let_in, b"child")
            finally:
                os._exit(0)
        os.write(let_in, b"parent ")
    os.waitpid(child, 0)
    assert os.read(entered, 99) == b"parent child"
    lock.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who waits for a lock")
def test_a_lock_whose_file_somebody_took_away_is_still_one_lock(tmp_path: Path) -> None:
    path, entered = tmp_path / "lock", []
    before = Lock(path)
    path.unlink()
    after = Lock(path)

    def enter() -> None:
        with before.held():
            entered.append("both")

    with after.held():
        thread = threading.Thread(target=enter)
        thread.start()
        while thread.is_alive() and not waited_for(path):
            os.sched_yield()
        assert not entered
    thread.join()
    assert entered
    before.close()
    after.close()


def test_a_task_goes_on_when_its_lock_file_is_taken_away(tmp_path: Path) -> None:
    journals, journal, path = filled(tmp_path, 2)
    (tmp_path / "locks" / "K7Q2MX.lock").unlink()
    other = journals.open("K7Q2MX")
    for number, each in enumerate((journal, other, journal)):
        with each.locked():
            each.read(0)
            each.append(commit(3 + number))
    journal.close()
    other.close()
    assert revisions(journals) == [1, 2, 3, 4, 5]
    assert path.read_bytes().count(b"\n") == 5


def test_a_mark_that_cannot_be_cleaned_after_the_commit_does_not_say_failed(tmp_path: Path) -> None:
    disk = FailingDisk()
    journals, journal, _ = filled(tmp_path, 2, disk)

    def fail_the_next_mark(operation: str) -> None:
        if operation == "fdatasync":
            disk.failing["mark"] = errno.EROFS

    disk.after = fail_the_next_mark
    with journal.locked():
        journal.append(commit(3))
    journal.close()
    assert revisions(journals) == [1, 2, 3]


def test_only_what_commits_published_counts_as_published_not_what_a_model_said(tmp_path: Path) -> None:
    _, journal, _ = filled(tmp_path, 1)
    block = {"type": "tool_use", "id": "t1", "name": "Write", "input": {"plan": "a" * 64}}
    with journal.locked():
        journal.append(
            Commit(revision=2, at=AT, actor="worker", events=(MessageAdded(content=(block,)),), documents={"plan": "b"})
        )
        assert journal.published("plan", "b")
        assert not journal.published("plan", "a" * 64)
    journal.close()


def test_a_last_line_that_is_whole_but_not_as_it_was_written_is_damage_and_stays(tmp_path: Path) -> None:
    journals, journal, path = filled(tmp_path, 3)
    journal.close()
    changed = path.read_bytes().replace(b"phase 3", b"phase X")
    path.write_bytes(changed)
    damaged = journals.open("K7Q2MX")
    with damaged.locked(), pytest.raises(Damaged, match=r"K7Q2MX\.jsonl:3: .*checksum does not fit"):
        damaged.read(0)
    damaged.close()
    assert path.read_bytes() == changed


def bad_from(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Linux reads a file with a bad sector: what is before it, and only then EIO."""
    real = os.pread

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        if size > 64 and offset >= place:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, min(size, place - offset) if size > 64 else size, offset)

    monkeypatch.setattr(os, "pread", pread)


@pytest.mark.parametrize("mark", ["C", "D"], ids=["read", "written anew"])
def test_a_journal_that_cannot_be_read_to_its_end_is_left_as_it_is(
    mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journals, journal, path = filled(tmp_path, 9)
    journal.close()
    (tmp_path / "locks" / "K7Q2MX.lock").write_text(f"{mark} {system.boot()} 0".ljust(64))
    whole = path.read_bytes()
    with monkeypatch.context() as patch:
        bad_from(len(whole) // 2, patch)
        with pytest.raises(StorageError, match="Input/output error"):
            revisions(journals)
    assert path.read_bytes() == whole
    assert revisions(journals) == [*range(1, 10)]


def test_a_journal_that_one_read_does_not_return_as_a_whole_is_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journals, journal, path = filled(tmp_path, 9)
    journal.close()
    real, whole = os.pread, path.read_bytes()
    monkeypatch.setattr(os, "pread", lambda descriptor, size, offset: real(descriptor, min(size, 500), offset))
    assert revisions(journals) == [*range(1, 10)]
    assert path.read_bytes() == whole


def test_who_finds_an_id_taken_leaves_nothing_open(tmp_path: Path) -> None:
    journals, journal, _ = filled(tmp_path, 1)
    before = len(os.listdir("/dev/fd"))
    for _ in range(3):
        with pytest.raises(FileExistsError):
            journals.create("K7Q2MX", FIRST)
    assert len(os.listdir("/dev/fd")) == before
    journal.close()
