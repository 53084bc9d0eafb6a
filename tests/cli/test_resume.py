"""`orchestrator resume`: what was interrupted goes on."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass

import pytest

from orchestrator.events import TaskBlocked, TaskCompleted, TaskCreated, WorkerStarted

from .conftest import Ended, Shell, interrupt, shell_in

WAITING = """
- calls:
    - Sync: {add_items: [{text: The door is heard}]}
    - Bash: {command: cat door}
- calls:
    - Bash: {command: echo heard}
  expect: Command was stopped before it ended
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R3]}]}
    - Finish: {summary: Heard.}
"""


@dataclass
class Story:
    """One task, interrupted in the middle of a command, and resumed."""

    task: str
    second: Ended
    all_of_them: Ended
    at_work: str
    first: Ended
    afterwards: str
    resumed: Ended


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    shell = shell_in(tmp_path_factory.mktemp("story"))
    door = shell.project / "door"
    os.mkfifo(door)
    with shell.model(WAITING):
        process = shell.start("run", "clerk", "Listen at the door", "--yes")
        with door.open("w"):  # opens once the command reads
            (status,) = shell.temp.glob("task-status-*.json")
            task = status.stem[-6:]
            second = shell("resume", task)
            all_of_them = shell("resume", "--all", "--json")
            at_work = shell("status").out
            first = interrupt(process)
        return Story(task, second, all_of_them, at_work, first, shell("status").out, shell("resume", "--yes"))


def test_a_second_run_of_one_task_is_refused_with_who_works_on_it(story: Story) -> None:
    assert story.second.code == 1
    assert re.match(
        rf"orchestrator: task {story.task} is being worked on by pid \d+ on [^ ()]+: `orchestrator wait",
        story.second.err,
    )
    assert len(story.second.err.splitlines()) == 1
    assert story.second.out == ""


def test_resuming_all_tasks_beside_a_run_says_who_works_on_which_with_the_same_exit_code(story: Story) -> None:
    assert story.all_of_them.code == story.second.code
    assert story.all_of_them.err == story.second.err
    (row,) = json.loads(story.all_of_them.out)["tasks"]
    assert (row["task"], row["status"], row["exit_code"]) == (story.task, "in-progress", 1)


def test_ctrl_c_ends_a_run_cleanly_and_says_how_to_resume(story: Story) -> None:
    assert story.first.code == 130
    assert story.first.err == (
        f"orchestrator: interrupted, nothing is lost; resume with: orchestrator resume {story.task} --yes\n"
    )


def test_status_tells_a_task_at_work_from_an_interrupted_one(story: Story) -> None:
    assert re.search(rf"^{story.task}  clerk  in-progress: planning  0/0", story.at_work, re.MULTILINE)
    assert re.search(rf"^{story.task}  clerk  interrupted: planning  0/0", story.afterwards, re.MULTILINE)


def test_the_only_interrupted_task_is_resumed_to_its_end(story: Story) -> None:
    assert story.resumed.code == 0, story.resumed.err
    assert f"{story.task}  clerk resumed" in story.resumed.out
    assert f".temp/completed/checklist-{story.task}.md" in story.resumed.out


@pytest.mark.parametrize("begun", [True, False])
def test_with_nothing_to_resume_it_says_so_and_exits_with_0(shell: Shell, begun: bool) -> None:
    if begun:
        shell.temp.mkdir()
    ended = shell("resume")
    assert (ended.code, ended.out) == (0, f"nothing to resume in {shell.project}\n")
    assert json.loads(shell("resume", "--json").out) == {"tasks": []}
    assert shell.temp.exists() == begun
    assert shell("resume", "K7Q2MX").code == 2


def test_of_several_tasks_one_must_be_named(shell: Shell) -> None:
    tasks = [shell.task("Write one"), shell.task("Write two")]
    ended = shell("resume")
    assert ended.code == 2
    assert ended.err == "orchestrator: 2 tasks can be resumed: name one, or say --all\n"
    assert sorted(ended.out.splitlines()) == sorted(f"{task.id}  clerk  {task.description}" for task in tasks)


def test_all_resumes_every_task_and_tells_of_each(shell: Shell) -> None:
    one, two = shell.task("Write one"), shell.task("Write two", agent="ghost")
    with shell.model("[{calls: [{Sync: {raise_blockers: [No ink]}}]}, {say: So I stop.}]"):
        ended = shell("resume", "--all", "--json")
    said = {row["task"]: row for row in json.loads(ended.out)["tasks"]}
    assert ended.code == 3
    assert said[one.id]["error"].startswith(f"task {one.id} is blocked: No ink")
    assert said[one.id]["status"] == "blocked"
    assert said[two.id]["error"].startswith("no agent named 'ghost'")
    assert said[two.id]["exit_code"] == 2


@pytest.mark.parametrize("words", [[], ["--all"]])
def test_what_an_open_task_gave_away_is_left_to_it_and_limits_are_those_of_the_task_at_the_top(
    shell: Shell, words: list[str]
) -> None:
    top = shell.task("Have one written")
    with shell.engine() as engine:
        child = engine.create(TaskCreated(agent="clerk", description="Write one", parent=top.id))
    with shell.model("[{calls: [{Sync: {raise_blockers: [No ink]}}]}, {say: So I stop.}]"):
        ended = shell("resume", *words, "--max-turns", "7", "--json")
    assert [row["task"] for row in json.loads(ended.out)["tasks"]] == [top.id]
    with shell.engine() as engine:
        assert engine.refresh(top.id).task.limits.turns == 7
        below = engine.refresh(child.id).task
        assert (below.limits.turns, below.epoch) == (None, 0)
        engine.cancel(top.id, "")
    with shell.model("[{calls: [{Sync: {raise_blockers: [No ink]}}]}, {say: So I stop.}]"):
        ended = shell("resume", *words, "--json")
    assert [row["task"] for row in json.loads(ended.out)["tasks"]] == [child.id]


def test_a_parked_task_is_named_with_the_reason_and_begun_again_only_when_it_is_named(shell: Shell) -> None:
    task = shell.task()
    with shell.engine() as engine:
        for epoch in range(1, 5):
            died = "Bash ./crash" if epoch > 1 else None
            engine.commit(task.id, [WorkerStarted(epoch=epoch, holder="a test", died=died)], actor="engine")
        engine.commit(task.id, [TaskBlocked(reason="its worker died")], actor="engine")
    with shell.model("[{calls: [{Sync: {raise_blockers: [No ink]}}]}, {say: So I stop.}]"):
        for words in ([], ["--all"]):
            ended = shell("resume", *words)
            assert ended.code == 3
            assert ended.err == (
                f"orchestrator: task {task.id} is blocked: its worker died; go on with: orchestrator resume {task.id}\n"
            )
        assert "died: Bash ./crash" in shell("log", task.id).out
        named = shell("resume", task.id)
    assert (named.code, "No ink" in named.err) == (3, True)
    assert "goes on, as a person wants" in shell("log", task.id).out


def test_what_is_completed_is_archived_without_a_key(shell: Shell) -> None:
    task = shell.task()
    with shell.engine() as engine:
        engine.commit(task.id, [WorkerStarted(epoch=1, holder="a test")], actor="engine")
        engine.commit(task.id, [TaskCompleted(summary="Done.")], actor="worker")
    ended = shell("resume", task.id.lower())
    assert ended.code == 0, ended.err
    assert (shell.temp / "completed" / f"plan-{task.id}.md").exists()


def test_a_damaged_task_is_named_and_left_alone_and_the_others_are_resumed(shell: Shell) -> None:
    damaged, torn = shell.task("Write one"), shell.task("Write two")
    with shell.engine() as engine:
        for task in (damaged, torn):
            engine.commit(task.id, [WorkerStarted(epoch=1, holder="a test")], actor="engine")
    journals = shell.temp / ".orchestrator" / "journal"
    first, second = (journals / f"{damaged.id}.jsonl").read_bytes().splitlines(keepends=True)
    (journals / f"{damaged.id}.jsonl").write_bytes(first.replace(b"Write", b"Wrote") + second)
    with (journals / f"{torn.id}.jsonl").open("ab") as file:
        file.write(b'{"v":1,"revision":3,"at":"2026-01-01T')
    before = (journals / f"{damaged.id}.jsonl").read_bytes()
    with shell.model("[{calls: [{Sync: {raise_blockers: [No ink]}}]}, {say: So I stop.}]"):
        ended = shell("resume")
    assert ended.code == 3
    assert f"{damaged.id}.jsonl:1: damaged (its checksum does not fit); task {damaged.id} is read-only" in ended.err
    assert "without one" not in ended.err  # no line before it is whole
    assert f"task {torn.id} is blocked" in ended.err
    assert (journals / f"{damaged.id}.jsonl").read_bytes() == before
    shown = shell("show", damaged.id)
    assert shown.code == 1
    assert len(shown.err.splitlines()) == 1


def test_an_unknown_id_and_a_task_kept_by_hand_are_told_apart(shell: Shell) -> None:
    shell.temp.mkdir()
    (shell.temp / "task-status-HAND22.json").write_text('{"agentId": "me"}')
    assert shell("resume", "K7Q2MX").err.startswith(f"orchestrator: no task K7Q2MX in {shell.temp}")
    assert shell("resume", "HAND22").err.startswith("orchestrator: task HAND22 is kept by hand in .temp/task-status")
    assert "is no task id" in shell("resume", "../etc").err
