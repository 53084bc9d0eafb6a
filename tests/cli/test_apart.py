"""What is told of a task that works in a worktree of its own."""

from __future__ import annotations

import json
import subprocess

import pytest

from .conftest import Shell

TURNS = """
- calls:
    - Write: {file_path: '{{workspace}}/note.txt', content: hello}
    - Sync: {raise_blockers: [No ink]}
- say: So I stop.
"""


def git(shell: Shell, *words: str) -> str:
    named = ("-c", "user.name=A Person", "-c", "user.email=person@example.invalid")
    ended = subprocess.run(["git", *named, *words], cwd=shell.project, check=True, capture_output=True, text=True)
    return ended.stdout


@pytest.fixture
def blocked(shell: Shell) -> str:
    """A task that wrote a file apart from others, and cannot go on."""
    (shell.project / ".gitignore").write_text(".temp\n")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "Begin"]):
        git(shell, *words)
    with shell.model(TURNS):
        ended = shell("run", "clerk", "Write", "--isolate", "worktree", "--yes")
    assert ended.code == 3
    (row,) = json.loads(shell("status", "--json").out)["tasks"]
    assert "✓ Write  note.txt\n" in ended.out
    return str(row["task"])


def test_show_and_why_name_its_folder_and_its_branch(shell: Shell, blocked: str) -> None:
    folder, branch = f".temp/.orchestrator/worktrees/{blocked}", f"orchestrator/{blocked}"
    assert (shell.project / folder / "note.txt").read_text() == "hello"
    assert f"\nWorktree\n  {folder}\n  branch {branch}\n" in shell("show", blocked).out
    assert json.loads(shell("show", blocked, "--json").out)["worktree"] == {"folder": folder, "branch": branch}
    assert f"its work is in {folder}, on the branch {branch}" in json.loads(shell("why", blocked, "--json").out)["why"]


@pytest.mark.parametrize("project", [False, True])
def test_cancel_says_what_stays_and_what_removes_it(shell: Shell, blocked: str, project: bool) -> None:
    where = ["--project", str(shell.project)] if project else []
    said = shell(*where, "cancel", blocked).out.splitlines()
    folder, branch = f".temp/.orchestrator/worktrees/{blocked}", f"orchestrator/{blocked}"
    assert said[:2] == [
        f"{blocked} is cancelled",
        f"its work stays in {folder}, on the branch {branch}; to remove both:",
    ]
    for typed in said[2:]:
        subprocess.run(typed, shell=True, cwd=shell.home if project else shell.project, check=True)
    assert not (shell.project / folder).exists()
    assert branch not in git(shell, "branch", "--list", branch)
    again = json.loads(shell("cancel", blocked, "--json").out)
    assert again["worktree"] is None
    assert json.loads(shell("show", blocked, "--json").out)["worktree"] is None
    assert "Worktree" not in shell("show", blocked).out
