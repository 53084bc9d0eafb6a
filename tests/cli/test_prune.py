"""`orchestrator prune`: what nothing needs goes, what anything may need stays."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ended, Shell

WRITE = "- calls: [{Sync: {add_items: [{text: A note is there}]}}, {Write: {file_path: note.txt, content: TEXT}}]\n"
REMOVE = '- calls: [{Bash: {command: "rm old.txt"}}]\n'
FINISH = "- calls: [{Sync: {check_items: [{item: c1, evidence: [R2]}]}}, {Finish: {summary: Done.}}]\n"
BLOCK = "- calls: [{Sync: {raise_blockers: [A person is needed]}}]\n- say: I wait.\n"


def run(shell: Shell, turns: str) -> str:
    with shell.model(turns):
        task: str = json.loads(shell("run", "clerk", "Try", "--yes", "--json").out)["task"]
    return task


def internal(shell: Shell) -> Path:
    return shell.temp / ".orchestrator"


def content(shell: Shell, data: bytes) -> Path:
    return internal(shell) / "contents" / hashlib.sha256(data).hexdigest()


def aged(shell: Shell) -> None:
    """Everything below `.orchestrator` as if it had lain there for a day."""
    yesterday = time.time() - 86_400
    for path in internal(shell).rglob("*"):
        os.utime(path, (yesterday, yesterday))


def prune(shell: Shell, *more: str) -> Ended:
    return shell("prune", "--json", *more)


def freed(ended: Ended) -> dict[str, int]:
    """How many of each kind."""
    rows: dict[str, Any] = json.loads(ended.out)["freed"]
    return {kind: row["count"] for kind, row in rows.items() if row["count"]}


def test_what_no_task_names_goes_unless_it_is_young_and_all_that_one_names_stays(shell: Shell) -> None:
    (shell.project / "other.txt").write_text("looked at by a command " * 100)
    (shell.project / "old.txt").write_text("removed by a command")
    task = run(shell, WRITE.replace("TEXT", "new") + REMOVE + FINISH)
    (internal(shell) / "outputs" / ("0" * 64)).write_text("of nobody")
    (internal(shell) / "staging" / ".gitignore.1").write_text("left")
    kept = [*internal(shell).glob("journal/**/*.jsonl"), *shell.temp.glob("**/*-*.md"), *shell.temp.glob("**/*-*.json")]
    truth = [path.read_bytes() for path in kept]
    assert len(truth) == 7
    assert freed(prune(shell)) == {"commands": 1}
    aged(shell)
    dry = shell("prune", "--dry-run").out
    assert "      2  copies of files that no task names  2.4 kB\n" in dry  # other.txt and the definition
    assert dry.endswith("2.4 kB would be freed\n")
    assert freed(prune(shell)) == {"contents": 2, "outputs": 1, "staging": 1}
    assert shell("prune").out == "nothing to free\n"
    assert [path.read_bytes() for path in kept] == truth
    assert shell("undo", task, "--yes").code == 0
    assert (shell.project / "old.txt").read_text() == "removed by a command"


def test_contents_of_tasks_archived_long_ago_go_when_asked_to_and_undo_says_so(shell: Shell) -> None:
    old = run(shell, WRITE.replace("TEXT", "old") + FINISH)
    (shell.project / "note.txt").unlink()
    run(shell, WRITE.replace("TEXT", "new") + BLOCK)
    aged(shell)
    assert freed(prune(shell, "--older-than", "1")) == {}
    assert freed(prune(shell, "--older-than", "0")) == {"contents": 1}
    assert content(shell, b"new").exists()
    shown = shell("changes", old)
    assert shown.code == 1
    assert "note.txt was created; what it held was not kept" in shown.err


def test_contents_of_a_reopened_task_stay_though_a_copy_lies_where_it_was_archived(shell: Shell) -> None:
    task = run(shell, WRITE.replace("TEXT", "new") + FINISH)
    archived = shell.temp / "completed" / f"task-status-{task}.json"
    copy = archived.read_bytes()
    shell("reopen", task)
    archived.write_bytes(copy)
    aged(shell)
    prune(shell, "--older-than", "0")
    assert content(shell, b"new").exists()


@pytest.mark.parametrize("days", ["nan", "inf", "800000"])
def test_days_that_lead_to_no_date_are_refused(shell: Shell, days: str) -> None:
    shell.temp.mkdir(exist_ok=True)
    ended = prune(shell, "--older-than", days)
    assert ended.code == 2
    assert f"there was no day {days} days ago" in ended.err


def test_leases_of_past_epochs_go(shell: Shell) -> None:
    task = run(shell, WRITE + BLOCK)
    with shell.model(WRITE + BLOCK + "- say: I still wait.\n"):
        shell("resume", task)
    locks = internal(shell) / "locks"
    assert (locks / f"{task}.lease-1").exists()
    assert freed(prune(shell)) == {"leases": 1}
    assert [path.name for path in locks.glob("*.lease-*")] == [f"{task}.lease-2"]
    assert shell("status").code == 0


def test_what_a_call_to_be_settled_needs_stays(shell: Shell) -> None:
    """Its owner is killed while its command runs; the resumed task takes its outcome, and it can be undone."""
    os.mkfifo(shell.project / "door")
    (shell.project / "old.txt").write_text("removed by a command")
    turns = WRITE + '- calls: [{Bash: {command: "echo >door; cat door; rm old.txt"}}]\n'
    with shell.model(turns):
        process = shell.start("run", "clerk", "Try", "--yes")
        (shell.project / "door").read_bytes()
        aged(shell)
        assert freed(prune(shell)) == {}
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert freed(prune(shell)) == {}
    (shell.project / "door").write_text("go on\n")
    (task,) = (path.stem for path in (internal(shell) / "journal").glob("*.jsonl"))
    with shell.model(turns + BLOCK):
        shell("resume", task)
    assert shell("undo", task, "old.txt", "--yes").code == 0
    assert (shell.project / "old.txt").read_text() == "removed by a command"
