"""`orchestrator status`: what there is, from the documents alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from orchestrator.cli.status import MOST
from orchestrator.events import ItemAdded, PhaseChanged, TaskCompleted, TaskCreated, WorkerStarted

from .conftest import Shell, begin, team

SHAPE = {"task", "agent", "parent", "state", "phase", "items", "cost_usd", "total_cost_usd", "updated"}
SHAPE |= {"description", "archived"}
SHAPE |= {"by_hand", "problem"}


@pytest.fixture
def full(shell: Shell) -> Shell:
    """A folder with a task of each sort."""
    waiting, interrupted, done = shell.task("Wait"), shell.task("Work\x1b[2J on"), shell.task("Be done")
    with shell.engine() as engine:
        for task in (interrupted, done):
            engine.commit(task.id, [WorkerStarted(epoch=1, holder="a test")], actor="engine")
        engine.commit(interrupted.id, [PhaseChanged(phase="middle"), ItemAdded(id="c1", text="one")], actor="worker")
        engine.commit(done.id, [TaskCompleted(summary="Done.")], actor="worker")
        engine.archive(done.id)
    hand = {"agentId": "Someone", "taskId": "HAND22", "status": "in_progress", "description": "By hand"}
    (shell.temp / "task-status-HAND22.json").write_text(json.dumps(hand))
    (shell.temp / "checklist-HAND22.md").write_text("- [x] one\n- [ ] two\n* [X] three\n")
    (shell.temp / "task-status-BROKE2.json").write_text('{"agentId": ')
    os.mkfifo(shell.temp / "task-status-PIPED2.json")
    shell.environment |= {"WAITING": waiting.id, "INTERRUPTED": interrupted.id, "DONE": done.id}
    return shell


def test_every_task_has_its_state_also_those_kept_by_hand_and_unreadable_ones(full: Shell) -> None:
    ended = full("status", "--json")
    said = json.loads(ended.out)
    rows = {row["task"]: row for row in said["tasks"]}
    assert said["project"] == str(full.project)
    assert all(set(row) == SHAPE for row in rows.values())
    assert rows[full.environment["WAITING"]]["state"] == "pending"
    assert rows[full.environment["INTERRUPTED"]]["state"] == "interrupted"
    assert rows[full.environment["INTERRUPTED"]]["items"] == {"done": 0, "total": 1}
    assert rows[full.environment["DONE"]]["state"] == "archived"
    assert rows["HAND22"]["by_hand"]
    assert rows["HAND22"]["state"] == "in_progress"
    assert rows["HAND22"]["items"] == {"done": 2, "total": 3}
    assert rows["BROKE2"]["state"] == "unreadable"
    assert rows["BROKE2"]["problem"] == "not valid JSON, line 1"
    assert rows["PIPED2"]["problem"] == "not a regular file"


@pytest.mark.parametrize(
    ("garbage", "problem"),
    [
        (b"\xff\xfe- [x] one\n", "not UTF-8 text"),
        (b"- [x] one\0\n", "it holds zero bytes"),
        (None, "not a regular file"),
    ],
)
def test_a_checklist_that_cannot_be_read_is_said_to_be_so(shell: Shell, garbage: bytes | None, problem: str) -> None:
    shell.temp.mkdir()
    hand = {"agent": "Someone", "task": "Count the notes", "status": "pending"}
    (shell.temp / "task-status-HAND22.json").write_text(json.dumps(hand))
    path = shell.temp / "checklist-HAND22.md"
    path.write_bytes(garbage) if garbage else path.mkdir()
    (row,) = json.loads(shell("status", "--json").out)["tasks"]
    assert (row["state"], row["items"]) == ("pending", None)
    assert row["problem"] == f"its checklist cannot be read: {problem}"
    shown = shell("status").out
    assert "0/0" not in shown
    assert re.search(
        rf"^HAND22  Someone \(by hand\)  pending  \?.*\n +{re.escape(row['problem'])}$", shown, re.MULTILINE
    )
    assert (row["agent"], row["description"]) == ("Someone", "Count the notes")


def test_the_table_counts_what_is_archived_and_lists_it_with_all(full: Shell) -> None:
    short, long = full("status"), full("status", "--all")
    assert "1 archived: --all lists them" in short.out
    assert full.environment["DONE"] not in short.out
    assert f"{full.environment['DONE']}  clerk" in long.out
    assert "Someone (by hand)" in short.out
    assert "interrupted: middle" in short.out
    assert "Work␛[2J on" in short.out


@pytest.mark.parametrize("columns", [60, 72, 80, 100, 120])
def test_no_line_is_wider_than_the_terminal_and_by_hand_is_never_cut(full: Shell, columns: int) -> None:
    name = "an-agent-whose-name-goes-on-and-on-and-on"
    hand = {"agentId": name, "status": "in_progress", "description": "By hand " * 30}
    (full.temp / "task-status-HAND33.json").write_text(json.dumps(hand))
    task = full.task("Write " * 30, agent=name)
    with full.engine() as engine:
        engine.commit(task.id, [WorkerStarted(epoch=1, holder="a test")], actor="engine")
        engine.commit(task.id, [PhaseChanged(phase="hand-over to whoever comes next")], actor="worker")
    full.environment["COLUMNS"] = str(columns)
    rows = full("status").out.splitlines()
    assert max(map(len, rows)) <= columns
    assert re.search(r"^HAND33  an-agent.*… ?\(by hand\)  in_progress", "\n".join(rows), re.MULTILINE) or columns > 100
    assert re.search(rf"^{task.id}  .*  interrupted[:…].*just now$", "\n".join(rows), re.MULTILINE)


def test_it_writes_nothing(full: Shell) -> None:
    before = {path: path.lstat() for path in full.temp.rglob("*")}
    full("status")
    after = {path: path.lstat() for path in full.temp.rglob("*")}
    assert {path: (row.st_mtime_ns, row.st_size, row.st_ino) for path, row in after.items()} == {
        path: (row.st_mtime_ns, row.st_size, row.st_ino) for path, row in before.items()
    }


def test_without_a_folder_it_says_so_and_makes_none(shell: Shell) -> None:
    ended = shell("status")
    assert ended.out.startswith(f"no tasks in {shell.project}")
    assert not shell.temp.exists()
    assert json.loads(shell("status", "--json").out)["tasks"] == []


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--all"]])
def test_it_starts_without_anything_heavy(full: Shell, arguments: list[str]) -> None:
    heavy = {"pydantic", "anthropic", "yaml", "orchestrator.engine", "orchestrator.definitions"}
    heavy |= {"asyncio", "ctypes", "dataclasses", "hashlib", "lzma", "socket", "subprocess", "tempfile"}
    found = f"found = {heavy} & sys.modules.keys(); assert not found, found"
    code = f"import sys; from orchestrator.cli import main; main({arguments}); {found}"
    subprocess.run([sys.executable, "-c", code], cwd=full.project, check=True, stdout=subprocess.DEVNULL)


def test_of_many_tasks_those_that_changed_last_are_listed_and_the_others_counted(shell: Shell) -> None:
    for number in range(MOST + 2):
        path = shell.temp / f"task-status-A{number:03}22.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"agentId": "Someone", "status": "pending", "startedAt": f"2026-01-{number:03}"}))
        os.utime(path, (1_000_000 - number, 1_000_000 - number))
    said = shell("status").out
    assert said.count("Someone (by hand)") == MOST
    assert f"A{MOST - 1:03}22  Someone" in said
    assert f"A{MOST:03}22  Someone" not in said
    assert said.endswith("2 that changed longer ago: --all lists them\n")
    assert shell("status", "--all").out.count("Someone (by hand)") == MOST + 2
    assert len(json.loads(shell("status", "--json").out)["tasks"]) == MOST + 2


def test_tasks_are_listed_under_the_one_that_gave_them_away(shell: Shell) -> None:
    with shell.engine() as engine:
        top = engine.create(TaskCreated(agent="lead", description="All of it\n\nWith more words"))
        other = engine.create(TaskCreated(agent="loner", description="Something else"))
        below = engine.create(TaskCreated(agent="helper", description="A part", parent=top.id))
        deep = engine.create(TaskCreated(agent="third", description="A part of that", parent=below.id))
    rows = [row.split()[:3] for row in shell("status").out.splitlines()[1::2]]
    assert [row[0] for row in rows] == [top.id, below.id, deep.id, other.id]
    assert [row[1:] for row in rows[:3]] == [["lead", "pending:"], ["└", "helper"], ["└", "third"]]
    assert "With more words" not in shell("status").out
    parents = {row["task"]: row["parent"] for row in json.loads(shell("status", "--json").out)["tasks"]}
    assert parents == {top.id: None, other.id: None, below.id: top.id, deep.id: below.id}


def test_one_that_is_given_away_and_not_begun_is_listed_and_every_command_says_so(shell: Shell) -> None:
    with shell.engine() as engine:
        given = team(engine)
        begin(engine, given.first, given.lead)
    rows = shell("status").out.splitlines()
    assert rows[-1].split() == [given.second.child, "└", "a", '"b"', "not", "begun"]
    assert f"{given.first.child}  ├ first" in rows[3]
    said = json.loads(shell("status", "--json").out)["tasks"]
    assert said[-1]["state"] == "not begun"
    assert (said[-1]["task"], said[-1]["parent"]) == (given.second.child, given.lead)
    assert set(said[-1]) == SHAPE
    ended = shell("show", given.second.child)
    assert (ended.code, ended.out) == (2, "")
    assert f"is not begun: orchestrator why {given.lead} says what comes first" in ended.err


@pytest.mark.parametrize("columns", ["1", "5", "20", None])
def test_however_narrow_it_is_and_whoever_kept_it_it_ends(shell: Shell, columns: str | None) -> None:
    """`Shell` gives it a minute."""
    shell.temp.mkdir()
    (shell.temp / "task-status-AB12CD.json").write_text('{"taskId": "AB12CD", "status": "in-progress"}')
    shell.task()
    if columns:
        shell.environment["COLUMNS"] = columns
    for arguments in (("status",), ("status", "--all"), ("log",), ("agents",)):
        assert shell(*arguments).code == 0


def test_what_tasks_cost_by_agent_and_by_file_comes_from_their_journals(shell: Shell) -> None:
    with shell.model(
        "[{calls: [{Sync: {add_items: [{text: It is there}]}}, {Write as proof: {file_path: a.txt, content: a}}],"
        " usage: {input_tokens: 1000, output_tokens: 0}},"
        ' {calls: [{Sync: {check_items: [{item: c1, evidence: ["{{receipt proof}}"]}]}}, {Finish: {summary: Done}}],'
        " usage: {input_tokens: 500, output_tokens: 0}}]"
    ):
        assert shell("run", "clerk", "Write a").code == 0
    waiting = shell.task(agent="ghost")
    damaged = shell.task()
    journal = shell.temp / ".orchestrator" / "journal" / f"{damaged.id}.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"clerk", b"clark", 1) * 2)
    ended = shell("status", "--all", "--costs", "--json")
    costs = json.loads(ended.out)["costs"]
    assert [(row["agent"], row["turns"]) for row in costs["agents"]] == [("clerk", 2), (waiting.agent, 0)]
    files = {row["file"]: row["tokens"] for row in costs["files"]}
    assert files.keys() == {"a.txt", None}
    assert sum(files.values()) == costs["agents"][0]["tokens"]
    assert f"{damaged.id}.jsonl" in ended.err
    told = shell("status", "--all", "--costs").out
    assert f"Costs by agent\n  · clerk: 2 turns, {sum(files.values()):,} tokens, $" in told
    assert f"  · a.txt: {files['a.txt']:,} tokens, $" in told
    assert "clerk" not in shell("status", "--costs").out.partition("Costs by agent")[2]
