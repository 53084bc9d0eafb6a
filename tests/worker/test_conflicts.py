"""Conflicts of tasks that work apart: what nobody has decided lands nowhere, and no side is chosen in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import TaskIsBlocked
from orchestrator.worker import Moment
from orchestrator.worktrees import folder
from tests.worker.conftest import Stage, git, script

from .test_isolation import AGAIN, BEGIN, DONE, WRITE_A

HERE = """
- calls:
    - Bash as proof: {command: "printf 'a\\\\0here' >logo.bin; echo here >gone.txt; rm left.txt"}
"""


def there(stage: Stage) -> None:
    """What lands meanwhile."""
    if (stage.workspace / "gone.txt").exists():
        (stage.workspace / "logo.bin").write_bytes(b"a\0there")
        (stage.workspace / "gone.txt").unlink()
        (stage.workspace / "left.txt").write_text("there\n")
        git(stage.workspace, "commit", "--quiet", "-a", "-m", "There")


@pytest.fixture
def unmarked(repository: Stage) -> Stage:
    """A task whose work meets a conflict in files that no marks can be in."""
    stage = repository
    (stage.workspace / "logo.bin").write_bytes(b"a\0")
    for name in ("gone.txt", "left.txt"):
        (stage.workspace / name).write_text("as it was\n")
    git(stage.workspace, "add", ".")
    git(stage.workspace, "commit", "--quiet", "-m", "More")
    stage.start(isolate=True)
    stage.watch = lambda moment: there(stage) if moment.kind == "call" else None
    return stage


def test_where_no_marks_can_be_no_side_is_taken_until_the_worker_says_which(unmarked: Stage) -> None:
    stage = unmarked
    decide = "- calls:\n    - Bash: {command: \"printf 'a\\\\0both' >logo.bin; git add gone.txt; rm left.txt\"}\n"
    partly = "- calls:\n    - Bash: {command: \"printf 'a\\\\0both' >logo.bin; git add gone.txt\"}\n"
    with stage.model(clerk=script(BEGIN, HERE, DONE, AGAIN, partly, AGAIN, decide, AGAIN)):
        stage.work()
        assert isinstance(stage.ends[stage.id], TaskIsBlocked)
        told = stage.told[3]
        assert "contradicts it in gone.txt, left.txt, logo.bin" in told
        assert "gone.txt has no marks (it was changed here and deleted there)" in told
        assert "left.txt has no marks (it was deleted here and changed there)" in told
        assert "logo.bin has no marks (both changed it)" in told
        assert "keep what is there with `git add logo.bin`" in told
        stage.work()  # it says again that it is done, and has changed nothing
        assert isinstance(stage.ends[stage.id], TaskIsBlocked)
        stage.work()
        assert "contradicts it in left.txt: " in str(stage.ends[stage.id])
        assert git(stage.workspace, "log", "-1", "--format=%s") == "There"
        stage.work()
    assert (stage.workspace / "logo.bin").read_bytes() == b"a\0both"
    assert (stage.workspace / "gone.txt").read_text() == "here\n"
    assert not (stage.workspace / "left.txt").exists()


def test_who_dies_before_it_was_told_of_a_conflict_is_told_of_it(unmarked: Stage) -> None:
    stage = unmarked
    with stage.model(clerk=script(BEGIN, HERE, DONE)):
        stage.die("asking", None, 3)
        there(stage)
        stage.die("recording", 0, 2)
        assert "MERGE_HEAD" in [path.name for path in (stage.workspace / ".git/worktrees" / stage.id).iterdir()]
        stage.work()
    assert "contradicts it in gone.txt, left.txt, logo.bin" in str(stage.ends[stage.id])


def test_nobody_begins_from_a_merge_that_is_not_decided(repository: Stage) -> None:
    stage = repository
    stage.agent("maker")
    stage.start(isolate=True)
    lead = Path(folder(stage.temp) / stage.id / "a.txt")

    def meanwhile(moment: Moment) -> None:
        if moment.kind == "call" and "theirs" not in (stage.workspace / "a.txt").read_text():
            (stage.workspace / "a.txt").write_text("theirs\n")
            git(stage.workspace, "commit", "--quiet", "-a", "-m", "Theirs")

    stage.watch = meanwhile
    give = """
- calls:
    - Delegate: {agent: maker, task: Write made.txt, workstream: made}
- expect: '(?s)is pending.*what holds in a.txt is not decided'
  calls:
    - Read: {file_path: a.txt}
    - Write: {file_path: a.txt, content: "both\\n"}
- calls:
    - Await: {tasks: ["{{child}}"]}
"""
    make = "- calls:\n    - Write as proof: {file_path: made.txt, content: made}\n"
    with stage.model(clerk=script(BEGIN, WRITE_A, DONE, give, AGAIN), maker=script(BEGIN, make, DONE)):
        stage.work()
        assert isinstance(stage.ends[stage.id], TaskIsBlocked)
        stage.work()
    assert stage.task.ended == "completed", stage.ends
    assert not [text for text in git(stage.workspace, "log", "-p", "--format=").splitlines() if "<<<<" in text]
    assert lead.parent.exists() is False
    assert (stage.workspace / "a.txt").read_text() == "both\n"
    assert (stage.workspace / "made.txt").read_text() == "made"


def test_what_is_outside_the_project_s_folder_is_named_so_that_git_finds_it_there(repository: Stage) -> None:
    root = repository.workspace
    stage = Stage(root / "sub")
    stage.agent("clerk")
    for name in ("a.txt", "sub/a.txt", "other.bin"):
        (root / name).write_bytes(b"a\0" if name == "other.bin" else b"as it was\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "More")
    stage.start(isolate=True)

    def meanwhile(moment: Moment) -> None:
        if moment.kind == "call" and (root / "other.bin").read_bytes() == b"a\0":
            (root / "other.bin").write_bytes(b"a\0there")
            (root / "a.txt").write_text("there\n")
            git(root, "commit", "--quiet", "-a", "-m", "There")

    stage.watch = meanwhile
    here = "- calls:\n    - Bash as proof: {command: \"printf 'a\\\\0here' >../other.bin; echo here >../a.txt\"}\n"
    add = "- calls:\n    - Bash: {command: 'git add ../other.bin && echo both >../a.txt'}\n"
    with stage.model(clerk=script(BEGIN, here, DONE, add, AGAIN)):
        stage.work()
        assert "contradicts it in ../a.txt, ../other.bin" in str(stage.ends[stage.id])
        assert "keep what is there with `git add ../other.bin`" in stage.told[3]
        stage.work()
    assert (root / "other.bin").read_bytes() == b"a\0here", stage.ends
    assert (root / "a.txt").read_text() == "both\n"
