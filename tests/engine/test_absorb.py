"""What people do to documents: absorbed, merged, restored or set aside, never lost (invariants 3 to 7)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from orchestrator import system
from orchestrator.documents import file_name
from orchestrator.engine import Engine
from orchestrator.errors import Damaged
from orchestrator.events import (
    EditSetAside,
    ItemAdded,
    ItemChecked,
    Kind,
    MessageAdded,
    PhaseChanged,
    ProseWritten,
    TaskCompleted,
    TaskCreated,
)
from proof.disk import Died, ScriptedDisk
from proof.folder import CREATED, ID, PLAN, all_texts, assert_in_step, open_engine, path_of, text_of


def edit(temp: Path, kind: Kind, old: str, new: str) -> None:
    path = path_of(temp, kind)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def set_aside(temp: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in temp.glob("set-aside-*")}


def test_invariant_3_deleted_documents_come_back_byte_for_byte(engine: Engine, temp: Path) -> None:
    engine.commit(
        ID, [PhaseChanged(phase="building"), ProseWritten(document="plan", text="First this.\n")], actor="worker"
    )
    before = all_texts(temp)
    for path in temp.iterdir():
        if path.is_file():
            path.unlink()
    assert len(engine.refresh(ID).restored) == len(before)
    assert all_texts(temp) == before
    for path in temp.iterdir():
        if path.is_file():
            path.unlink()
    fresh = open_engine(temp)
    fresh.refresh(ID)
    assert all_texts(temp) == before
    fresh.close()


@pytest.mark.parametrize("left", [0, 1, 40, -1, -30])
def test_invariant_4_an_empty_or_cut_off_document_is_restored(engine: Engine, temp: Path, left: int) -> None:
    before = all_texts(temp)
    for path in list(temp.iterdir()):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:left])
    assert len(engine.refresh(ID).restored) == 5
    assert all_texts(temp) == before
    assert engine.refresh(ID).task.revision == 1


def test_invariant_6_an_edit_is_a_commit_of_its_own_before_the_next(engine: Engine, temp: Path) -> None:
    edit(temp, "checklist", "- [ ] Write the model", "- [x] Write the model")
    task = engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    actors = [(commit.revision, commit.actor) for commit in engine.since(ID, 1)]
    assert actors == [(2, "editor"), (3, "worker")]
    assert task.items[0].checked
    assert_in_step(temp, task)


def test_a_secret_somebody_types_into_a_document_is_kept_in_the_private_folder_and_nowhere_else(temp: Path) -> None:
    first = Engine(temp, mask=lambda text: text.replace("hunter22", "[masked PASSWORD]"))
    task_id = first.create(CREATED, *PLAN).id
    path = path_of(temp, "plan", task_id)
    path.write_text(path.read_text().replace("## Plan\n\nNone", "## Plan\n\nLog in with hunter22."))
    typed = path.read_bytes()
    task = first.refresh(task_id).task
    assert task.prose["plan"] == "Log in with [masked PASSWORD]."
    assert "Log in with [masked PASSWORD]." in path.read_text()
    first.close()
    kept = [path for path in temp.rglob("*") if path.is_file() and b"hunter22" in path.read_bytes()]
    assert [(path, path.read_bytes()) for path in kept] == [(temp / name, typed) for name in task.set_aside]


def test_of_each_text_with_a_secret_there_is_what_was_typed_also_where_masked_they_are_the_same(temp: Path) -> None:
    engine = Engine(temp, mask=lambda text: re.sub(r"hunter\d+", "[masked PASSWORD]", text))
    task_id = engine.create(CREATED, *PLAN).id
    path = path_of(temp, "checklist", task_id)
    opened = path.read_text()
    for secret in ("hunter22", "hunter33"):
        path.write_text(opened.replace("# Checklist", f"My password is {secret}.\n\n# Checklist", 1))
        assert "[masked PASSWORD]" in engine.refresh(task_id).task.texts["checklist"]
        assert secret not in path.read_text()
        kept = (temp / ".orchestrator" / "contents").rglob("*")
        assert any(secret in one.read_text() for one in kept if one.is_file())
    engine.close()


def test_an_edit_in_one_document_reaches_all_others(engine: Engine, temp: Path) -> None:
    edit(temp, "plan", "[pending] Models", "[in-progress] Models")
    engine.refresh(ID)
    assert json.loads(text_of(temp, "task-status"))["workstreams"][0]["status"] == "in-progress"
    assert "[in-progress] Models" in text_of(temp, "progress")


def test_prose_typed_anywhere_stays_where_it_was_typed(engine: Engine, temp: Path) -> None:
    edit(temp, "checklist", "- [ ] Write the migration", "Ask Kim first!\n- [ ] Write the migration")
    task = engine.commit(ID, [ItemChecked(id="c2")], actor="user")
    assert "Ask Kim first!\n- [x] Write the migration" in text_of(temp, "checklist")
    assert_in_step(temp, task)


def test_invariant_7_a_stale_document_is_brought_forward_and_never_taken_for_an_edit(
    engine: Engine, temp: Path
) -> None:
    old = all_texts(temp)
    for number in range(40):
        engine.commit(ID, [PhaseChanged(phase=f"phase {number}")], actor="worker")
    now = all_texts(temp)
    revision = engine.refresh(ID).task.revision
    for name, data in old.items():
        (temp / name).write_bytes(data)
    engine.refresh(ID)
    fresh = open_engine(temp)
    assert fresh.refresh(ID).task.revision == revision
    assert all_texts(temp) == now
    fresh.close()


def test_invariant_5_an_edit_in_the_instant_before_the_publish_is_recorded(
    engine: Engine, temp: Path, disk: ScriptedDisk
) -> None:
    """By exchange the text comes out and is recorded; by rename it is found by the look just before."""
    target = path_of(temp, "progress")
    moment = "exchange" if engine._shelf._publisher.exchanging else "create"
    typed: list[str] = []

    def just_before(number: int, operation: str, path: Path) -> None:
        if operation == moment and path.name == target.name and not typed:
            typed.append(target.read_text().replace("# ", "# My ", 1))
            target.write_text(typed[0])

    disk.before = just_before
    task = engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    assert typed
    assert target.read_text().startswith("# My ")
    assert "building" in target.read_text()
    assert [commit.actor for commit in engine.since(ID, 1)] == ["worker", "editor"]
    assert_in_step(temp, engine.refresh(ID).task)
    assert task.phase == "building"


def test_who_saves_faster_than_we_publish_has_the_last_save_in_place(
    engine: Engine, temp: Path, disk: ScriptedDisk
) -> None:
    target = path_of(temp, "progress")
    moment = "exchange" if engine._shelf._publisher.exchanging else "create"
    saves = [f"# Title {number}" for number in range(20)]

    def just_before(number: int, operation: str, path: Path) -> None:
        if operation == moment and path.name == target.name and saves:
            _, rest = target.read_text().split("\n", 1)
            target.write_text(f"{saves.pop(0)}\n{rest}")

    disk.before = just_before
    task = engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    assert not saves
    assert target.read_text().startswith("# Title 19\n")
    assert "building" in target.read_text()
    assert_in_step(temp, task)


def test_broken_json_is_set_aside_and_the_status_restored(engine: Engine, temp: Path) -> None:
    before = text_of(temp, "plan")
    edit(temp, "task-status", '"phase"', '"phase')
    broken = text_of(temp, "task-status")
    task = engine.refresh(ID).task
    assert list(set_aside(temp).values()) == [broken]
    assert task.set_aside == tuple(set_aside(temp))
    assert json.loads(text_of(temp, "task-status"))["phase"] == task.phase
    assert text_of(temp, "plan") == before
    assert_in_step(temp, task)


def test_done_is_the_engines_word_an_edit_that_says_so_is_set_aside(engine: Engine, temp: Path) -> None:
    edit(temp, "task-status", '"status": "pending",\n  "phase"', '"status": "completed",\n  "phase"')
    task = engine.refresh(ID).task
    assert task.status == "pending"
    assert set_aside(temp)
    assert_in_step(temp, task)


def test_what_is_no_file_of_text_is_moved_aside(engine: Engine, temp: Path) -> None:
    before = all_texts(temp)
    replaced: list[Kind] = ["plan", "progress", "checklist", "architecture-notes"]
    for kind in replaced:
        path_of(temp, kind).unlink()
    os.mkfifo(path_of(temp, "plan"))
    path_of(temp, "progress").symlink_to("/etc/passwd")
    path_of(temp, "checklist").mkdir()
    path_of(temp, "architecture-notes").write_bytes(b"\xff\xfe\x00")
    task = engine.refresh(ID).task
    now = all_texts(temp)
    assert {name: now[name] for name in before if "status" not in name} == {
        name: data for name, data in before.items() if "status" not in name
    }
    assert len(task.set_aside) == 4
    events = (event for commit in engine.since(ID, 0) for event in commit.events)
    assert sorted(event.reason for event in events if isinstance(event, EditSetAside)) == [
        "a symbolic link",
        "it is not UTF-8 text",
        "not a regular file",
        "not a regular file",
    ]
    assert_in_step(temp, task)


def test_after_a_power_loss_a_torn_document_is_set_aside_not_obeyed(temp: Path) -> None:
    first = open_engine(temp)
    first.create(CREATED, *PLAN)
    first.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    before = all_texts(temp)
    _power_loss(temp, first)
    torn = path_of(temp, "checklist")
    data = torn.read_bytes()
    torn.write_bytes(data[:20] + b"\n- [ ] Wri" + data[60:])
    os.utime(torn, (system.boot_time() - 100, system.boot_time() - 100))
    again = open_engine(temp)
    task = again.refresh(ID).task
    assert [item.text for item in task.live_items] == ["Write the model", "Write the migration"]
    assert torn.read_bytes() == before[torn.name]
    assert len(set_aside(temp)) == 1
    assert_in_step(temp, task)
    revision = task.revision
    assert again.refresh(ID).task.revision == revision
    again.close()


def test_after_a_power_loss_what_was_modified_since_the_boot_is_an_edit(temp: Path) -> None:
    first = open_engine(temp)
    first.create(CREATED, *PLAN)
    _power_loss(temp, first)
    edit(temp, "checklist", "- [ ] Write the model", "- [x] Write the model")
    again = open_engine(temp)
    assert again.refresh(ID).task.items[0].checked
    again.close()


def test_an_edit_made_after_the_engine_was_closed_and_before_a_restart_is_an_edit(temp: Path) -> None:
    first = open_engine(temp)
    first.create(CREATED, *PLAN)
    first.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    first.close()
    lock = temp / ".orchestrator" / "locks" / f"{ID}.lock"
    lock.write_text(lock.read_text().replace(system.boot(), "another-boot"))
    edit(temp, "checklist", "- [ ] Write the model", "- [x] Write the model")
    os.utime(path_of(temp, "checklist"), (system.boot_time() - 100, system.boot_time() - 100))
    again = open_engine(temp)
    assert again.refresh(ID).task.items[0].checked
    assert not set_aside(temp)
    again.close()


def test_an_edit_that_had_come_out_when_the_process_died_is_recorded(temp: Path, disk: ScriptedDisk) -> None:
    first = open_engine(temp, disk)
    first.create(CREATED, *PLAN)
    target = path_of(temp, "progress")

    def before(number: int, operation: str, path: Path) -> None:
        if operation == "exchange" and path == target:
            target.write_text(target.read_text().replace("# ", "# My ", 1))

    def after(number: int, operation: str, path: Path) -> None:
        if operation == "exchange" and path == target:
            disk.die()

    disk.before, disk.after = before, after
    with pytest.raises(Died):
        first.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    again = open_engine(temp)
    task = again.refresh(ID).task
    assert target.read_text().startswith("# My ")
    assert task.phase == "building"
    assert_in_step(temp, task)
    again.close()


def test_what_a_command_did_to_documents_is_the_commands_not_an_editors(engine: Engine, temp: Path) -> None:
    from orchestrator.completion import missing
    from orchestrator.events import Intent, ModelReplied

    block = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "sed"}}
    intent = Intent(call="t1", tool="Bash", command="sed")
    replied = ModelReplied(content=(block,), stop_reason="tool_use", model="m", intents=(intent,))
    engine.commit(ID, [MessageAdded(content=({"type": "text", "text": "x"},)), replied], actor="worker")
    edit(temp, "checklist", "- [ ] Write the model", "- [x] Write the model")
    task = engine.refresh(ID).task
    assert task.items[0].checked_by == "command"
    assert any("Write the model" in line for line in missing(task))


def test_an_edit_of_an_archived_document_is_kept(engine: Engine, temp: Path) -> None:
    engine.lease(ID).release()
    engine.commit(ID, [*(ItemChecked(id=item.id) for item in PLAN[1:]), TaskCompleted(summary="Done.")], actor="user")
    engine.archive(ID)
    path = temp / "completed" / file_name("plan", ID)
    path.write_text(path.read_text().replace("# ", "# My ", 1))
    task = engine.refresh(ID).task
    assert path.read_text().startswith("# My ")
    assert_in_step(temp, task)


@pytest.mark.parametrize("found", ["text", "no file"])
def test_a_link_to_nothing_stays_where_something_is_set_aside(engine: Engine, temp: Path, found: str) -> None:
    link, path = temp / f"set-aside-task-status-{ID}.json", path_of(temp, "task-status")
    link.symlink_to("nowhere")
    path.unlink()
    if found == "text":
        path.write_text("no JSON")
    else:
        path.mkdir()
    task = engine.refresh(ID).task
    assert link.is_symlink()
    assert task.set_aside == (f"set-aside-task-status-2-{ID}.json",)
    assert (temp / task.set_aside[0]).exists()


def test_a_zero_byte_that_an_agent_says_keeps_nobody_from_editing_and_what_it_said_stays(
    engine: Engine, temp: Path
) -> None:
    said = MessageAdded(content=({"type": "text", "text": "a\0b"},))
    task = engine.commit(ID, [PhaseChanged(phase="a\0b"), said], actor="worker")
    assert (task.phase, task.transcript[-1].content[0]["text"]) == ("a\ufffdb", "a\0b")
    edit(temp, "progress", "# ", "# My ")
    engine.refresh(ID)
    assert text_of(temp, "progress").startswith("# My ")
    assert not set_aside(temp)


def test_a_zero_byte_in_what_a_task_is_for_is_in_no_document(engine: Engine, temp: Path) -> None:
    task = engine.create(TaskCreated(agent="clerk", description="a\0b"), ItemAdded(id="c1", text="c\0d"))
    assert (task.description, task.items[0].text) == ("a\ufffdb", "c\ufffdd")
    assert not any(b"\0" in path.read_bytes() for path in temp.glob(f"*{task.id}*"))


@pytest.mark.parametrize(
    ("kind", "line", "saved"),
    [("checklist", "Write the model", "{}"), ("progress", "\n## ", "\n{}\n\n## ")],
    ids=["a line reworded", "a line added"],
)
def test_who_goes_back_to_what_they_saved_before_gets_it(
    engine: Engine, temp: Path, kind: Kind, line: str, saved: str
) -> None:
    """All the while from one open buffer, which knows nothing of what was recorded since."""
    buffer = text_of(temp, kind)
    assert line in buffer
    for words in ("The first way", "The second way", "The first way", "The second way"):
        path_of(temp, kind).write_text(buffer.replace(line, saved.format(words), 1))
        engine.refresh(ID)
        assert text_of(temp, kind).count(words) == 1
    assert not set_aside(temp)


def _power_loss(temp: Path, engine: Engine) -> None:
    """As after a restart: the lock's mark names another boot, and nothing was synced since."""
    for desk in engine._desks:
        desk.journal.close()
    (temp / ".orchestrator" / "locks" / f"{ID}.lock").write_text("C another-boot 0".ljust(64))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who has a file open for writing")
