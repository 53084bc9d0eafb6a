"""`orchestrator log`: what happened, from the journal alone."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.events import (
    BlockerRaised,
    CallSettled,
    Commit,
    DecisionRecorded,
    Event,
    FileChange,
    ItemAdded,
    ItemChecked,
    Life,
    Limits,
    MessageAdded,
    Mode,
    ModelReplied,
    PhaseChanged,
    Receipt,
    Stage,
    TaskCompleted,
)
from orchestrator.history import called
from orchestrator.journal.file import encode
from orchestrator.locks import Lock
from orchestrator.task import Task

from .conftest import Shell, interrupt

RAN = Receipt(id="R1", call="t1", tool="Bash", outcome="error", command="npm test", exit_code=1)
WROTE = Receipt(id="R2", call="t2", tool="Write", outcome="ok", files=(FileChange(path="a.js", after="0" * 64),))
HAPPENED: list[Event] = [
    PhaseChanged(phase="mid\x1b[2Jdle"),
    ItemAdded(id="c1", text="a.js is there"),
    DecisionRecorded(id="D1", decision="One file"),
    BlockerRaised(id="B1", text="No network"),
    CallSettled(receipt=RAN),
    CallSettled(receipt=WROTE),
    ItemChecked(id="c1", evidence=("R2",)),
]
VALUES: dict[Any, Any] = {
    str: "words",
    int: 1,
    Mode: "full",
    Stage: "completed",
    Life: "stopped",
    Receipt: RAN,
    Limits: Limits(turns=3),
}


def journal(shell: Shell, task: Task, *, archived: bool = False) -> Path:
    return shell.temp / ".orchestrator" / "journal" / ("completed" if archived else "") / f"{task.id}.jsonl"


@pytest.fixture
def task(shell: Shell) -> Task:
    """One to which everything happened that the log tells."""
    task = shell.task("Write a.js")
    said = ModelReplied(content=({"type": "text", "text": "I\x1b[1mbegin."},), stop_reason="end_turn", model="m")
    inner = [{"type": "text", "text": "It is written."}]
    result = {"type": "tool_result", "tool_use_id": "t2", "content": inner}
    with shell.engine() as engine:
        engine.lease(task.id).release()
        engine.commit(task.id, [said], actor="worker")
        engine.commit(task.id, [*HAPPENED, MessageAdded(content=(result,))], actor="worker")
    return task


def example(kind: type[Event]) -> Event:
    """An event of that kind, with what it needs."""
    needed = {name: field.annotation for name, field in kind.model_fields.items() if field.is_required()}
    return kind(**{name: VALUES.get(annotation, ()) for name, annotation in needed.items()})


def test_it_tells_what_happened_oldest_first_a_line_an_event(shell: Shell, task: Task) -> None:
    shell.environment["COLUMNS"] = "80"
    ended = shell("log", task.id.lower())
    assert (ended.code, ended.err) == (0, "")
    assert all(len(row) <= 80 for row in ended.out.splitlines())
    day, *rows = ended.out.splitlines()
    assert day == task.started_at[:10] or len(day) == 10
    assert [row.split()[0] for row in rows[:3]] == ["r1", "r2", "r4"]
    assert [row.split()[2] for row in rows[:3]] == ["user", "engine", "worker"]
    assert rows[1][26:].startswith("worker started: pid ")
    assert [rows[0][26:], *(row[26:] for row in rows[2:])] == [
        "created for clerk: Write a.js",
        "phase mid␛[2Jdle",
        "item c1: a.js is there",
        "decision D1: One file",
        "blocker B1: No network",
        "R1 Bash error, exit code 1: npm test",
        "R2 Write ok: created a.js",
        "c1 checked, evidence R2: a.js is there",
    ]


def test_what_the_model_said_and_was_told_is_shown_when_asked_for(shell: Shell, task: Task) -> None:
    assert "begin" not in shell("log", task.id).out
    out = shell("log", task.id, "--all").out
    assert out.index("I␛[1mbegin.") < out.index("R2 Write ok") < out.index("It is written.")


def test_what_a_person_edited_is_the_editor_s(shell: Shell, task: Task) -> None:
    path = shell.temp / f"checklist-{task.id}.md"
    path.write_text(path.read_text().replace("- [x] a.js", "- [ ] a.js"))
    shell("show", task.id)
    (row,) = [row for row in shell("log", task.id).out.splitlines() if "editor" in row]
    assert "c1 unchecked: a.js is there" in row


def test_every_kind_of_event_has_words_or_is_left_out(shell: Shell) -> None:
    kinds = [kind for kind in Event.kinds.values() if kind.__module__.startswith(Commit.__module__.rpartition(".")[0])]
    lines, total = [], ""
    for number, kind in enumerate(kinds, 1):
        line, total = encode(
            Commit(revision=number, at="2026-01-01T00:00:00.000Z", actor="user", events=(example(kind),)), total
        )
        lines.append(line)
    journals = shell.temp / ".orchestrator" / "journal"
    journals.mkdir(parents=True)
    (journals / "K7Q2MX.jsonl").write_bytes(b"".join(lines))
    ended = shell("log", "K7Q2MX")
    assert (ended.code, ended.err) == (0, "")
    assert len(ended.out.splitlines()) == 1 + len(kinds) - 7
    assert not [kind for kind in Event.kinds if kind in ended.out]


def test_as_json_it_is_the_journal_without_its_sums(shell: Shell, task: Task) -> None:
    said = [json.loads(row) for row in shell("log", task.id, "--json").out.splitlines()]
    written = [json.loads(row) for row in journal(shell, task).read_text().splitlines()]
    assert all(row.pop("sum") for row in written)
    assert said == written


def test_a_torn_last_line_is_not_shown(shell: Shell, task: Task) -> None:
    whole = shell("log", task.id).out
    with journal(shell, task).open("ab") as file:
        file.write(journal(shell, task).read_bytes().splitlines(keepends=True)[0][:-1])
    torn = shell("log", task.id)
    assert (torn.code, torn.out, torn.err) == (0, whole, "")


def test_a_bad_line_is_named_after_those_before_it(shell: Shell, task: Task) -> None:
    path = journal(shell, task)
    path.write_bytes(path.read_bytes().replace(b'"epoch":1', b'"epoch":2', 1))
    ended = shell("log", task.id)
    assert ended.code == 1
    assert "created for clerk" in ended.out
    assert "phase" not in ended.out
    assert f"{path}:2: damaged (its checksum does not fit)" in ended.err


def test_a_line_of_another_format_is_not_guessed_at(shell: Shell, task: Task) -> None:
    path = journal(shell, task)
    first, *rest = path.read_bytes().splitlines(keepends=True)
    text = first.rpartition(b',"sum":"')[0].replace(b'"v":1', b'"v":2')
    total = hashlib.sha256(text).hexdigest().encode()
    path.write_bytes(b"".join([text + b',"sum":"' + total + b'"}\n', *rest]))
    assert f"{path}:1: written by a newer orchestrator (line format 2)" in shell("log", task.id).err


def test_it_writes_nothing_and_waits_for_no_lock(shell: Shell, task: Task) -> None:
    lock = Lock(shell.temp / ".orchestrator" / "locks" / f"{task.id}.lock")

    def written() -> dict[Path, tuple[int, ...]]:
        found = {path: path.lstat() for path in shell.temp.rglob("*") if path.is_file()}
        return {path: (row.st_ino, row.st_size, row.st_mtime_ns) for path, row in found.items()}

    before = written()
    with lock.held():
        assert shell("log", task.id).code == 0
    lock.close()
    assert written() == before


def test_a_followed_task_is_told_on_until_it_is_archived(shell: Shell, task: Task) -> None:
    with shell.start("log", task.id, "--follow") as process:
        assert process.stdout
        while "c1 checked" not in process.stdout.readline():
            pass
        with shell.engine() as engine:
            engine.commit(task.id, [PhaseChanged(phase="the end")], actor="worker")
            assert "phase the end" in process.stdout.readline()
            engine.commit(task.id, [TaskCompleted(summary="Done.")], actor="worker")
            engine.archive(task.id)
        out, _ = process.communicate()
    assert process.returncode == 0
    assert out.splitlines()[0].endswith("completed: Done.")
    assert out.splitlines()[-1].endswith("archived")
    assert shell("log", task.id, "--follow").out.endswith(out)


def test_a_followed_task_is_told_on_under_another_name(shell: Shell, task: Task) -> None:
    with shell.start("log", task.id, "--follow") as process, shell.engine() as engine:
        assert process.stdout
        while "c1 checked" not in process.stdout.readline():
            pass
        engine.rename(task.id, "ZZZZZ8")
        renamed = engine.rename("ZZZZZ8", "ZZZZZ9")
        engine.fork(renamed.id, renamed.revision)
        engine.cancel("ZZZZZ9", "enough")
        out, _ = process.communicate()
    said = [row[26:] for row in out.splitlines()]
    assert (process.returncode, called(shell.temp, task.id)) == (0, "ZZZZZ9")
    assert said[:2] == [f"called ZZZZZ8 now, no longer {task.id}", "called ZZZZZ9 now, no longer ZZZZZ8"]
    assert said[-3:] == ["cancelled: enough", "archiving begun", "archived"]


def test_ctrl_c_ends_following_without_a_word(shell: Shell, task: Task) -> None:
    process = shell.start("log", task.id, "--follow", "--json")
    assert process.stdout
    process.stdout.readline()
    ended = interrupt(process)
    assert (ended.code, ended.err) == (0, "")


def test_a_task_that_is_not_there_or_is_kept_by_hand_is_said(shell: Shell) -> None:
    shell.temp.mkdir()
    missing = shell("log", "K7Q2MX")
    assert (missing.code, missing.out) == (2, "")
    assert "no task K7Q2MX" in missing.err
    (shell.temp / "task-status-HAND22.json").write_text("{}")
    (shell.temp / "completed").mkdir()
    (shell.temp / "completed" / "checklist-HAND33.md").write_text("- [ ] one\n")
    for name, place in (("HAND22", "task-status-HAND22.json"), ("HAND33", "completed/checklist-HAND33.md")):
        ended = shell("log", name)
        assert (ended.code, ended.out) == (2, "")
        said = f"task {name} is kept by hand in .temp/{place}: `orchestrator adopt` takes it over"
        assert ended.err == f"orchestrator: {said}\n"
        assert "kept by hand" in shell("why", name).err


def test_of_all_tasks_those_kept_by_hand_are_counted(shell: Shell, task: Task) -> None:
    told = shell("log")
    assert "kept by hand" not in told.err
    (shell.temp / "task-status-HAND22.json").write_text("{}")
    ended = shell("log")
    assert (ended.code, ended.out) == (0, told.out)
    assert ended.err.startswith("orchestrator: 1 task kept by hand has no journal yet: `orchestrator adopt`")
    assert shell("log", "--json").err == ""


def test_it_starts_without_anything_heavy(shell: Shell, task: Task) -> None:
    heavy = "{'pydantic', 'anthropic', 'yaml', 'orchestrator.engine', 'orchestrator.events'}"
    run = f"import sys; from orchestrator.cli import main; main(['log', '{task.id}']); "
    code = f"{run}assert not {heavy} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], cwd=shell.project, check=True, stdout=subprocess.DEVNULL)


def test_without_tasks_it_says_so(shell: Shell) -> None:
    ended = shell("log")
    assert (ended.code, ended.out, ended.err) == (0, f"no tasks in {shell.project}: nothing has happened\n", "")
    assert shell("log", "--json").out == ""
