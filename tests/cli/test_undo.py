"""`orchestrator changes` and `undo`: what a task did to files, shown as a patch and taken back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Ended, Shell, shell_in
from .test_terminal import Terminal

BINARY = b"\x00\x01\x02" * 100
PLAY = r"""
- calls:
    - Sync: {add_items: [{text: Files are changed}, {text: Files are looked at}]}  # R1
    - Read: {file_path: kept.txt}
    - Edit: {file_path: kept.txt, old_string: two, new_string: "2"}  # R3
    - Write: {file_path: src/new.txt, content: "fresh, and no newline"}
    - Write: {file_path: "a name.txt", content: "x\n"}
    - Bash: {command: "rm gone.txt picture.bin; : >empty; printf '\\0made' >made.bin; echo more >>both.txt"}  # R6
    - Write: {file_path: src/new.txt, content: "fresher"}
    - Bash: {command: "ls"}  # R8
    - Sync: {check_items: [{item: c1, evidence: [R6]}, {item: c2, evidence: [R8]}]}
"""
FINISH = "- calls: [{Finish: {summary: Done.}}]\n"
BLOCK = "- calls: [{Sync: {raise_blockers: [A person is needed]}}]\n- say: I wait.\n"
BEFORE = {
    "kept.txt": b"one\ntwo\nthree\n",
    "gone.txt": b"",
    "picture.bin": BINARY,
    "both.txt": b"caf\xe9, in Latin-1\r\n",
}
TOUCHED = {*BEFORE, "src/new.txt", "a name.txt", "empty", "made.bin"}


def files(directory: Path) -> dict[str, bytes]:
    """What a person would call the project's files."""
    found = (path for path in directory.rglob("*") if path.is_file())
    named = {path.relative_to(directory).as_posix(): path.read_bytes() for path in found}
    return {name: data for name, data in named.items() if name.split("/")[0] not in (".temp", ".claude", ".git")}


def run(shell: Shell, turns: str, before: dict[str, bytes] = BEFORE) -> str:
    """A clerk at work; returns the task's id."""
    for name, data in before.items():
        (shell.project / name).write_bytes(data)
    with shell.model(turns):
        ended = shell("run", "clerk", "Change files", "--yes", "--json")
    task: str = json.loads(ended.out)["task"]
    return task


def piped(shell: Shell, *arguments: str) -> bytes:
    """The very bytes that a pipe gets."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(shell.home)}
    command = [sys.executable, "-m", "orchestrator", *arguments]
    return subprocess.check_output(command, cwd=shell.project, env=environment)


def undo(shell: Shell, task: str, *more: str) -> Ended:
    return shell("undo", task, "--yes", *more)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str]:
    """A task that is archived; whoever uses it only looks."""
    shell = shell_in(tmp_path_factory.mktemp("done"))
    return shell, run(shell, PLAY + FINISH)


# -- changes


def test_changes_are_a_patch_that_git_applies_backwards_and_forwards(done: tuple[Shell, str]) -> None:
    shell, task = done
    after = files(shell.project)
    patch = piped(shell, "changes", task)
    for arguments, expected in ((["--reverse"], BEFORE), ([], after)):
        subprocess.run(["git", "apply", "--check", *arguments], input=patch, cwd=shell.project, check=True)
        subprocess.run(["git", "apply", *arguments], input=patch, cwd=shell.project, check=True)
        assert files(shell.project) == expected
    assert b"\\ No newline at end of file" in patch
    assert b"--- /dev/null\n+++ b/src/new.txt\n" in patch


def test_changes_of_a_part_are_named_by_file_or_directory(done: tuple[Shell, str]) -> None:
    shell, task = done
    found = json.loads(shell("changes", task, "src", "gone.txt", "--json").out)["files"]
    assert [(row["path"], row["change"], row["kept"]) for row in found] == [
        ("gone.txt", "deleted", True),
        ("src/new.txt", "created", True),
    ]
    assert found[1]["patch"].endswith("+fresher\n\\ No newline at end of file\n")
    refused = shell("changes", task, "src/other.txt")
    assert refused.code == 2
    assert "changed no src/other.txt" in refused.err


def test_at_a_terminal_changes_are_in_colour_and_binary_files_are_only_named(done: tuple[Shell, str]) -> None:
    shell, task = done
    shell.environment["TERM"] = "xterm"
    terminal = Terminal(shell, "changes", task)
    assert terminal.end() == 0
    assert "\x1b[31m-two" in terminal.shown
    assert "\x1b[32m+2" in terminal.shown
    assert "picture.bin was deleted, binary: 300 bytes" in terminal.shown
    assert "GIT binary patch" not in terminal.shown


# -- undo


def test_undo_takes_back_what_a_task_created_modified_and_deleted(shell: Shell) -> None:
    task = run(shell, PLAY + FINISH)
    (shell.project / "kept.txt").chmod(0o754)
    ended = undo(shell, task)
    assert (ended.code, ended.err) == (0, "")
    assert files(shell.project) == BEFORE
    assert (shell.project / "kept.txt").stat().st_mode & 0o777 == 0o754
    assert shell("changes", task).out == ""
    assert "nothing to undo" in undo(shell, task).out
    assert "taken back: " in shell("log", task).out
    summary = shell("show", task, "summary").out
    assert "new.txt` –" not in summary
