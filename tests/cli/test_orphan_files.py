"""What a command that outlived its worker did to files, and what others did before anybody looked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Shell
from .test_background import begun
from .test_orphan import await_end, kill_worker
from .test_undo import undo

COMMAND = """
- calls:
    - Bash: {command: 'echo theirs >theirs.txt; echo theirs >changed.txt; rm old/gone.txt; touch begun; exec sleep 600'}
"""
BLOCK = "- calls: [{Sync: {raise_blockers: [A person is needed]}}]\n- say: I wait.\n"
BEFORE = {"changed.txt": "before\n", "old/gone.txt": "gone\n", "persons.txt": "before\n", "mine/kept.txt": "mine\n"}
OURS = ["changed.txt", "old/gone.txt", "theirs.txt"]


@pytest.fixture
def orphaned(shell: Shell) -> str:
    """A task whose worker was killed while its command runs, which has done to files what it does."""
    for name, text in BEFORE.items():
        (shell.project / name).parent.mkdir(exist_ok=True)
        (shell.project / name).write_text(text)
    with shell.model(COMMAND):
        task = shell("run", "clerk", "Write", "--detach", "--yes").out.strip()
        begun(shell)
        kill_worker(shell, task)
    return task


def stop(shell: Shell, task: str) -> None:
    shell("stop", task)
    await_end(shell, task)


def resume(shell: Shell, task: str) -> None:
    with shell.model(COMMAND + BLOCK):
        assert shell("resume", task, "--yes").code == 3


def texts(project: Path) -> dict[str, str]:
    return {name: path.read_text() for name in (*BEFORE, "theirs.txt") if (path := project / name).exists()}


def found(shell: Shell, task: str) -> dict[str, bool]:
    """The files that it changed, and whether somebody else may have."""
    rows = json.loads(shell("changes", task, "--json").out)["files"]
    return {row["path"]: row["shared"] for row in rows if row["path"] != "begun"}


def test_what_it_did_is_its_own_when_nobody_did_anything_after_it(shell: Shell, orphaned: str) -> None:
    stop(shell, orphaned)
    resume(shell, orphaned)
    assert found(shell, orphaned) == dict.fromkeys(OURS, False)
    assert undo(shell, orphaned).code == 0
    assert texts(shell.project) == BEFORE


def test_what_a_person_did_after_its_end_is_not_taken_back(shell: Shell, orphaned: str) -> None:
    stop(shell, orphaned)
    aside = shell.home / "aside"
    (shell.project / "mine").rename(aside)
    (shell.project / "persons.txt").write_text("a person's\n")
    (shell.project / "mine.txt").write_text("mine\n")
    (shell.project / "old" / "other.txt").write_text("beside it\n")
    aside.rename(shell.project / "mine-too")
    resume(shell, orphaned)
    person = ("mine.txt", "persons.txt", "mine-too/kept.txt", "mine/kept.txt", "old/gone.txt", "old/other.txt")
    assert found(shell, orphaned) == dict.fromkeys(person, True) | {"changed.txt": False, "theirs.txt": False}
    ended = undo(shell, orphaned)
    assert ended.code == 1
    assert "mine.txt stays as it is: it may be somebody else's doing" in ended.out
    assert texts(shell.project) == {"changed.txt": "before\n", "persons.txt": "a person's\n"}
    assert (shell.project / "mine.txt").read_text() == "mine\n"
    assert (shell.project / "mine-too" / "kept.txt").read_text() == "mine\n"


def test_while_it_runs_changes_says_so_and_undo_waits_for_its_end(shell: Shell, orphaned: str) -> None:
    shown = shell("changes", orphaned)
    assert (shown.code, shown.out) == (1, "")
    assert f"still runs, and what it did is not told: orchestrator stop {orphaned} ends it" in shown.err
    refused = undo(shell, orphaned)
    assert refused.code == 1
    assert f"by a command that outlived its worker: `orchestrator stop {orphaned}` ends it" in refused.err
    assert texts(shell.project)["changed.txt"] == "theirs\n"


@pytest.mark.parametrize("end", ["stop", "cancel"])
def test_what_it_did_is_told_and_taken_back_though_nobody_has_resumed_the_task(
    shell: Shell, orphaned: str, end: str
) -> None:
    shell(end, orphaned)
    await_end(shell, orphaned)
    (shell.project / "persons.txt").write_text("a person's\n")
    why = json.loads(shell("why", orphaned, "--json").out)["why"]
    assert (
        f"how its command ended is not recorded yet; orchestrator changes {orphaned} shows what it did to files" in why
    )
    assert found(shell, orphaned) == dict.fromkeys(OURS, False) | {"persons.txt": True}
    assert "-before\n+theirs\n" in shell("changes", orphaned, "changed.txt").out
    ended = undo(shell, orphaned)
    assert "persons.txt stays as it is: it may be somebody else's doing" in ended.out
    assert texts(shell.project) == BEFORE | {"persons.txt": "a person's\n"}
    assert "taken back: begun, changed.txt, old/gone.txt, theirs.txt" in shell("log", orphaned).out
    assert found(shell, orphaned) == {"persons.txt": True}
    if end == "cancel":
        shell("reopen", orphaned)
    resume(shell, orphaned)
    assert found(shell, orphaned) == {"persons.txt": True}
    assert texts(shell.project) == BEFORE | {"persons.txt": "a person's\n"}


def test_what_was_written_before_it_in_the_same_message_is_told_with_it(shell: Shell) -> None:
    write = (
        "    - Write: {file_path: first.txt, content: first}\n    - Bash: {command: 'touch begun; exec sleep 600'}\n"
    )
    with shell.model("- calls:\n" + write):
        task = shell("run", "clerk", "Write", "--detach", "--yes").out.strip()
        begun(shell)
        kill_worker(shell, task)
    stop(shell, task)
    assert found(shell, task) == {"first.txt": False}
    assert undo(shell, task).code == 0
    assert not (shell.project / "first.txt").exists()
    assert "nothing to undo" in undo(shell, task).out