def test_invariant_5_what_a_program_appends_to_a_document_that_was_replaced_under_it_is_recorded(temp: Path) -> None:
    disk = ScriptedDisk()
    engine = open_engine(temp, disk)
    engine.create(CREATED, *PLAN)
    target = path_of(temp, "progress")
    typing = (
        "import sys; f = open(sys.argv[1], 'a'); print(flush=True); sys.stdin.readline(); f.write('My last word\\n')"
    )
    with subprocess.Popen([sys.executable, "-c", typing, target], stdin=PIPE, stdout=PIPE) as program:
        assert program.stdin
        assert program.stdout
        program.stdout.readline()
        tell = program.stdin.close

        def at_once(number: int, operation: str, path: Path) -> None:
            if operation == "exchange" and path == target:
                tell()

        disk.after = at_once
        task = engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    assert "My last word" in target.read_text()
    assert "building" in target.read_text()
    assert_in_step(temp, engine.refresh(task.id).task)
    engine.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who has a file open for writing")
def test_a_document_that_a_program_keeps_open_for_writing_goes_on_beside_the_new_one(temp: Path) -> None:
    engine = open_engine(temp)
    engine.create(CREATED, *PLAN)
    with path_of(temp, "progress").open("a") as program:
        engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
        program.write("Typed much later\n")
    [row] = engine.refresh(ID).task.set_aside
    assert "Typed much later" in (temp / row).read_text()
    assert "building" in text_of(temp, "progress")
    engine.close()


