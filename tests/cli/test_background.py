"""`run --detach`, `wait`, `tell` and `stop`: work that goes on elsewhere."""

from __future__ import annotations

import json
import os

import pytest

from orchestrator.events import TaskBlocked, WorkerStarted

from .conftest import Shell
from .test_settings import WORK

SLEEP = """
- calls:
    - Sync: {add_items: [{text: The task is understood}]}
    - Bash: {command: 'touch begun; exec sleep 600'}
"""
WAITING = """
- calls:
    - Sync: {add_items: [{text: The task is understood}]}
    - Bash: {command: 'touch begun; until test -e go; do sleep 0.01; done'}
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R2]}]}
    - Finish: {summary: Understood.}
"""


def begun(shell: Shell) -> None:
    """Waits until the command of the play runs."""
    while not (shell.project / "begun").exists():
        os.sched_yield()


def test_a_detached_run_goes_on_by_itself_and_can_be_waited_for(shell: Shell) -> None:
    with shell.model(WORK):
        ended = shell("run", "clerk", "Write", "--detach", "--allow", "Bash(true)")
        assert ended.code == 0
        task_id = ended.out.strip()
        waited = shell("wait", task_id)
    assert (waited.code, waited.out, waited.err) == (0, f"{task_id}  clerk is completed\n", "")
    log = shell.temp / ".orchestrator" / "logs" / f"{task_id}.log"
    assert f"what it says is in .temp/.orchestrator/logs/{task_id}.log" in ended.err
    assert "Understood." in log.read_text()
    renamed = json.loads(shell("rename", task_id, "--json").out)["task"]
    assert "Understood." in log.with_name(f"{renamed}.log").read_text()
    assert "detached" not in shell("prune").out
    os.utime(log.with_name(f"{renamed}.log"), (0, 0))
    assert "what detached workers of archived tasks said" in shell("prune").out
    assert list(log.parent.iterdir()) == []


def test_a_detached_run_that_cannot_begin_says_why(shell: Shell) -> None:
    with shell.model("- {say: Nothing, fault: {status: 401}}"):
        (shell.project / "orchestrator.toml").write_text("max_turns = 3\n")
        task_id = json.loads(shell("run", "clerk", "Write", "--detach", "--json").out)["task"]
        assert shell("wait", task_id, "--json").code == 1
    assert "refused the API key" in (shell.temp / ".orchestrator" / "logs" / f"{task_id}.log").read_text()


def test_a_message_reaches_the_agent_at_its_next_turn(shell: Shell) -> None:
    with shell.model(WAITING) as server:
        task_id = shell("run", "clerk", "Write", "--detach", "--yes").out.strip()
        begun(shell)
        told = shell("tell", task_id, "The key is sk-ant-api03-" + "a" * 20)
        assert (told.code, told.out) == (0, f"{task_id} hears of it at its next turn\n")
        (shell.project / "go").touch()
        assert shell("wait", task_id).code == 0
        said = json.dumps(server.requests[1]["messages"][-1])
    assert "A person: The key is" in said
    closed = shell("tell", task_id, "More")
    assert (closed.code, closed.err.count("\n")) == (1, 1)


def test_stop_ends_a_worker_of_another_process_and_its_command_at_once_and_resume_goes_on(shell: Shell) -> None:
    with shell.model(SLEEP):
        task_id = shell("run", "clerk", "Write", "--detach", "--yes").out.strip()
        begun(shell)
        stopped = json.loads(shell("stop", task_id, "--json").out)["tasks"]
        assert [row["task"] for row in stopped] == [task_id]
        assert stopped[0]["worker"]
        waited = shell("wait", task_id, "--json")
    assert waited.code == 130
    assert json.loads(waited.out) == {"tasks": [{"task": task_id, "agent": "clerk", "status": "stopped"}]}
    with shell.engine() as engine:
        task = engine.refresh(task_id).task
        assert (engine.folder.running(task_id), engine.at_work(task_id)) == ((), None)
    assert task.reason == "stopped by a person"
    assert shell("stop", "--all").out == "nothing was at work\n"


@pytest.mark.parametrize("command", ["pause", "stop", "wait"])
def test_which_tasks_are_meant_has_to_be_said(shell: Shell, command: str) -> None:
    shell.task()
    for words in ([], ["--all", shell.task().id], ["AAAAA2"]):
        ended = shell(command, *words)
        assert (ended.code, ended.err.count("\n")) == (2, 1)


def test_stop_leaves_what_nobody_works_on_as_it_is(shell: Shell) -> None:
    blocked = shell.task()
    with shell.engine() as engine:
        engine.commit(
            blocked.id,
            [WorkerStarted(epoch=1, holder="a test"), TaskBlocked(reason="the key is missing")],
            actor="user",
        )
    waiting = shell.task("Wait for the other")
    assert shell("stop", "--all").out == f"{waiting.id} is stopped\n"
    assert shell("stop", blocked.id).out == "nothing was at work\n"
    with shell.engine() as engine:
        assert engine.refresh(blocked.id).task.reason == "the key is missing"


@pytest.mark.parametrize("words", [("stop", "--all"), ("wait", "--all"), ("graph",)])
def test_one_damaged_journal_is_named_and_the_others_are_looked_after(shell: Shell, words: tuple[str, ...]) -> None:
    damaged, sound = sorted((shell.task(), shell.task()), key=lambda task: task.id)
    journal = shell.temp / ".orchestrator" / "journal" / f"{damaged.id}.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"clerk", b"clark") + journal.read_bytes())
    ended = shell(*words)
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert f"{damaged.id}.jsonl:1: damaged" in ended.err
    assert sound.id in ended.out
    assert (f"{damaged.id} · unreadable" in ended.out) == (words == ("graph",))


@pytest.mark.parametrize("command", ["stop", "wait"])
def test_a_task_kept_by_hand_is_no_work_to_look_after(shell: Shell, command: str) -> None:
    shell.temp.mkdir()
    (shell.temp / "task-status-K7Q2MX.json").write_text(
        '{"agentId": "me", "taskId": "K7Q2MX", "status": "in-progress"}'
    )
    ended = shell(command, "--all")
    assert (ended.code, ended.err) == (0, "")
