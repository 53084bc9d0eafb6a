"""`show --at`, `diff`, `blame`, `at`, `fork` and `log` without an ID: how a task came to be what it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.events import ItemAdded, ItemChecked, PhaseChanged, TaskCancelled
from orchestrator.task import Task

from .conftest import Shell, begin, team

BEFORE = "2020-01-01"


@pytest.fixture
def task(shell: Shell) -> Task:
    """At revision 3: r2 adds an item that could steer a terminal, r3 ticks it."""
    task = shell.task("Write a note")
    with shell.engine() as engine:
        engine.commit(task.id, [ItemAdded(id="c1", text="ink \x1b[2J\u202e")], actor="user")
        return engine.commit(task.id, [ItemChecked(id="c1"), PhaseChanged(phase="drying")], actor="user")


def journal(shell: Shell, task: Task) -> Path:
    return shell.temp / ".orchestrator" / "journal" / f"{task.id}.jsonl"


def spoil(path: Path, line: int) -> None:
    """Change a line of a journal that others follow."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[: line - 1], lines[line - 1].replace(b'"at"', b'"At"'), *lines[line:]]))


def test_a_task_is_shown_as_it_was(shell: Shell, task: Task) -> None:
    shell.environment["COLUMNS"] = "80"
    ended = shell("show", task.id, "--at", "r2")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[1].startswith("  as it was at r2, 20")
    assert "Items 0/1" in ended.out
    assert "go on with" not in ended.out
    assert all(len(row) <= 80 for row in ended.out.splitlines())
    told = json.loads(shell("show", task.id, "--at", "2", "--json").out)
    assert (told["revision"], told["phase"], told["items"][0]["checked"]) == (2, "planning", False)


def test_a_document_is_shown_as_it_stood_on_the_disk_and_nothing_is_recorded(shell: Shell, task: Task) -> None:
    path = shell.temp / f"checklist-{task.id}.md"
    now = path.read_text()
    path.write_text("edited")
    told = json.loads(shell("show", task.id, "checklist", "--at", "3", "--json").out)
    assert (told["text"], told["exact"], told["revision"]) == (now, True, 3)
    assert path.read_text() == "edited"
    assert "\x1b" not in shell("show", task.id, "checklist", "--at", "2").out


def test_diff_tells_what_changed_in_each_document(shell: Shell, task: Task) -> None:
    ended = shell("diff", task.id, "2", "r3")
    assert (ended.code, ended.err) == (0, "")
    assert f"--- checklist-{task.id}.md r2\n+++ checklist-{task.id}.md r3\n" in ended.out
    assert "\n-- [ ] ink ␛[2J<U+202E>\n+- [x] ink ␛[2J<U+202E>\n" in ended.out
    told = json.loads(shell("diff", task.id, "3", "2", "--json").out)
    assert (told["from"], told["to"]) == (3, 2)
    changes = {row["document"]: row["change"] for row in told["documents"]}
    assert changes == dict.fromkeys(("checklist", "plan", "progress", "task-status"), "modified")


def test_diff_up_to_now_has_what_was_just_edited(shell: Shell, task: Task) -> None:
    path = shell.temp / f"plan-{task.id}.md"
    path.write_text(path.read_text().replace("## Plan\n\nNone", "## Plan\n\nBlue ink"))
    ended = shell("diff", task.id, "3")
    assert "+Blue ink\n" in ended.out
    assert "recorded what was edited by hand" in ended.err


def test_nothing_changed_is_said(shell: Shell, task: Task) -> None:
    ended = shell("diff", task.id, "3", "3")
    assert (ended.code, ended.out) == (0, "")
    assert f"no document of {task.id} changed between r3 and r3" in ended.err


def test_blame_tells_who_wrote_each_line(shell: Shell, task: Task) -> None:
    shell.environment["COLUMNS"] = "80"
    path = shell.temp / f"checklist-{task.id}.md"
    path.write_text(path.read_text().replace("## Items", "Kim was here\n\n## Items"))
    rows = shell("blame", task.id, "checklist").out.splitlines()
    assert all(len(row) <= 80 for row in rows)
    assert rows[0].split()[:2] == ["r1", "user"]
    (typed,) = (row for row in rows if "Kim was here" in row)
    assert typed.split()[:2] == ["r4", "editor"]
    told = json.loads(shell("blame", task.id, "checklist", "--json").out)["lines"]
    assert [row["line"] for row in told] == list(range(1, len(told) + 1))
    (ticked,) = (row for row in told if "[x] ink" in row["text"])
    assert (ticked["revision"], ticked["actor"], ticked["receipt"], ticked["tool"]) == (3, "user", None, None)
    assert not any("\x1b" in row for row in rows)


def test_at_lists_the_tasks_as_they_were(shell: Shell, task: Task) -> None:
    moment = json.loads(shell("show", task.id, "--at", "2", "--json").out)["updated"]
    with shell.engine() as engine:
        engine.commit(task.id, [TaskCancelled(reason="no ink")], actor="user")
        engine.archive(task.id)
    told = json.loads(shell("at", moment, "--json").out)
    (row,) = told["tasks"]
    assert (told["at"], row["task"], row["state"], row["items"]) == (
        moment,
        task.id,
        "pending",
        {"done": 0, "total": 1},
    )
    assert row["updated"] == moment
    names = [
        path.name for path in sorted((shell.temp / "completed").glob(f"*-{task.id}.*")) if "summary" not in path.name
    ]
    assert sorted(row["documents"]) == names
    shown = shell("at", moment).out
    assert task.id in shown
    assert "a document of it: orchestrator show ID plan --at 20" in shown
    assert shell("at", BEFORE).out.startswith("no tasks yet at 2020-01-01 00:00:00")
    assert json.loads(shell("at", BEFORE, "--json").out)["tasks"] == []