def test_invariant_5_of_two_edits_around_one_publication_both_are_recorded(
    engine: Engine, temp: Path, disk: ScriptedDisk
) -> None:
    target = path_of(temp, "progress")
    moment = "exchange" if engine._shelf._publisher.exchanging else "move"
    typed: list[str] = []

    def append(number: int, operation: str, path: Path) -> None:
        if (operation, path) == (moment, target) and len(typed) < 2:
            typed.append(f"Word {len(typed)}")
            with target.open("a") as file:
                file.write(f"\n{typed[-1]}\n")

    disk.after = append
    if moment == "exchange":
        disk.before = append
    engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    text = engine.refresh(ID) and target.read_text()
    assert typed
    assert [text.count(word) for word in typed] == [1] * len(typed)


def test_an_edit_recorded_while_another_document_is_still_being_written_is_recorded_once(temp: Path) -> None:
    engine = open_engine(temp)
    engine.create(CREATED, *PLAN)
    with path_of(temp, "progress").open("a") as unfinished:
        with path_of(temp, "plan").open("a") as file:
            file.write("\nMy word\n")
        engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
        unfinished.write("\nMy other word\n")
    engine.refresh(ID)
    assert text_of(temp, "plan").count("My word") == 1
    assert sum(text.count(b"My other word") for text in all_texts(temp).values()) == 1
    engine.close()


