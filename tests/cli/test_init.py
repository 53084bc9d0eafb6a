"""`orchestrator init`: a project made ready."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator import definitions
from orchestrator.tools import catalog

from .conftest import Shell


@pytest.fixture
def bare(shell: Shell) -> Shell:
    """A project that knows of no agents."""
    shutil.rmtree(shell.project / ".claude")
    return shell


def git(shell: Shell, *arguments: str) -> str:
    command = ["git", "-C", str(shell.project), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def tree(folder: Path) -> dict[Path, tuple[int, int, int]]:
    rows = {path: path.lstat() for path in folder.rglob("*") if ".git" not in path.parts}
    return {path: (row.st_ino, row.st_mtime_ns, row.st_size) for path, row in rows.items()}


def test_it_prepares_a_project_and_says_what_to_type_next(bare: Shell) -> None:
    ended = bare("init")
    assert (ended.code, ended.err) == (0, "")
    assert (bare.temp / "completed").is_dir()
    assert (bare.temp / ".orchestrator" / "staging").is_dir()
    assert not (bare.project / ".gitignore").exists()
    assert ended.out.splitlines()[-1] == 'next: orchestrator run code-reviewer "Review the error handling"'


def test_done_again_it_changes_nothing(bare: Shell) -> None:
    git(bare, "init")
    bare("init")
    before = tree(bare.project)
    ended = bare("init", "--json")
    assert tree(bare.project) == before
    assert json.loads(ended.out) == {
        "project": str(bare.project),
        "created": [],
        "ignored": "already",
        "agent": None,
        "next": "orchestrator agents",
    }


def test_the_first_agent_can_be_run_and_asks_only_for_tools_there_are(bare: Shell) -> None:
    said = json.loads(bare("init", "--json").out)
    assert said["created"] == [".temp", said["agent"]]
    found = definitions.read(bare.project / said["agent"])
    assert found.name == Path(said["agent"]).stem
    assert set(found.tools or ()) <= set(catalog())


def test_agents_that_are_there_are_left_alone(shell: Shell) -> None:
    assert json.loads(shell("init", "--json").out)["agent"] is None
    assert [path.name for path in (shell.project / ".claude" / "agents").iterdir()] == ["clerk.md"]


@pytest.mark.parametrize(
    ("before", "after"), [(None, "/.temp/\n"), ("dist", "dist\n/.temp/\n"), ("a\n", "a\n/.temp/\n")]
)
def test_git_ignores_the_folder_afterwards(bare: Shell, before: str | None, after: str) -> None:
    git(bare, "init")
    ignore = bare.project / ".gitignore"
    if before is not None:
        ignore.write_text(before)
    assert ".gitignore: git ignores .temp now" in bare("init").out
    assert ignore.read_text() == after
    bare.task()
    assert ".temp" not in git(bare, "status", "--short", "--untracked-files=all")


def test_a_link_that_git_does_not_read_is_left_alone_and_told(bare: Shell) -> None:
    git(bare, "init")
    elsewhere = bare.home / "ignored"
    elsewhere.write_text("dist\n")
    (bare.project / ".gitignore").symlink_to(elsewhere)
    for _ in range(2):
        assert "  .gitignore is a link that git does not read: put .temp/ in .git/info/exclude" in bare("init").out
    assert json.loads(bare("init", "--json").out)["ignored"] == "link"
    assert elsewhere.read_text() == "dist\n"
    (bare.project / ".git" / "info" / "exclude").write_text(".temp/\n")
    assert json.loads(bare("init", "--json").out)["ignored"] == "already"


@pytest.mark.parametrize("line", [".temp", ".temp/*\n!.temp/README.md", "/.temp/**"])
def test_a_folder_that_git_ignores_already_needs_no_line(bare: Shell, line: str) -> None:
    git(bare, "init")
    (bare.project / ".git" / "info" / "exclude").write_text(line + "\n")
    assert json.loads(bare("init", "--json").out)["ignored"] == "already"
    assert not (bare.project / ".gitignore").exists()


def test_without_git_a_repository_s_owner_is_told_to_look(bare: Shell) -> None:
    git(bare, "init")
    bare.environment["PATH"] = str(bare.home)
    assert "git could not be asked" in bare("init").out


def test_a_folder_that_cannot_be_made_is_one_line(bare: Shell) -> None:
    bare.temp.write_text("a file")
    ended = bare("init")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.count("\n") == 1
    assert "Not a directory: take it away" in ended.err
