"""What files held before and after calls is kept, exactly, by its hash."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from orchestrator import snapshot
from orchestrator.files import Disk

Result = TypeVar("Result")
OLD, NEW = b"one\xff\n", b"two\n"


class LoggingDisk(Disk):
    """Notes what it does; `full`: nothing more can be written on it."""

    def __init__(self) -> None:
        self.log: list[tuple[str, Path]] = []
        self.full = False

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        if self.full and operation == "write":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        self.log.append((operation, path))
        return action()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def kept(agent, *contents):
    return [agent.contents.read(sha(data)) for data in contents]


def test_write_and_edit_keep_what_the_file_held_and_what_it_holds(agent):
    (agent.workspace / "a.txt").write_bytes(OLD)
    agent.call("Read", file_path="a.txt")
    agent.call("Write", file_path="a.txt", content=NEW.decode())
    agent.call("Edit", file_path="a.txt", old_string="two", new_string="three")
    assert kept(agent, OLD, NEW, b"three\n") == [OLD, NEW, b"three\n"]
    (mode,) = {stat.S_IMODE(path.stat().st_mode) for path in agent.contents.folder.iterdir()}
    assert mode == 0o600


def test_the_old_content_is_on_the_disk_before_the_file_is_touched(agent):
    (agent.workspace / "a.txt").write_bytes(OLD)
    agent.call("Read", file_path="a.txt")
    agent.disk = disk = LoggingDisk()
    agent.call("Write", file_path="a.txt", content=NEW.decode())
    folder, old = agent.contents.folder, agent.contents.folder / sha(OLD)
    moved = disk.log.index(("move", old))
    assert "fdatasync" in [operation for operation, _ in disk.log[:moved]]
    assert ("fsync", folder) in disk.log[moved:]


def test_on_a_full_disk_a_call_fails_before_the_file_is_changed(agent):
    agent.disk = disk = LoggingDisk()
    (agent.workspace / "a.txt").write_bytes(OLD)
    agent.call("Read", file_path="a.txt")
    disk.full = True
    assert "was not changed: what it holds could not be kept (No space left" in agent.error(
        "Write", file_path="a.txt", content="two"
    )
    assert (agent.workspace / "a.txt").read_bytes() == OLD
    assert [path.name for path in agent.contents.folder.iterdir()] == [sha(OLD)]  # of what was read


def test_what_a_command_deletes_changes_and_makes_is_kept(agent):
    for name, data in (("gone", OLD), ("changed", b"\0\1"), ("empty", b"")):
        (agent.workspace / name).write_bytes(data)
    agent.call("Bash", command="rm gone empty; printf more >>changed; printf made >new")
    assert kept(agent, OLD, b"", b"\0\1", b"\0\1more", b"made") == [OLD, b"", b"\0\1", b"\0\1more", b"made"]


def test_a_look_keeps_no_more_than_its_room(agent):
    for name in "abc":
        (agent.workspace / name).write_text(name * 6)
    rows = snapshot.take(agent.workspace, agent.workspace / ".temp", {}, agent.contents.keep, room=10)
    assert [row.digest for row in rows.values()] == [sha(name.encode() * 6) for name in "abc"]
    assert kept(agent, b"aaaaaa", b"bbbbbb", b"cccccc") == [b"aaaaaa", None, None]


def test_a_file_that_somebody_removes_during_a_look_is_not_in_it(agent):
    for name in "ab":
        (agent.workspace / name).write_text(name)

    def keep(data):
        (agent.workspace / "b").unlink()
        return agent.contents.keep(data)

    assert list(snapshot.take(agent.workspace, agent.workspace / ".temp", {}, keep)) == ["a"]


def test_a_file_too_large_to_be_read_was_there_before_a_command_changed_it(agent):
    for name in ("changed", "gone"):
        (agent.workspace / name).write_bytes(bytes(1_000_000))
    files = agent.call("Bash", command="echo >>changed; rm gone; cp changed new").files
    assert [(change.path, change.before is None, change.after is None) for change in files] == [
        ("changed", False, False),
        ("gone", False, True),
        ("new", True, False),
    ]


@pytest.mark.parametrize(
    "command",
    [
        "rm a/b; mkdir a/b; echo x >a/b/c",
        "mkdir c; mv a/b c/; ln -s ../c/b a/b",
        "rm a/b; ln -s nowhere a/b",
        "mv a c; ln -s c a",
        "rm a/b; mkfifo a/b",
        "rm -r a; echo x >a",
    ],
)
def test_a_file_in_whose_place_a_command_puts_something_else_is_recorded_as_gone(agent, command):
    (agent.workspace / "a").mkdir()
    (agent.workspace / "a/b").write_bytes(OLD)
    (gone,) = (change for change in agent.call("Bash", command=command).files if change.path == "a/b")
    assert (gone.before, gone.after) == (sha(OLD), None)
    assert kept(agent, OLD) == [OLD]


def test_a_file_beyond_the_most_that_a_look_holds_is_not_taken_for_a_new_one_once_there_is_room(agent):
    (agent.workspace / "a").mkdir()
    for number in range(snapshot.MOST_FILES):
        (agent.workspace / f"a/{number:05}").touch()
    (agent.workspace / "a-beyond").write_bytes(OLD)
    files = agent.call("Bash", command="rm a/00000; echo x >a/19999b; echo x >a/0; rm a/00001 a/00002").files
    assert [(change.path, change.after is None) for change in files] == [
        ("a/0", False),
        ("a/00000", True),
        ("a/00001", True),
        ("a/00002", True),
    ]


def test_a_torn_content_is_not_taken_for_the_whole_one_and_is_mended_when_it_is_kept_again(agent):
    name = agent.contents.keep(NEW)
    (agent.contents.folder / name).write_bytes(b"")
    assert kept(agent, NEW) == [None]
    agent.contents.keep(NEW)
    assert kept(agent, NEW) == [NEW]
    (agent.contents.folder / name).write_bytes(b"gar\n")
    agent.contents.keep(NEW, durable=True)
    assert kept(agent, NEW) == [NEW]