def test_an_edit_recorded_by_a_process_that_died_before_it_published_is_recorded_once(temp: Path) -> None:
    open_engine(temp).create(CREATED, *PLAN)
    with path_of(temp, "plan").open("a") as file:
        file.write("\nMy word\n")
    engine = open_engine(temp, disk := ScriptedDisk())

    def dying(number: int, operation: str, path: Path) -> None:
        if operation == "create" and path.name == path_of(temp, "plan").name:
            disk.die()

    disk.before = dying
    with pytest.raises(Died):
        engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    again = open_engine(temp)
    task = again.commit(ID, [PhaseChanged(phase="built")], actor="worker")
    assert text_of(temp, "plan").count("My word") == 1
    assert_in_step(temp, task)
    again.close()


def test_an_item_ticked_unticked_and_ticked_again_by_hand_is_each_time_what_was_typed(
    engine: Engine, temp: Path
) -> None:
    for old, new in (("[ ]", "[x]"), ("[x]", "[ ]"), ("[ ]", "[x]"), ("[x]", "[ ]")):
        edit(temp, "checklist", f"{old} Write the model", f"{new} Write the model")
        assert engine.refresh(ID).task.items[0].checked == (new == "[x]")
        assert f"{new} Write the model" in text_of(temp, "checklist")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who has a file open for writing")
