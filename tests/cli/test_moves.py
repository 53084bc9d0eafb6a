"""`orchestrator cancel`, `reopen`, `continue` and `rename`."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from orchestrator.events import ReferenceAdded, TaskCompleted, TaskCreated, WorkerStarted

from .conftest import Ended, Shell, begin, team

LISTENING = """
- calls:
    - Sync: {add_items: [{text: The door is heard}]}
    - Bash: {command: cat door}
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R2]}, {item: c2, evidence: [R2]}]}
    - Finish: {summary: Heard twice.}
"""
WRITING = """
- calls:
    - Sync: {add_items: [{text: The note is written}]}
    - Write: {file_path: note.txt, content: hello}
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R2]}]}
    - Finish: {summary: The note is written.}
"""
MORE = """
- calls:
    - Write: {file_path: french.txt, content: bonjour}
- calls:
    - Sync: {check_items: [{item: c2, evidence: [R5]}]}
    - Finish: {summary: Both notes are written.}
"""


def listening(shell: Shell, *command: str) -> tuple[str, Ended, Ended]:
    """A task whose worker is in the middle of a call, what somebody types then, and how the worker ends."""
    door = shell.project / "door"
    os.mkfifo(door)
    process = shell.start("run", "clerk", "Listen at the door", "--yes")
    with door.open("w"):  # opens once the command reads
        (status,) = shell.temp.glob("task-status-*.json")
        task = status.stem[-6:]
        said = shell(command[0], task, *command[1:])
    out, err = process.communicate(timeout=60)
    return task, said, Ended(process.returncode, out, err)


def done(shell: Shell) -> str:
    """A completed task."""
    task = shell.task()
    with shell.engine() as engine:
        engine.commit(task.id, [WorkerStarted(epoch=1, holder="a test")], actor="engine")
        engine.commit(task.id, [TaskCompleted(summary="Done.")], actor="worker")
    return task.id


def test_a_cancelled_worker_ends_after_its_call_with_exit_code_5(shell: Shell) -> None:
    with shell.model(LISTENING.split("- calls:\n    - Sync: {check")[0]):
        task, said, worker = listening(shell, "cancel", "The door is gone")
    assert said.code == 0
    assert re.fullmatch(rf"{task} is cancelled: pid \d+ on \S+ ends after its current call\n", said.out)
    assert worker.code == 5
    assert worker.err == (
        f"orchestrator: task {task} was cancelled: The door is gone; `orchestrator reopen {task}` opens it again\n"
    )
    assert f"✗ {task}  cancelled" in worker.out
    assert shell("status").out == "1 archived: --all lists them\n"
    assert re.search(rf"^{task}  clerk  cancelled ", shell("status", "--all").out, re.MULTILINE)
    assert json.loads(shell("status", "--json").out)["tasks"][0]["state"] == "cancelled"
    assert json.loads(shell("show", task, "--json").out)["status"] == "cancelled"
    assert "cancelled: The door is gone\n  open it again with: orchestrator reopen" in shell("show", task).out
    assert "user     cancelled: The door is gone" in shell("log", task).out


def test_a_task_nobody_works_on_is_cancelled_and_archived_at_once_and_only_once(shell: Shell) -> None:
    task = shell.task().id
    assert (shell("cancel", task).out, shell("cancel", task).out) == (
        f"{task} is cancelled\n",
        f"{task} was cancelled already\n",
    )
    said = json.loads(shell("cancel", task, "--json").out)
    assert (said["task"], said["status"], said["worker"]) == (task, "cancelled", None)
    assert said["documents"]
    assert all((shell.project / path).exists() for path in said["documents"])
    assert not [path for path in shell.temp.iterdir() if path.is_file()]


def test_a_cancelled_task_that_is_archived_is_resumed_only_once_it_is_reopened(shell: Shell) -> None:
    task = shell.task().id
    shell("cancel", task)
    ended = shell("resume", task)
    reopen = f"orchestrator reopen {task}"
    said = f"orchestrator: task {task} was cancelled: reopen it first: {reopen}\n"
    assert (ended.code, ended.out, ended.err) == (5, "", said)
    assert shell("reopen", task).code == 0
    assert "it was reopened" in json.loads(shell("why", task, "--json").out)["why"]


def test_what_a_cancelled_task_gave_away_is_named_and_goes_on_by_itself(shell: Shell) -> None:
    with shell.engine() as engine:
        given = team(engine)
        child = begin(engine, given.first, given.lead).id
    said = json.loads(shell("why", child, "--json").out)
    assert said["next"] == [f"orchestrator resume {given.lead}"]
    assert f"go on with: orchestrator resume {given.lead}\n" in shell("show", child).out
    told = shell("cancel", given.lead)
    assert told.out == f"{given.lead} is cancelled\nwhat it gave away stays open: {child}\n"
    assert json.loads(shell("cancel", given.lead, "--json").out)["open"] == [child]
    said = json.loads(shell("why", child, "--json").out)
    assert said["next"] == [f"orchestrator resume {child}"]
    assert f"go on with: orchestrator resume {child}\n" in shell("show", child).out
    assert shell("cancel", child).out == f"{child} is cancelled\n"
    assert json.loads(shell("cancel", given.lead, "--json").out)["open"] == []


def test_what_is_done_cannot_be_cancelled(shell: Shell) -> None:
    task = done(shell)
    ended = shell("cancel", task)
    assert ended.code == 1
    assert ended.err == f"orchestrator: cancel refused: task {task} is completed: there is nothing left to cancel\n"


@pytest.mark.parametrize(
    "words", [["cancel"], ["pause"], ["tell", "Hurry"], ["limit", "--max-turns", "9"], ["continue"]], ids=" ".join
)
def test_what_is_archived_is_called_so_whoever_refuses_it(shell: Shell, words: list[str]) -> None:
    task = done(shell)
    shell("archive", task)
    ended = shell(words[0], task, *words[1:])
    assert (ended.code > 0, f" task {task} is archived: " in ended.err) == (True, True)


def test_more_to_do_reaches_a_worker_at_its_next_turn(shell: Shell) -> None:
    with shell.model(LISTENING):
        task, said, worker = listening(shell, "continue", "Listen again")
    assert said.code == 0
    assert re.fullmatch(rf"{task} has more to do, item c1: pid \d+ on \S+ hears of it at its next turn\n", said.out)
    assert worker.code == 0, worker.err
    assert "More to do (item c1): Listen again" in worker.out
    assert "Heard twice." in worker.out
    assert "item c2: The door is heard" in shell("log", task).out  # what it was just adding came second


def test_a_task_that_is_archived_goes_on_with_what_it_is_told_on_standard_input(shell: Shell) -> None:
    with shell.model(WRITING + MORE):
        assert shell("run", "clerk", "Write a note", "--max-turns", "2").code == 0
        (status,) = (shell.temp / "completed").glob("task-status-*.json")
        task = status.stem[-6:]
        ended = shell("continue", task, "-", "--max-turns", "9", "--json", typed="Write it in French too\n")
    assert ended.code == 0, ended.err
    (said,) = json.loads(ended.out)["tasks"]
    assert (said["task"], said["status"], said["summary"]) == (task, "archived", "Both notes are written.")
    assert f"{task} has more to do, item c2" in ended.err
    shown = json.loads(status.read_text())
    assert [row["instruction"] for row in shown["instructions"]] == ["Write it in French too"]
    assert "item c2: Write it in French too" in shell("log", task).out


def test_to_go_on_with_a_closed_task_it_has_to_be_said_what_is_to_be_done(shell: Shell) -> None:
    task = done(shell)
    ended = shell("continue", task, typed="")
    assert ended.code == 2
    assert ended.err == (f"orchestrator: task {task} is completed: what more is there to do? Give it after the id\n")


def test_reopen_brings_an_archived_task_back_as_stopped(shell: Shell) -> None:
    task = done(shell)
    (shell.temp / f"REPORT-{task}.md").write_text("a report\n")
    assert shell("archive", task).code == 0
    ended = shell("--project", str(shell.project), "reopen", task.lower())
    assert ended.code == 0, ended.err
    assert ended.out.startswith(f"{task} is open again:\n")
    assert f"orchestrator --project {shell.project} resume {task}" in ended.out
    assert not list((shell.temp / "completed").iterdir())
    assert (shell.temp / f"REPORT-{task}.md").read_text() == "a report\n"
    assert re.search(rf"^{task}  clerk  stopped: reopened ", shell("status").out, re.MULTILINE)
    assert json.loads(shell("why", task, "--json").out)["why"][0] == "it was reopened"
    again = shell("reopen", task)
    assert again.code == 1
    assert again.err == (
        f"orchestrator: reopen refused: task {task} is stopped, so it is open: orchestrator resume {task}\n"
    )


def test_rename_takes_documents_companions_and_references_along(shell: Shell) -> None:
    task = shell.task().id
    with shell.engine() as engine:
        reference = ReferenceAdded(task=task, document="plan")
        other = engine.create(TaskCreated(agent="clerk", description="Read it"), reference).id
    (shell.temp / f"REPORT-{task}.md").write_text("a report\n")
    said = json.loads(shell("rename", task, "n2w3d4", "--json").out)
    assert (said["task"], said["previous"]) == ("N2W3D4", task)
    assert all((shell.project / path).exists() for path in said["documents"])
    assert (shell.temp / "REPORT-N2W3D4.md").exists()
    assert not list(shell.temp.glob(f"*{task}*"))
    assert "plan of N2W3D4" in shell("show", other).out
    assert f"{task}, which it refers to, is called N2W3D4 now" in shell("log", other).out
    assert f"called N2W3D4 now, no longer {task}" in shell("log", "N2W3D4").out
    assert shell("rename", other, "N2W3D4").err == "orchestrator: rename refused: the id N2W3D4 is taken\n"
    assert re.match(rf"{other} is called \w{{6}} now:\n", shell("rename", other).out)
    assert shell("doctor").out.count("in step with their journals") == 1


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["rename", "TASK", "HELLO1"], 1, "rename refused: 'HELLO1' cannot be an id"),
        (["rename", "TASK", "short"], 2, "Invalid value for '[NEW]': 'short' is no task id"),
        (["continue", "TASK", " "], 2, "the instruction is empty"),
        *(([name, "K7Q2MZ"], 2, "no task K7Q2MZ in ") for name in ("cancel", "reopen", "rename")),
        (["continue", "K7Q2MZ", "more"], 2, "no task K7Q2MZ in "),
        *(([name, "HANDY2"], 2, "task HANDY2 is kept by hand") for name in ("cancel", "reopen", "rename")),
        (["continue", "HANDY2", "more"], 2, "task HANDY2 is kept by hand"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said_in_a_line_and_changes_nothing(
    shell: Shell, command: list[str], code: int, said: str
) -> None:
    task = shell.task().id
    (shell.temp / "task-status-HANDY2.json").write_text('{"agentId": "somebody", "taskId": "HANDY2"}')
    before = everything(shell.temp)
    ended = shell(*(word.replace("TASK", task) for word in command))
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(f"orchestrator: {said}")
    assert ended.err.count("\n") == 1
    assert everything(shell.temp) == before


def everything(temp: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in temp.rglob("*") if path.is_file() and path.suffix != ".lock"}


def test_a_task_at_work_is_not_renamed(shell: Shell) -> None:
    task = shell.task().id
    with shell.engine() as engine:
        lease = engine.lease(task)
        ended = shell("rename", task)
        lease.release()
    assert ended.code == 1
    assert re.match(
        rf"orchestrator: task {task} is being worked on by pid \d+ on \S+: `orchestrator wait {task}` waits", ended.err
    )
