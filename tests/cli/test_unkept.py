"""Documents without a journal: it is gone, or never was here, or they are kept by hand; every command says the same."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.task import Task
from proof.disk import Died, ScriptedDisk
from proof.folder import open_engine

from .conftest import Shell
from .test_watch import watching

NAMED = (("show",), ("why",), ("resume",), ("log",), ("show", "--at", "r1"), ("watch",))


@pytest.fixture(params=[False, True], ids=["open", "archived"])
def task(shell: Shell, request: pytest.FixtureRequest) -> Task:
    task = shell.task()
    with shell.engine() as engine:
        return engine.cancel(task.id, "no need") if request.param else task


def journal(task: Task) -> Path:
    return Path(".temp/.orchestrator/journal", "completed" if task.archived else "", f"{task.id}.jsonl")


def row(shell: Shell, task_id: str) -> tuple[bool, str | None]:
    """What `status` says of who keeps it, and of what is wrong."""
    (found,) = [row for row in json.loads(shell("status", "--json").out)["tasks"] if row["task"] == task_id]
    return found["by_hand"], found["problem"]


def journals(shell: Shell) -> dict[str, str]:
    """What `doctor` says of journals, and how bad that is."""
    checks = json.loads(shell("doctor", "--json").out)["checks"]
    return {row["said"]: row["state"] for row in checks if row["check"] == "journals"}


def findings(shell: Shell) -> list[tuple[str, str, str]]:
    said = json.loads(shell("check", "--json").out)
    assert not any(row["by_hand"] for row in said["tasks"])
    return [(row["rule"], row["severity"], row["says"]) for row in said["findings"]]


def watched(shell: Shell, task: Task, state: str) -> None:
    if task.archived:
        return
    with watching(shell) as watch:
        watch.standing(task.id, state=f"{task.status} ({state})")


def test_a_journal_that_is_gone_is_named_by_every_command_until_its_task_is_adopted(shell: Shell, task: Task) -> None:
    (shell.project / journal(task)).unlink()
    said = (
        f"the journal of task {task.id} is gone: bring {journal(task)} back from a backup, "
        "or `orchestrator adopt` takes its documents over, from revision 1"
    )
    assert journals(shell) == {said: "problem"}
    assert row(shell, task.id) == (False, said)
    assert findings(shell) == [("no-journal", "error", said)]
    assert (shell("log").code, shell("log").err) == (1, f"orchestrator: {said}\n")
    then = shell("at", "2020-01-01")
    assert (then.code, then.err) == (1, f"orchestrator: {said}\n")
    for words in NAMED:
        ended = shell(words[0], task.id, *words[1:])
        assert (ended.code, ended.out, ended.err) == (1, "", f"orchestrator: {said}\n")
    shown = shell("status", "--all").out
    assert "clerk (journal gone)" in shown
    assert said in shown
    watched(shell, task, "journal gone")
    assert shell("adopt").code == 0
    assert set(journals(shell).values()) == {"ok"}
    assert row(shell, task.id) == (False, None)
    assert shell("show", task.id).code == 0


def test_a_copy_without_journals_stays_one_when_other_tasks_are_begun_there(shell: Shell, task: Task) -> None:
    shutil.rmtree(shell.temp / ".orchestrator")  # as in a copy that git made
    said = (
        f"the journal of task {task.id} is not here, as in a copy made by git: bring {journal(task)} along, "
        "or `orchestrator adopt` takes its documents over, from revision 1"
    )
    for _ in range(2):
        assert journals(shell)[said] == "note"
        assert row(shell, task.id) == (False, said)
        assert findings(shell) == []
        told = shell("log")
        assert (told.code, told.err) == (0, f"orchestrator: {said}\n")
        assert shell("at", "2020-01-01").code == 0
        for words in NAMED:
            ended = shell(words[0], task.id, *words[1:])
            assert (ended.code, ended.out, ended.err) == (2, "", f"orchestrator: {said}\n")
        shown = shell("status", "--all").out
        assert "clerk (copy)" in shown
        assert said not in shown
        watched(shell, task, "copy")
        shell.task()
    assert shell("adopt").code == 0
    assert set(journals(shell).values()) == {"ok"}


def test_a_renaming_that_a_death_cut_short_is_named_and_no_task_is_there_twice(shell: Shell, task: Task) -> None:
    disk, new = ScriptedDisk(), shell.temp / ".orchestrator/journal/N2W3D4.jsonl"

    def die(number: int, operation: str, path: Path) -> None:
        if new.exists() and operation == "move":
            disk.die()

    disk.before = die
    with suppress(Died):
        open_engine(shell.temp, disk).rename(task.id, "N2W3D4")
    said = (
        f"task {task.id} is called N2W3D4 now, and its renaming is not finished: "
        "`orchestrator show N2W3D4` goes on with it"
    )
    assert disk.dead
    assert journals(shell) == {said: "problem"}
    assert row(shell, task.id) == (False, said)
    assert ("half-renamed", "error", said) in findings(shell)
    for words in NAMED:
        ended = shell(words[0], task.id, *words[1:])
        assert (ended.code, ended.out, ended.err) == (2, "", f"orchestrator: {said}\n")
    assert "clerk (being renamed)" in shell("status", "--all").out
    assert json.loads(shell("adopt", "--dry-run", "--json").out)["tasks"] == []
    assert (shell("adopt").code, shell("check").code) == (0, 0)
    assert set(journals(shell).values()) == {"ok"}
    assert [row["task"] for row in json.loads(shell("status", "--json").out)["tasks"]] == ["N2W3D4"]


def test_several_copies_are_told_together(shell: Shell) -> None:
    for _ in range(2):
        shell.task()
    shutil.rmtree(shell.temp / ".orchestrator")
    said = (
        "the journals of 2 tasks are not here, as in a copy made by git: bring .temp/.orchestrator along, "
        "or `orchestrator adopt` takes their documents over, from revision 1"
    )
    assert journals(shell)[said] == "note"
    assert shell("log").err == f"orchestrator: {said}\n"