def test_where_names_cannot_be_exchanged_a_document_that_is_just_being_written_is_left_alone(temp: Path) -> None:
    engine = open_engine(temp, portable=True)
    engine.create(CREATED, *PLAN)
    path_of(temp, "plan").unlink()
    with path_of(temp, "checklist").open("w") as editor:
        engine.close()
        editor.write("# Checklist\n\nMy word\n")
    again = open_engine(temp, portable=True)
    again.refresh(ID)
    assert "My word" in text_of(temp, "checklist")
    again.close()


def test_a_journal_whose_last_lines_are_gone_is_damaged_and_no_document_is_taken_for_an_edit(temp: Path) -> None:
    engine = open_engine(temp)
    engine.create(CREATED, *PLAN)
    engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    engine.close()
    journal = temp / ".orchestrator" / "journal" / f"{ID}.jsonl"
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    before = all_texts(temp)
    again = open_engine(temp)
    with pytest.raises(Damaged, match="was published at revision 2: without a backup, take the documents away"):
        again.refresh(ID)
    assert all_texts(temp) == before
    for name in before:
        (temp / name).unlink()
    assert again.refresh(ID).task.revision == 1
    again.close()


def test_a_journal_that_lost_that_its_task_was_archived_is_damaged_too(temp: Path) -> None:
    engine = open_engine(temp)
    engine.create(CREATED, *PLAN)
    engine.cancel(ID, "no need")
    engine.close()
    archived = temp / ".orchestrator" / "journal" / "completed" / f"{ID}.jsonl"
    journal = temp / ".orchestrator" / "journal" / f"{ID}.jsonl"
    journal.write_bytes(archived.read_bytes().splitlines(keepends=True)[0])
    archived.unlink()
    before = all_texts(temp)
    again = open_engine(temp)
    with pytest.raises(Damaged, match=r"completed/.* was published at revision .*: without a backup"):
        again.refresh(ID)
    assert all_texts(temp) == before
    for path in (temp / "completed").iterdir():
        path.unlink()
    assert len(again.refresh(ID).restored) == len(before)
    again.close()


