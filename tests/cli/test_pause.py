"""`orchestrator pause` and `continue`: a task waits until a person has it go on."""

from __future__ import annotations

import json
import os
import re

from orchestrator.events import TaskCreated

from .conftest import Shell
from .test_background import WAITING, begun

ONCE = "[{calls: [{Sync: {raise_blockers: [No ink]}}]}, {say: So I stop.}]"
BLOCKED = f"{ONCE[:-1]}, {{say: No ink.}}, {{say: No pencil.}}]"


def test_a_worker_of_another_process_waits_and_goes_on_as_a_person_wants(shell: Shell) -> None:
    with shell.model(WAITING):
        task = shell("run", "clerk", "Write", "--detach", "--yes").out.strip()
        begun(shell)
        ended = shell("continue", task)
        assert ended.code == 0
        assert re.fullmatch(rf"{task} is not paused: pid \d+ on \S+ is at work\n", ended.out)
        paused = shell("pause", task)
        assert paused.code == 0
        assert re.fullmatch(rf"{task} is paused: pid \d+ on \S+ waits before its next turn\n", paused.out)
        assert shell("pause", "--all").out == "nothing is left to be paused\n"
        assert f"{task}  clerk  paused: planning" in shell("status").out
        assert "a person has paused it" in shell("why", task).out
        assert shell("resume", task).code == 1
        assert shell("pause", task).code == 0
        (shell.project / "go").touch()
        log = shell.temp / ".orchestrator" / "logs" / f"{task}.log"
        while "■ paused" not in log.read_text():
            os.sched_yield()
        ended = shell("continue", task)
        assert ended.code == 0
        assert re.fullmatch(rf"{task} goes on: pid \d+ on \S+ was waiting\n", ended.out)
        assert shell("wait", task).code == 0


def test_what_is_paused_is_begun_only_when_it_is_named(shell: Shell) -> None:
    task = shell.task().id
    assert shell("pause", task).out == f"{task} is paused\n"
    left = f"orchestrator: task {task} is paused: go on with: orchestrator continue {task}\n"
    for words in ([], ["--all"]):
        ended = shell("resume", *words)
        assert (ended.code, ended.out, ended.err) == (0, "", left)
    assert shell("wait", task).code == 130
    for words in (("why", task, "--json"), ("show", task)):
        assert shell(*words).out.count(f"orchestrator continue {task}") == 1
    with shell.model(BLOCKED):
        named = shell("resume", task)
        assert (named.code, "No ink" in named.err) == (3, True)
        assert "paused by a person" in shell("log", task).out
        shell("pause", task)
        ended = shell("continue", task)
        assert (ended.code, ended.out.splitlines()[0]) == (3, f"{task} goes on")
        shell("pause", task)
        ended = shell("continue", task, "Take a pencil")
        assert (ended.code, "paused" in shell("status").out) == (3, False)


def test_all_that_are_paused_go_on_and_an_id_is_no_instruction(shell: Shell) -> None:
    first, second, other = shell.task("Write one"), shell.task("Write two", agent="ghost"), shell.task("Write three")
    shell("pause", first.id, second.id)
    refused = shell("continue", first.id, second.id)
    assert (refused.code, f"{second.id} is a task, too" in refused.err) == (2, True)
    assert shell("continue").code == shell("continue", first.id, "--all").code == 2
    with shell.model(ONCE):
        ended = shell("continue", "--all")
    assert ended.code == 3
    assert {f"{first.id} goes on", f"{second.id} goes on"} < {*ended.out.splitlines()}
    assert "no agent named 'ghost'" in ended.err
    states = {row["task"]: row["state"] for row in json.loads(shell("status", "--json").out)["tasks"]}
    assert states == {first.id: "blocked", second.id: "pending", other.id: "pending"}
    assert shell("continue", "--all").out == f"nothing is paused in {shell.project}\n"


def test_what_a_paused_task_gave_away_is_paused_with_it(shell: Shell) -> None:
    top = shell.task("Have one written").id
    with shell.engine() as engine:
        child = engine.create(TaskCreated(agent="clerk", description="Write one", parent=top)).id
    assert json.loads(shell("pause", "--all", "--json").out) == {"tasks": [{"task": top, "worker": None}]}
    states = {row["task"]: row["state"] for row in json.loads(shell("status", "--json").out)["tasks"]}
    assert states == {top: "paused", child: "paused"}
    assert f"a person has paused {top}, which gave it away" in shell("why", child).out
    assert shell("resume").err.count("is paused") == 1


def test_a_paused_one_goes_on_with_the_one_that_gave_it_away(shell: Shell) -> None:
    top = shell.task("Have one written").id
    with shell.engine() as engine:
        child = engine.create(TaskCreated(agent="clerk", description="Write one", parent=top)).id
    shell("pause", child)
    assert f"orchestrator continue {child}" in shell("show", child).out
    with shell.model(ONCE):
        ended = shell("continue", "--all")
    assert (ended.code, ended.out.splitlines()[0]) == (3, f"{child} goes on")
    states = {row["task"]: row["state"] for row in json.loads(shell("status", "--json").out)["tasks"]}
    assert states == {top: "blocked", child: "pending"}


def test_one_damaged_journal_keeps_no_other_task_from_being_paused(shell: Shell) -> None:
    damaged, other = shell.task("Write one").id, shell.task("Write two").id
    journal = shell.temp / ".orchestrator" / "journal" / f"{damaged}.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"Write", b"Wrote") * 2)
    ended = shell("pause", "--all")
    assert (ended.code, ended.out) == (1, f"{other} is paused\n")
    assert ended.err.count("\n") == 1


def test_what_is_closed_cannot_be_paused(shell: Shell) -> None:
    task = shell.task().id
    shell("cancel", task)
    ended = shell("pause", task)
    refused = f"orchestrator: pause refused: task {task} is cancelled: nobody works on it any more\n"
    assert (ended.code, ended.err) == (1, refused)


def test_without_a_key_nothing_is_recorded(shell: Shell) -> None:
    task = shell.task()
    shell("pause", task.id)
    with shell.engine() as engine:
        before = engine.refresh(task.id).task.revision
    for words in (("continue", task.id, "more"), ("continue", task.id), ("resume", task.id)):
        ended = shell(*words)
        assert ended.code != 0
        assert "no API key" in ended.err
    with shell.engine() as engine:
        assert engine.refresh(task.id).task.revision == before
