"""Two agents at the same time: what a command's receipt holds of what another one did meanwhile."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrator.events import CallSettled, FileChange, Receipt, TaskCompleted
from orchestrator.task import Task
from orchestrator.worker import Moment

from .conftest import Stage

ENOUGH = "- calls: [{Sync: {raise_blockers: [enough]}}]\n- say: Enough.\n"
CLERK = "- calls: [{Bash: {command: 'read x <ready; echo mine >mine.txt; echo go >first; read x <second'}}]\n" + ENOUGH
ARCHITECT = "- calls: [{Bash: {command: 'echo >ready; read x <first; echo its >its.txt; echo go >second'}}]\n" + ENOUGH


def side_by_side(stage: Stage, other: str) -> None:
    stage.work(stage.id, other)


def in_two_processes(stage: Stage, other: str) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            stage.work(other)
        finally:
            os._exit(0)
    stage.work()
    os.waitpid(pid, 0)


def overlap(stage: Stage, work: Callable[[Stage, str], None] = side_by_side) -> Task:
    """The architect's task; each command waits for the other one."""
    for name in ("ready", "first", "second"):
        os.mkfifo(stage.workspace / name)
    stage.agent("architect")
    stage.start()
    other = stage.start("architect")
    with stage.model(clerk=CLERK, architect=ARCHITECT):
        work(stage, other)
    with stage.engine() as engine:
        return engine.refresh(other).task


def said(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "orchestrator", *words]
    return subprocess.run(command, cwd=stage.workspace, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("work", [side_by_side, in_two_processes])
def test_what_two_commands_changed_at_once_is_in_both_receipts_and_credited_to_none(
    stage: Stage, work: Callable[[Stage, str], None]
) -> None:
    other = overlap(stage, work)
    for task in (stage.task, other):
        [receipt] = [receipt for receipt in task.receipts if receipt.tool == "Bash"]
        assert [(change.path, change.before, change.shared) for change in receipt.files] == [
            ("its.txt", None, True),
            ("mine.txt", None, True),
        ]


def test_files_that_another_task_wrote_meanwhile_are_not_credited_to_a_command(stage: Stage) -> None:
    """The architect writes while the clerk's command runs, which waits for that."""
    for name in ("ready", "gate"):
        os.mkfifo(stage.workspace / name)
    stage.agent("architect")
    stage.start()
    other = stage.start("architect")

    def watch(moment: Moment) -> None:
        if moment.task.id == other and moment.kind == "started":
            (stage.workspace / "ready").read_text()
        elif moment.task.id == other and moment.kind == "ended" and moment.task.turns == 1:
            (stage.workspace / "gate").write_text("go\n")

    stage.watch = watch
    with stage.model(
        clerk="- calls: [{Bash: {command: touch mine.txt; echo >ready; read x <gate}}]\n" + ENOUGH,
        architect="- calls: [{Write: {file_path: theirs.txt, content: theirs}}]\n" + ENOUGH,
    ):
        in_two_processes(stage, other)
    assert [(change.path, change.shared) for change in stage.task.receipts[0].files] == [("mine.txt", False)]


def test_nor_those_of_one_that_is_done_and_not_archived_yet(stage: Stage) -> None:
    for name in ("ready", "gate"):
        os.mkfifo(stage.workspace / name)
    stage.agent("architect")
    stage.start()
    other = stage.start("architect")
    wrote = FileChange(path="theirs.txt", after=hashlib.sha256(b"theirs").hexdigest())
    receipt = Receipt(id="R1", call="call", tool="Write", outcome="ok", files=(wrote,))

    def architect() -> None:
        (stage.workspace / "ready").read_text()
        (stage.workspace / "theirs.txt").write_text("theirs")
        with stage.engine() as engine:
            engine.lease(other).release()
            engine.commit(other, [CallSettled(receipt=receipt), TaskCompleted(summary="Done.")], actor="user")
        (stage.workspace / "gate").write_text("go\n")

    with ThreadPoolExecutor() as pool:
        done = pool.submit(architect)
        stage.play("- calls: [{Bash: {command: touch mine.txt; echo >ready; read x <gate}}]", ENOUGH)
        done.result()
    assert [change.path for change in stage.task.receipts[0].files] == ["mine.txt"]


def test_undo_and_the_patch_leave_alone_what_another_task_may_have_changed(stage: Stage) -> None:
    other = overlap(stage)
    (stage.workspace / "mine.txt").rename(stage.workspace / "away.txt")
    patch = said(stage, "changes", other.id)
    assert (patch.returncode, patch.stdout) == (1, "")
    assert "its.txt was created, perhaps by somebody else: while a command ran, or after it" in patch.stderr
    assert [row["shared"] for row in json.loads(said(stage, "changes", other.id, "--json").stdout)["files"]] == [
        True
    ] * 2
    undone = json.loads(said(stage, "undo", other.id, "its.txt", "--json", "--yes").stdout)
    assert (undone["undone"], undone["left"][0]["path"]) == ([], "its.txt")
    assert "it may be somebody else's doing" in undone["left"][0]["reason"]
    assert (stage.workspace / "its.txt").exists()
    assert "? its.txt, perhaps by somebody else" in said(stage, "show", other.id, "R1").stdout


def test_a_command_that_brings_back_what_another_task_wrote_long_before_is_credited_with_it(stage: Stage) -> None:
    stage.agent("architect")
    other = stage.start("architect")
    with stage.model(architect="- calls: [{Write: {file_path: a.txt, content: one}}]\n" + ENOUGH):
        stage.work(other)
    (stage.workspace / "a.txt").write_text("two")
    stage.play("- calls: [{Bash: {command: printf one >a.txt}}]", ENOUGH)
    assert [change.path for change in stage.task.receipts[0].files] == ["a.txt"]