def test_a_journal_that_lost_what_came_after_a_move_had_begun_is_damaged_too(temp: Path) -> None:
    engine = open_engine(temp)
    engine.create(CREATED, *PLAN)
    engine.cancel(ID, "no need")
    engine.reopen(ID)
    engine.close()
    journal = temp / ".orchestrator" / "journal" / f"{ID}.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    begun = next(number for number, line in enumerate(lines) if b'"ArchiveBegun"' in line)
    journal.write_bytes(b"".join(lines[: begun + 1]))
    before = all_texts(temp)
    again = open_engine(temp)
    with pytest.raises(Damaged, match=r"was published at revision .*: without a backup"):
        again.refresh(ID)
    assert all_texts(temp) == before
    again.close()


def test_what_somebody_writes_into_two_documents_at_once_is_true_once(engine: Engine, temp: Path) -> None:
    edit(temp, "plan", "- **models** [pending] Models", "- **models** [pending] Models\n- **api** [pending] API")
    row = '"workstreams": [{"id": "api", "description": "API", "status": "pending"},'
    edit(temp, "task-status", '"workstreams": [', row)
    task = engine.refresh(ID).task
    assert [row.id for row in task.workstreams] == ["models", "api"]
    assert not task.set_aside


@pytest.mark.parametrize("revision", [0, 1])
def test_a_stamp_of_no_revision_that_published_the_document_is_no_hindrance(
    engine: Engine, temp: Path, revision: int
) -> None:
    edit(temp, "checklist", "- [ ] Write the model", "- [x] Write the model")
    edit(temp, "checklist", f"{ID} r1 ", f"{ID} r{revision} ")
    assert engine.refresh(ID).task.items[0].checked
    small = engine.create(CREATED.model_copy(update={"mode": "lightweight"}), task_id="A2B3C4").id
    assert "plan" not in engine.peek(small).documents
    stamp = f"<!-- orchestrator {small} r{revision} sha256:{'0' * 64} -->"
    path_of(temp, "plan", small).write_text(f"# Plan – {small}\n\n## Plan\n\nMine.\n{stamp}\n")
    assert engine.refresh(small).task.prose["plan"] == "Mine."
