"""The power goes: a sample of what `python -m proof power` tries, and what it found in full."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
from contextlib import suppress
from itertools import count, islice
from pathlib import Path

import pytest

from orchestrator.engine import Engine
from orchestrator.errors import StorageError
from orchestrator.events import ItemReworded, PhaseChanged
from orchestrator.files import Disk
from proof.controls import Way, in_place, replaced
from proof.controls import tried as written_so
from proof.disk import Died, ScriptedDisk
from proof.flows import DONE, NEW, Flow, absorb, commit, create, overtake
from proof.folder import CREATED, ID, PLAN, all_texts, open_engine, path_of, text_of
from proof.power import CLAIMS, EARLIER, next_boot, tried
from proof.recording import RecordingDisk

STATES = 25


@pytest.mark.parametrize("kind", CLAIMS)
@pytest.mark.parametrize("flow", [create, commit, absorb, overtake], ids=lambda flow: flow.__name__)
def test_whatever_a_power_cut_leaves_is_recovered_from(kind: str, flow: Flow) -> None:
    for share in (0, 1):
        found = tried(kind, flow, share, STATES)
        assert found.tried
        assert not found.violations


@pytest.mark.parametrize("way", [in_place, replaced], ids=lambda way: way.__name__)
def test_files_that_are_written_one_by_one_do_not_survive_it_together(way: Way) -> None:
    assert written_so(way).violations


def test_each_claim_of_a_proof_is_told_once() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "proof", "controls"], capture_output=True, text=True, check=True
    ).stdout
    assert [line.partition("  ")[0] for line in said.splitlines()[1:-2]] == [
        "five files written in place",
        "five files replaced safely, each",
    ]


def test_a_document_of_ours_that_a_power_cut_left_in_staging_is_not_set_aside(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    engine = open_engine(temp)
    engine.create(CREATED, *PLAN)
    staged, before_that = engine.folder.staging / path_of(temp, "plan").name, text_of(temp, "plan")
    engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    engine.close()
    staged.write_text(before_that)
    next_boot(temp)
    before = all_texts(temp)
    engine = open_engine(temp)
    engine.refresh(ID)
    assert all_texts(temp) == before
    assert "building" in text_of(temp, "plan")
    assert not list(engine.folder.staging.iterdir())


def test_garbage_that_a_power_cut_left_in_a_lock_file_vouches_for_no_document(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    engine = open_engine(temp)
    engine.create(CREATED, *PLAN)
    engine.close()
    path_of(temp, "architecture-notes").write_text("What a file said that is no more\n")
    (temp / ".orchestrator" / "locks" / f"{ID}.lock").write_bytes(b"\xcf >_ 9 2&".ljust(64, b"*"))
    next_boot(temp)
    engine = open_engine(temp)
    engine.refresh(ID)
    assert "no more" not in text_of(temp, "architecture-notes")
    assert [path.name for path in temp.glob("set-aside-*")] == [f"set-aside-architecture-notes-{ID}.md"]


def torn_after_a_cut(temp: Path) -> Path:
    """A task whose checklist is garbage since the power went."""
    engine = open_engine(temp)
    engine.create(CREATED, *PLAN)
    engine.close()
    open_engine(temp).commit(ID, [ItemReworded(id="c1", text="Write the model well")], actor="user")
    path_of(temp, "checklist").write_text("- [x] What a file said that is no more\n")
    next_boot(temp)
    return path_of(temp, "checklist")


def test_a_torn_document_that_cannot_be_put_back_at_once_is_not_obeyed_later_and_kept_once(tmp_path: Path) -> None:
    temp, disk = tmp_path / ".temp", ScriptedDisk()
    torn = torn_after_a_cut(temp)

    def full(number: int, operation: str, path: Path) -> None:
        if (operation, path.name) == ("create", torn.name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    disk.before = full
    for _ in range(2):
        problem = open_engine(temp, disk).refresh(ID).problem
        assert problem
        assert "No space left" in problem
        assert "no more" in torn.read_text()
    task = open_engine(temp).refresh(ID).task
    assert [item.text for item in task.live_items] == ["Write the model well", "Write the migration"]
    assert task.set_aside == (f"set-aside-checklist-{ID}.md",)
    assert [path.name for path in temp.glob("set-aside-*")] == [f"set-aside-checklist-{ID}.md"]
    torn.write_text(torn.read_text().replace("[ ]", "[x]", 1))
    os.utime(torn, (EARLIER, EARLIER))
    assert open_engine(temp).refresh(ID).task.items[0].checked, "nothing is owed any more"


@pytest.mark.parametrize("where", ["in place", "in staging"])
def test_what_is_set_aside_after_a_power_loss_is_reported_wherever_its_finder_dies(tmp_path: Path, where: str) -> None:
    torn = torn_after_a_cut(tmp_path / ".temp")
    if where == "in staging":
        torn.rename(tmp_path / ".temp" / ".orchestrator" / "staging" / torn.name)
    for number in count():
        temp, disk = tmp_path / str(number) / ".temp", ScriptedDisk()
        shutil.copytree(tmp_path / ".temp", temp)

        def die(now: int, operation: str, path: Path, at: int = number, disk: ScriptedDisk = disk) -> None:
            if now == at:
                disk.die()

        disk.before = die
        with suppress(Died):
            open_engine(temp, disk).refresh(ID)
        task = open_engine(temp).refresh(ID).task
        assert task.set_aside == (f"set-aside-checklist-{ID}.md",)
        assert [path.name for path in temp.glob("set-aside-*")] == [f"set-aside-checklist-{ID}.md"]
        assert [item.text for item in task.live_items] == ["Write the model well", "Write the migration"]
        if not disk.dead:
            break


def test_a_folder_whose_name_could_not_be_made_durable_is_not_there_for_the_next_one_to_trust(tmp_path: Path) -> None:
    disk = ScriptedDisk()
    fail(disk, "fsync", tmp_path)
    with pytest.raises(OSError, match="Input/output"):
        disk.make_directories(tmp_path / "one" / "two")
    assert not (tmp_path / "one").exists()


def test_a_new_task_makes_the_folders_above_it_durable_that_a_dead_process_made(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    with pytest.raises(Died):
        open_engine(temp, dying(tmp_path)).create(CREATED)
    disk = ScriptedDisk()
    open_engine(temp, disk).create(CREATED)
    synced = {path for operation, path in disk.log if operation == "fsync"}
    assert {tmp_path, temp, temp / ".orchestrator", temp / ".orchestrator" / "journal"} <= synced


def test_a_task_of_which_it_is_said_that_it_was_not_created_does_not_turn_up_later(tmp_path: Path) -> None:
    temp, disk = tmp_path / ".temp", ScriptedDisk()
    journal = temp / ".orchestrator" / "journal"
    engine = open_engine(temp, disk)
    fail(disk, "fsync", journal)
    with pytest.raises(StorageError, match="this change was not committed"):
        engine.create(CREATED)
    assert [row for row in disk.log if row[1].is_relative_to(journal)][-2:] == [
        ("remove", journal / f"{ID}.jsonl"),
        ("fsync", journal),
    ]


def test_a_journal_that_a_dead_process_moved_is_where_it_is_for_good_before_the_archive_is_done(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    open_engine(temp).create(CREATED, *PLAN)
    engine = open_engine(temp, disk := ScriptedDisk())
    engine.lease(ID).release()
    engine.commit(ID, DONE, actor="user")
    die_at(disk, "fsync", temp / ".orchestrator" / "journal" / "completed")
    with pytest.raises(Died):
        engine.archive(ID)
    assert synced_when_done(temp, ID) >= {temp / ".orchestrator" / "journal" / "completed"}


def test_the_private_folder_that_a_dead_process_renamed_is_durable_before_the_renaming_is_done(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    engine = open_engine(temp, disk := ScriptedDisk())
    engine.create(CREATED, *PLAN)
    commands = temp / ".orchestrator" / "commands"
    (commands / ID / "call").mkdir(parents=True)
    die_at(disk, "fsync", commands)
    with pytest.raises(Died):
        engine.rename(ID, NEW)
    assert synced_when_done(temp, NEW) >= {commands}


def test_a_power_cut_after_a_renaming_leaves_no_document_of_the_former_id_in_staging(tmp_path: Path) -> None:
    """Nobody would look there for it."""
    engine = open_engine(tmp_path / ".temp", disk := RecordingDisk(tmp_path))
    engine.create(CREATED, *PLAN)
    engine.rename(ID, NEW)
    states = list(islice(disk.model.states(random.Random(1)), 100))
    assert not [name for state in states for name in state if "/staging/" in name and ID in name]
    assert all(f".temp/plan-{NEW}.md" in state for state in states)


@pytest.mark.parametrize("to", ["B2W3D4", NEW])
def test_an_archived_task_that_a_power_cut_left_under_two_ids_is_one_task(tmp_path: Path, to: str) -> None:
    """Either id may be looked for first; the journal under the new one was written anew, as after any power cut."""
    engine = open_engine(tmp_path / ".temp", disk := ScriptedDisk())
    engine.create(CREATED, *PLAN)
    engine.cancel(ID, "Not wanted any more")
    journals = tmp_path / ".temp" / ".orchestrator" / "journal"
    die_at(disk, "fsync", journals)
    with pytest.raises(Died):
        engine.rename(ID, to)
    shutil.copy(journals / f"{to}.jsonl", journals / "completed" / f"{ID}.jsonl")
    engine = open_engine(tmp_path / ".temp")
    tasks = {engine.refresh(task_id).task.id for task_id in sorted((ID, to))}
    assert (tasks, engine.ids()) == ({to}, (to,))


def test_an_archive_takes_the_place_of_its_journal_that_a_power_cut_left_there(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / ".temp", disk := ScriptedDisk())
    engine.create(CREATED, *PLAN)
    journals = tmp_path / ".temp" / ".orchestrator" / "journal"
    die_at(disk, "fsync", journals / "completed")
    with pytest.raises(Died):
        engine.cancel(ID, "Not wanted any more")
    shutil.copy(journals / "completed" / f"{ID}.jsonl", journals / f"{ID}.jsonl")
    engine = open_engine(tmp_path / ".temp")
    assert engine.refresh(ID).task.moving is None
    assert not (journals / f"{ID}.jsonl").exists()


def fail(disk: ScriptedDisk, operation: str, path: Path) -> None:
    """The next such operation fails; later ones do not."""
    failed = False

    def before(number: int, name: str, where: Path) -> None:
        nonlocal failed
        if (name, where) == (operation, path) and not failed:
            failed = True
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(where))

    disk.before = before


def die_at(disk: ScriptedDisk, operation: str, path: Path) -> None:
    def before(number: int, name: str, where: Path) -> None:
        if (name, where) == (operation, path):
            disk.die()

    disk.before = before


def dying(above: Path) -> Disk:
    """At the sync that would make `.temp` durable."""
    disk = ScriptedDisk()
    die_at(disk, "fsync", above)
    return disk


def synced_when_done(temp: Path, task_id: str) -> set[Path]:
    """The folders that another process syncs until the move is over."""
    disk = ScriptedDisk()
    engine: Engine = open_engine(temp, disk)
    assert engine.refresh(task_id).task.moving is None
    engine.close()
    return {path for operation, path in disk.log if operation == "fsync"}