def test_the_log_of_all_tasks_is_in_the_order_of_time(shell: Shell, task: Task) -> None:
    other = shell.task("Another note")
    with shell.engine() as engine:
        engine.commit(task.id, [PhaseChanged(phase="dry")], actor="user")
    rows = [json.loads(row) for row in shell("log", "--json").out.splitlines()]
    assert [(row["task"], row["revision"]) for row in rows] == [
        *((task.id, revision) for revision in (1, 2, 3)),
        (other.id, 1),
        (task.id, 4),
    ]
    shown = shell("log").out
    assert [row.split()[0] for row in shown.splitlines()[1:] if row[0] != " "] == [row["task"] for row in rows]
    assert "\x1b" not in shown


def test_a_damaged_journal_is_named_and_the_others_are_told(shell: Shell, task: Task) -> None:
    other = shell.task("Another note")
    spoil(journal(shell, task), 2)
    logged = shell("log", "--json")
    assert [json.loads(row)["task"] for row in logged.out.splitlines()] == [task.id, other.id]
    listed = shell("at", other.started_at, "--json")
    assert [row["task"] for row in json.loads(listed.out)["tasks"]] == [other.id]
    for ended in (logged, listed, shell("show", task.id, "--at", "2"), shell("blame", task.id, "plan")):
        assert ended.code == 1
        assert "2: damaged (" in ended.err
        assert ended.err.count("\n") == 1
    assert shell("show", task.id, "--at", "1").code == 0


def test_fork_starts_a_new_task_and_both_logs_say_so(shell: Shell, task: Task) -> None:
    shell.environment["COLUMNS"] = "80"
    ended = shell("fork", task.id, "--at", "r2")
    assert (ended.code, ended.err) == (0, "")
    name = ended.out[:6]
    assert ended.out.startswith(f"{name} is forked from {task.id} at r2:\n  .temp/architecture-notes-{name}.md\n")
    assert ended.out.endswith(f"go on with: orchestrator resume {name}\n")
    assert f"user     forked from {task.id} at r2" in shell("log", name).out
    assert f"engine   refers to task-status of {name}" in shell("log", task.id).out
    told = json.loads(shell("fork", name, "--json").out)
    assert told["forked"] == {"task": name, "revision": 4}
    assert all((shell.project / path).exists() for path in told["documents"])


def test_the_fork_of_what_was_given_away_stands_for_itself(shell: Shell) -> None:
    with shell.engine() as engine:
        given = team(engine)
        child = begin(engine, given.first, given.lead).id
    fork = json.loads(shell("fork", child, "--json").out)["task"]
    assert json.loads(shell("why", fork, "--json").out)["next"] == [f"orchestrator resume {fork}"]
    assert f"go on with: orchestrator resume {fork}\n" in shell("show", fork).out
    parents = {row["task"]: row["parent"] for row in json.loads(shell("status", "--json").out)["tasks"]}
    assert (parents[child], parents[fork]) == (given.lead, None)
    ended = shell("resume")
    assert ended.code == 2
    assert {line[:6] for line in ended.out.splitlines()} == {given.lead, fork}


def test_a_task_whose_journal_is_damaged_can_be_forked_from_before_the_fault(shell: Shell, task: Task) -> None:
    path = shell.temp / ".orchestrator" / "journal" / f"{task.id}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join((lines[0], lines[1].replace(b"2", b"3", 1), *lines[2:])))
    damaged = path.read_bytes()
    then = json.loads(shell("show", task.id, "--at", "r1", "--json").out)
    (offered,) = re.findall(r"without one, `orchestrator (.+)` goes on", shell("cancel", task.id).err)
    ended = shell(*offered.split())
    assert (ended.code, ended.err) == (0, "")
    name = ended.out[:6]
    assert f"user     forked from {task.id} at r1" in shell("log", name).out
    told = json.loads(shell("show", name, "--json").out)
    assert (told["forked"], told["phase"]) == ({"task": task.id, "revision": 1}, then["phase"])
    for words in (("--at", "r2"), ()):
        ended = shell("fork", task.id, *words)
        assert (ended.code, f"{path}:2: damaged" in ended.err) == (1, True)
    assert path.read_bytes() == damaged


WRONG = [
    (("show", "ID", "--at", "9"), "task ID has no revision 9: it is at 3"),
    (("show", "ID", "--at", BEFORE), "task ID was not there yet: it was created at 20"),
    (("show", "ID", "--at", "soon"), "'soon' is neither a revision, such as r5, nor a time"),
    (("show", "ID", "--at", "2999-01-01"), "'2999-01-01' is still to come"),
    (("show", "ID", "--at", "0001-01-01T00:00+23:00"), "neither a revision"),
    (("show", "ZZZZZ9", "--at", "1"), "no task ZZZZZ9 in "),
    (("show", "ID", "summary", "--at", "1"), "task ID has no completion-summary: it keeps "),
    (("diff", "ID", "1", "7"), "task ID has no revision 7"),
    (("fork", "ID", "--at", "9"), "task ID has no revision 9"),
    (("blame", "ID", "song"), "'song' names no document"),
    (("blame", "ZZZZZ9", "plan"), "no task ZZZZZ9 in "),
    (("at", "r2"), "'r2' is not a time"),
    (("log", "--follow"), "--follow needs an ID"),
]


def test_what_cannot_be_is_one_line(
    shell: Shell, task: Task, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shell.project)
    for words, said in WRONG:
        code = main([task.id if word == "ID" else word for word in words])
        told = capfd.readouterr()
        assert (code, told.out) == (2, ""), words
        assert said.replace("task ID", f"task {task.id}") in told.err, words
        assert told.err.count("\n") == 1, words
