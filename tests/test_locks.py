"""Locks: each is held by one at a time, who waits has a turn, and names of one file are held one by one or all."""

from __future__ import annotations

import gc
import os
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from orchestrator.locks import Lock, is_locked, named
from proof.child import Child
from proof.takeovers import waited_for


@pytest.mark.parametrize(("held", "wanted"), [("a.txt", "a.txt"), ("a.txt", None), (None, "a.txt"), (None, None)])
def test_who_wants_what_is_held_waits_for_it(tmp_path: Path, held: str | None, wanted: str | None) -> None:
    order = []

    def want() -> None:
        with named(tmp_path / "lock", wanted):
            order.append("wanted")

    thread = threading.Thread(target=want)
    with named(tmp_path / "lock", held):
        thread.start()
        thread.join(0.05)
        order.append("held")
    thread.join()
    assert order == ["held", "wanted"]


def test_another_name_is_free_meanwhile(tmp_path: Path) -> None:
    with named(tmp_path / "lock", "a.txt"), named(tmp_path / "lock", "b.txt"):
        pass


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")
def test_a_lock_whose_file_was_taken_away_is_that_of_the_new_one_and_the_old_one_is_let_go_of(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    gc.collect()  # what others left is closed before it is counted
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        lock.path.unlink()
        with lock.held():
            assert is_locked(lock.path)
    assert len(os.listdir("/proc/self/fd")) == before
    lock.close()


def test_a_lock_that_cannot_be_had_is_not_held_and_names_its_file(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    lock.path.unlink()
    lock.path.mkdir()
    with pytest.raises(IsADirectoryError) as raised, lock.held():
        pytest.fail("it is held")
    assert raised.value.filename == str(lock.path)
    lock.path.rmdir()
    with lock.held():
        assert is_locked(lock.path)
    lock.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere whoever comes first is served first")
def test_who_releases_a_lock_does_not_have_it_again_before_one_who_waited_for_it(tmp_path: Path) -> None:
    lock, turns = Lock(tmp_path / "lock"), tmp_path / "turns"

    def take(name: str) -> None:
        with lock.held(), turns.open("a") as file:
            file.write(f"{name} ")

    with lock.held():
        other = Child(partial(take, "other"))
        while not other.ended and not waited_for(lock.path):
            os.sched_yield()
        other.stop()  # so that it loses every race there is
    again = threading.Thread(target=take, args=("again",))
    again.start()
    while again.is_alive() and not waited_for(lock.path):
        os.sched_yield()
    other.go_on()
    other.result()
    again.join()
    assert turns.read_text() == "other again "
    lock.close()
